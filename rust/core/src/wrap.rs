//! Sealing and opening under one version of a symmetric key; the blob formats.
//!
//! Every message gets an AES-256-GCM key of its own, derived from the key version and a fresh salt,
//! so no counter is kept and no number of messages wears a key out; and the blob commits to that
//! key, so it cannot be made to open under two. `docs/formats.md` works an example.

use ring::hkdf;

use crate::aead::{self, TAG_LENGTH};
use crate::error::Error;
use crate::random::RandomSource;
use crate::secret::{SecretBytes, equal};
use crate::self_test::{SelfTest, bytes};
use crate::stack;

pub use crate::aead::IV_LENGTH;
pub(crate) static SELF_TEST: SelfTest = SelfTest::new("HKDF-SHA256");

/// Bytes of a key version's material, and of a root key.
pub const KEY_LENGTH: usize = 32;
/// Bytes of a key version id: 36 ASCII characters, as the Advance header has room for.
pub const VERSION_ID_LENGTH: usize = 36;

const FORMAT_VERSION: u8 = 0x01;
const SALT: usize = 16;
const COMMITMENT: usize = 32;
/// Bytes that sealing draws.
pub(crate) const SEAL_RANDOMNESS: usize = IV_LENGTH + SALT;
const SEALED_HEADER: usize = 1 + SALT + COMMITMENT;

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

/// A sealed message.
pub struct Sealed {
    /// The nonce, for the caller to keep beside a plain blob.
    pub iv: [u8; IV_LENGTH],
    /// The blob in the layout asked for.
    pub blob: Vec<u8>,
}

/// One version of a symmetric key.
pub struct WrappingKey {
    secret: SecretBytes,
    version_id: String,
    context: &'static [u8],
}

impl WrappingKey {
    /// A key version that wraps data.
    ///
    /// # Errors
    /// [`Error::InvalidLength`] unless `secret` has 32 bytes and `version_id` 36 characters of ASCII.
    pub fn new(secret: SecretBytes, version_id: &str) -> Result<Self, Error> {
        Self::with_context(secret, version_id, b"pairsmith/wrap/v1")
    }

    /// A key for another purpose: `context` separates what the two derive.
    pub(crate) fn with_context(
        secret: SecretBytes,
        version_id: &str,
        context: &'static [u8],
    ) -> Result<Self, Error> {
        if secret.len() != KEY_LENGTH
            || version_id.len() != VERSION_ID_LENGTH
            || !version_id.is_ascii()
        {
            return Err(Error::InvalidLength);
        }
        Ok(Self { secret, version_id: version_id.to_owned(), context })
    }

    /// The id that was given at construction.
    #[must_use]
    pub fn version_id(&self) -> &str {
        &self.version_id
    }

    /// Seals `plaintext`, bound to `aad`. Iv and salt are drawn from `random`, in that order.
    ///
    /// # Errors
    /// [`Error::Random`] if there was no randomness.
    pub fn seal(
        &self,
        plaintext: &[u8],
        aad: &[u8],
        layout: Layout,
        random: &mut impl RandomSource,
    ) -> Result<Sealed, Error> {
        stack::erased_after::<{ stack::SHALLOW }, _>(|| self.sealed(plaintext, aad, layout, random))
    }

    fn sealed(
        &self,
        plaintext: &[u8],
        aad: &[u8],
        layout: Layout,
        random: &mut impl RandomSource,
    ) -> Result<Sealed, Error> {
        let mut iv = [0; IV_LENGTH];
        random.fill(&mut iv)?;
        let mut salt = [0; SALT];
        random.fill(&mut salt)?;
        let derived = self.derive(&salt)?;
        let (key, commitment) = parts(&derived);

        let mut blob =
            Vec::with_capacity(ADVANCE_HEADER + SEALED_HEADER + plaintext.len() + TAG_LENGTH);
        if layout == Layout::Advance {
            blob.extend_from_slice(&ADVANCE_MAGIC);
            blob.extend_from_slice(self.version_id.as_bytes());
            blob.extend_from_slice(&iv);
        }
        blob.push(FORMAT_VERSION);
        blob.extend_from_slice(&salt);
        blob.extend_from_slice(commitment);
        let start = blob.len();
        // Encrypted in place, within the capacity: the plaintext is never left in a freed buffer.
        blob.extend_from_slice(plaintext);
        let tag = aead::seal(key, iv, aad, &mut blob[start..])?;
        blob.extend_from_slice(&tag);
        Ok(Sealed { iv, blob })
    }

