//! Sealing and opening under one version of a symmetric key; the blob formats.
//!
//! Format 2 binds a blob to its [`Purpose`] and its [`Layout`]: both are in the derivation, so a header
//! can be neither put on nor taken off, and nothing opens as something that it is not. Format 1 said
//! nothing of either; it is opened, and not made any more.

use crate::error::Error;
use crate::purpose::{PURPOSE_LENGTH, Purpose};
use crate::random::RandomSource;
use crate::seal::{self, Context, ID_LENGTH, SealingKey};
use crate::secret::SecretBytes;

pub use crate::aead::IV_LENGTH;
pub(crate) use crate::seal::SEAL_RANDOMNESS;
pub use crate::seal::{KEY_LENGTH, randomness};

/// Bytes of a key version id: 36 ASCII characters, as the Advance header has room for.
pub const VERSION_ID_LENGTH: usize = ID_LENGTH;

/// `$`, cipher version 0 and padding 0 in one byte, algorithm 2 = `AES_GCM`.
const ADVANCE_MAGIC: [u8; 3] = [b'$', 0x00, 0x02];
const ADVANCE_HEADER: usize = ADVANCE_MAGIC.len() + VERSION_ID_LENGTH + IV_LENGTH;

/// How a blob is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// The sealed bytes alone; the Iv travels beside them.
    Plain,
    /// Key version id and Iv in front: the blob says itself what opens it.
    Advance,
}

/// The format of a blob, as its first byte after the Advance header tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Purpose and layout unstated.
    One = 1,
    /// Purpose and layout in the derivation.
    Two = 2,
}

/// A sealed message.
pub struct Sealed {
    /// The nonce, for the caller to keep beside a plain blob.
    pub iv: [u8; IV_LENGTH],
    /// The blob in the layout asked for.
    pub blob: Vec<u8>,
}

/// A blob as it is stored, with all that opening it takes besides the key.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// How the blob is laid out.
    pub layout: Layout,
    /// The blob.
    pub blob: &'a [u8],
    /// The Iv beside a plain blob; an Advance blob has its own, and this is not looked at.
    pub iv: &'a [u8],
    /// What the blob is bound to.
    pub aad: &'a [u8],
}

impl<'a> Source<'a> {
    /// A plain blob and its Iv.
    #[must_use]
    pub const fn plain(blob: &'a [u8], iv: &'a [u8], aad: &'a [u8]) -> Self {
        Self { layout: Layout::Plain, blob, iv, aad }
    }

    /// An Advance blob.
    #[must_use]
    pub const fn advance(blob: &'a [u8], aad: &'a [u8]) -> Self {
        Self { layout: Layout::Advance, blob, iv: &[], aad }
    }
}

/// What was in a blob.
pub struct Opened {
    /// The message.
    pub plaintext: SecretBytes,
    /// What it was sealed as.
    pub purpose: Purpose,
    /// The blob's format.
    pub format: Format,
}

/// One version of a symmetric key, for callers' data.
pub struct WrappingKey(SealingKey);

impl WrappingKey {
    /// A key version that wraps data.
    ///
    /// # Errors
    /// [`Error::InvalidLength`] unless `secret` has 32 bytes and `version_id` 36 characters of ASCII.
    pub fn new(secret: SecretBytes, version_id: &str) -> Result<Self, Error> {
        SealingKey::new(secret, version_id).map(Self)
    }

    /// The id that was given at construction.
    #[must_use]
    pub fn version_id(&self) -> &str {
        self.0.id()
    }

