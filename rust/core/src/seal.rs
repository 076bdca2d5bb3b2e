//! The one way in which anything is sealed: AES-256-GCM under a key of its own for every message.
//!
//! That key is derived from a secret and a fresh salt, so no counter is kept and no number of messages
//! wears a key out; and what is sealed commits to it, so it cannot be made to open under two. What a
//! secret is used for is in the derivation: see [`Context`]. `docs/formats.md` works an example.

use ring::hkdf;

use crate::aead::{self, IV_LENGTH, TAG_LENGTH};
use crate::error::Error;
use crate::random::{OsRandom, RandomSource};
use crate::secret::{SecretBytes, equal};
use crate::self_test::{SelfTest, bytes};
use crate::stack;

pub(crate) static SELF_TEST: SelfTest = SelfTest::new("HKDF-SHA256");

/// Bytes of a secret that seals: a key version's material, or a root key.
pub const KEY_LENGTH: usize = 32;
/// Bytes of the id that belongs to such a secret.
pub(crate) const ID_LENGTH: usize = 36;

const SALT: usize = 16;
const COMMITMENT: usize = 32;
/// Bytes that are derived for a message: its key, and after it the commitment to it.
const MESSAGE_KEY: usize = KEY_LENGTH + COMMITMENT;
/// Bytes that sealing draws, the Iv included.
pub(crate) const SEAL_RANDOMNESS: usize = IV_LENGTH + SALT;

/// A source for one seal, which draws Iv and salt at once.
#[must_use]
pub fn randomness() -> OsRandom {
    OsRandom::in_blocks_of(SEAL_RANDOMNESS)
}

/// An Iv that never comes again.
///
/// # Errors
/// [`Error::Random`] if there was no randomness.
pub(crate) fn fresh_iv(random: &mut impl RandomSource) -> Result<[u8; IV_LENGTH], Error> {
    let mut iv = [0; IV_LENGTH];
    random.fill(&mut iv)?;
    Ok(iv)
}

/// What a secret is used for. What is sealed in one context opens in no other.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    /// Of fixed text: no name begins with another one.
    pub(crate) name: &'static [u8],
    /// Details, of a length that the name fixes.
    pub(crate) details: &'a [u8],
}

impl Context<'static> {
    pub(crate) const fn of(name: &'static [u8]) -> Self {
        Self { name, details: &[] }
    }
}

/// A secret that seals, and its id, which goes into all that is derived.
pub(crate) struct SealingKey {
    secret: SecretBytes,
    id: String,
}

impl SealingKey {
    /// # Errors
    /// [`Error::InvalidLength`] unless `secret` has 32 bytes and `id` 36 characters of ASCII.
    pub(crate) fn new(secret: SecretBytes, id: &str) -> Result<Self, Error> {
        if secret.len() != KEY_LENGTH || id.len() != ID_LENGTH || !id.is_ascii() {
            return Err(Error::InvalidLength);
        }
        Ok(Self { secret, id: id.to_owned() })
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Seals `plaintext`, bound to `aad`; gives `head ‖ salt ‖ commitment ‖ ciphertext ‖ tag`. The
    /// salt is drawn from `random`, as the caller has drawn the Iv, which never comes twice.
    ///
    /// # Errors
    /// [`Error::Random`] if there was no randomness.
    pub(crate) fn seal(
        &self,
        context: Context<'_>,
        head: &[&[u8]],
        iv: [u8; IV_LENGTH],
        plaintext: &[u8],
        aad: &[u8],
        random: &mut impl RandomSource,
    ) -> Result<Vec<u8>, Error> {
        stack::erased_after::<{ stack::SHALLOW }, _>(|| {
            let mut salt = [0; SALT];
            random.fill(&mut salt)?;
            let derived = self.derive(context, &salt, MESSAGE_KEY)?;
            let (key, commitment) = parts(&derived);
            let head_length: usize = head.iter().map(|piece| piece.len()).sum();
            let length = head_length + SALT + COMMITMENT + plaintext.len() + TAG_LENGTH;
            let mut sealed = Vec::with_capacity(length);
            for piece in head {
                sealed.extend_from_slice(piece);
            }
            sealed.extend_from_slice(&salt);
            sealed.extend_from_slice(commitment);
            let start = sealed.len();
            // Encrypted in place, within the capacity: the plaintext is never left in a freed buffer.
            sealed.extend_from_slice(plaintext);
            let tag = aead::seal(key, iv, aad, &mut sealed[start..])?;
            sealed.extend_from_slice(&tag);
            Ok(sealed)
        })
    }

    /// Opens what follows the head.
    ///
    /// # Errors
    /// [`Error::Decryption`] whatever does not fit: key, context, bytes, Iv or Aad.
    pub(crate) fn open(
        &self,
        context: Context<'_>,
        sealed: &[u8],
        iv: &[u8],
        aad: &[u8],
    ) -> Result<SecretBytes, Error> {
        stack::erased_after::<{ stack::SHALLOW }, _>(|| {
            let iv: [u8; IV_LENGTH] = iv.try_into().map_err(|_| Error::Decryption)?;
            if sealed.len() < SALT + COMMITMENT + TAG_LENGTH {
                return Err(Error::Decryption);
            }
            let (salt, rest) = sealed.split_at(SALT);
            let (claimed, ciphertext) = rest.split_at(COMMITMENT);
            let derived = self.derive(context, salt, MESSAGE_KEY)?;
            let (key, commitment) = parts(&derived);
            if !equal(claimed, commitment) {
                return Err(Error::Decryption);
            }
            let mut buffer = SecretBytes::copy_of(ciphertext);
            let plaintext = aead::open(key, iv, aad, buffer.expose_mut())?;
            Ok(SecretBytes::copy_of(plaintext))
        })
    }

    /// A key for something else than sealing, of 32 bytes.
    ///
    /// # Errors
    /// [`Error::SelfTest`].
    pub(crate) fn derived_key(&self, context: Context<'_>) -> Result<SecretBytes, Error> {
        stack::erased_after::<{ stack::SHALLOW }, _>(|| self.derive(context, &[], KEY_LENGTH))
    }

    fn derive(
        &self,
        context: Context<'_>,
        salt: &[u8],
        length: usize,
    ) -> Result<SecretBytes, Error> {
        SELF_TEST.before_use(known_answers_are_right)?;
        let info = [context.name, context.details, self.id.as_bytes()];
        Ok(hkdf_sha256(salt, self.secret.expose(), &info, length))
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