    /// Opens a plain blob.
    ///
    /// # Errors
    /// [`Error::Decryption`] whatever does not fit: blob, Iv, Aad or key.
    pub fn open(&self, blob: &[u8], iv: &[u8], aad: &[u8]) -> Result<SecretBytes, Error> {
        stack::erased_after::<{ stack::SHALLOW }, _>(|| self.opened(blob, iv, aad))
    }

    fn opened(&self, blob: &[u8], iv: &[u8], aad: &[u8]) -> Result<SecretBytes, Error> {
        let iv: [u8; IV_LENGTH] = iv.try_into().map_err(|_| Error::Decryption)?;
        let Some((&FORMAT_VERSION, rest)) = blob.split_first() else {
            return Err(Error::Decryption);
        };
        if rest.len() < SALT + COMMITMENT + TAG_LENGTH {
            return Err(Error::Decryption);
        }
        let (salt, rest) = rest.split_at(SALT);
        let (claimed, ciphertext) = rest.split_at(COMMITMENT);
        let derived = self.derive(salt)?;
        let (key, commitment) = parts(&derived);
        if !equal(claimed, commitment) {
            return Err(Error::Decryption);
        }
        let mut buffer = SecretBytes::copy_of(ciphertext);
        let plaintext = aead::open(key, iv, aad, buffer.expose_mut())?;
        Ok(SecretBytes::copy_of(plaintext))
    }

    /// Opens an Advance blob that names this key version.
    ///
    /// # Errors
    /// [`Error::Decryption`] whatever does not fit: blob, Aad or key.
    pub fn open_advance(&self, blob: &[u8], aad: &[u8]) -> Result<SecretBytes, Error> {
        if advance_version_id(blob) != Some(self.version_id()) {
            return Err(Error::Decryption);
        }
        let (header, sealed) = blob.split_at(ADVANCE_HEADER);
        self.open(sealed, &header[ADVANCE_HEADER - IV_LENGTH..], aad)
    }

    /// The message's key, and after it the commitment to it.
    fn derive(&self, salt: &[u8]) -> Result<SecretBytes, Error> {
        SELF_TEST.before_use(known_answers_are_right)?;
        let info = [self.context, self.version_id.as_bytes()];
        Ok(hkdf_sha256(salt, self.secret.expose(), &info, KEY_LENGTH + COMMITMENT))
    }
}

/// HKDF-SHA256 (RFC 5869), for at most 8160 bytes.
fn hkdf_sha256(salt: &[u8], secret: &[u8], info: &[&[u8]], length: usize) -> SecretBytes {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut okm = SecretBytes::zero(length);
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(secret)
        .expand(info, Length(length))
        .and_then(|output| output.fill(okm.expose_mut()))
        .expect("the length is within HKDF-SHA256's limit of 8160");
    okm
}

/// RFC 5869, A.1: HMAC-SHA256, and SHA-256 in it, as every derivation uses them.
pub(crate) fn known_answers_are_right() -> bool {
    const SALT: [u8; 13] = bytes("000102030405060708090a0b0c");
    const INFO: [u8; 10] = bytes("f0f1f2f3f4f5f6f7f8f9");
    const OKM: [u8; 42] = bytes(
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    );
    let (first, second) = INFO.split_at(4);
    hkdf_sha256(&SALT, &[0x0b; 22], &[first, second], OKM.len()).expose() == OKM
}

/// The key and the commitment that were derived.
fn parts(derived: &SecretBytes) -> (&[u8; aead::KEY_LENGTH], &[u8]) {
    derived.expose().split_first_chunk().expect("64 bytes were derived")
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