    /// Seals `plaintext` for `purpose`, bound to `aad`. Iv and salt are drawn from `random`, in that
    /// order.
    ///
    /// # Errors
    /// [`Error::Random`] if there was no randomness.
    pub fn seal(
        &self,
        plaintext: &[u8],
        purpose: Purpose,
        aad: &[u8],
        layout: Layout,
        random: &mut impl RandomSource,
    ) -> Result<Sealed, Error> {
        let iv = seal::fresh_iv(random)?;
        let (details, format) = (details(layout, purpose), [FORMAT_BYTE_2]);
        let stated = &details[1..];
        let context = Context { name: FORMAT_2, details: &details };
        let blob = match layout {
            Layout::Plain => {
                self.0.seal(context, &[&format, stated], iv, plaintext, aad, random)?
            }
            Layout::Advance => {
                let id = self.version_id().as_bytes();
                let head = [&ADVANCE_MAGIC, id, &iv, &format, stated];
                self.0.seal(context, &head, iv, plaintext, aad, random)?
            }
        };
        Ok(Sealed { iv, blob })
    }

    /// Opens a blob of either layout.
    ///
    /// # Errors
    /// [`Error::Decryption`] whatever does not fit: blob, layout, Iv, Aad or key.
    pub fn open(&self, source: Source<'_>) -> Result<Opened, Error> {
        let Source { layout, blob, mut iv, aad } = source;
        let sealed = match layout {
            Layout::Plain => blob,
            Layout::Advance => {
                if advance_version_id(blob) != Some(self.version_id()) {
                    return Err(Error::Decryption);
                }
                let (header, sealed) = blob.split_at(ADVANCE_HEADER);
                iv = &header[ADVANCE_HEADER - IV_LENGTH..];
                sealed
            }
        };
        match sealed {
            [FORMAT_BYTE_1, sealed @ ..] => {
                let plaintext = self.0.open(Context::of(FORMAT_1), sealed, iv, aad)?;
                Ok(Opened { plaintext, purpose: Purpose::Unstated, format: Format::One })
            }
            [FORMAT_BYTE_2, what, spec, encoding, sealed @ ..] => {
                let purpose =
                    Purpose::from_bytes([*what, *spec, *encoding]).ok_or(Error::Decryption)?;
                let details = details(layout, purpose);
                let context = Context { name: FORMAT_2, details: &details };
                let plaintext = self.0.open(context, sealed, iv, aad)?;
                Ok(Opened { plaintext, purpose, format: Format::Two })
            }
            _ => Err(Error::Decryption),
        }
    }
}

const FORMAT_BYTE_1: u8 = Format::One as u8;
const FORMAT_BYTE_2: u8 = Format::Two as u8;
const FORMAT_1: &[u8] = b"pairsmith/wrap/v1";
const FORMAT_2: &[u8] = b"pairsmith/blob";

/// What goes into a blob's derivation besides the id: layout and purpose. The purpose alone stands
/// in the blob, for who opens it knows where it took it from.
fn details(layout: Layout, purpose: Purpose) -> [u8; 1 + PURPOSE_LENGTH] {
    let layout = match layout {
        Layout::Plain => 0,
        Layout::Advance => 1,
    };
    let [what, spec, encoding] = purpose.bytes();
    [layout, what, spec, encoding]
}

/// The key version id in an Advance blob's header, or `None` if the bytes are no Advance blob.
#[must_use]
pub fn advance_version_id(blob: &[u8]) -> Option<&str> {
    if blob.len() < ADVANCE_HEADER || !blob.starts_with(&ADVANCE_MAGIC) {
        return None;
    }
    let id = &blob[ADVANCE_MAGIC.len()..ADVANCE_MAGIC.len() + VERSION_ID_LENGTH];
    std::str::from_utf8(id).ok().filter(|id| id.is_ascii())
}

/// Whether a blob says what it was made as: one of format 1 does not, nor does one that was moved from
/// there by re-encryption. Taken at its word, which is in the derivation.
#[must_use]
pub fn states_purpose(blob: &[u8], layout: Layout) -> bool {
    let sealed = match layout {
        Layout::Plain => blob,
        Layout::Advance => blob.get(ADVANCE_HEADER..).unwrap_or_default(),
    };
    matches!(sealed, [FORMAT_BYTE_2, what, ..] if *what != 0)
}
