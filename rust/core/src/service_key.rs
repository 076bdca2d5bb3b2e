//! The service key: what a registry seals and authenticates for itself.
//!
//! A type of its own, with contexts of its own: nothing that is sealed under a [`crate::wrap::WrappingKey`]
//! opens here, or the other way round, whatever material the two have.

use ring::hmac;

use crate::error::Error;
use crate::random::RandomSource;
use crate::seal::{self, Context, SealingKey};
use crate::secret::SecretBytes;
use crate::stack;
use crate::wrap::Sealed;

/// Bytes of a [`ServiceKey::mac`].
pub const MAC_LENGTH: usize = 32;

const SEAL: Context<'static> = Context::of(b"pairsmith/service");
const MAC: Context<'static> = Context::of(b"pairsmith/service-mac");
const FORMAT: u8 = 2;

/// The key of a registry's own secrets and rows.
pub struct ServiceKey {
    key: SealingKey,
    mac_key: SecretBytes,
}

impl ServiceKey {
    /// Takes 32 secret bytes.
    ///
    /// # Errors
    /// [`Error::InvalidLength`] unless `secret` has 32 bytes and `version_id` 36 characters of ASCII;
    /// [`Error::SelfTest`].
    pub fn new(secret: SecretBytes, version_id: &str) -> Result<Self, Error> {
        let key = SealingKey::new(secret, version_id)?;
        let mac_key = key.derived_key(MAC)?;
        Ok(Self { key, mac_key })
    }

    /// The id that was given at construction.
    #[must_use]
    pub fn version_id(&self) -> &str {
        self.key.id()
    }

    /// Seals `plaintext` for `place`. Iv and salt are drawn from `random`, in that order.
    ///
    /// # Errors
    /// [`Error::Random`] if there was no randomness.
    pub fn seal(
        &self,
        plaintext: &[u8],
        place: &str,
        random: &mut impl RandomSource,
    ) -> Result<Sealed, Error> {
        let iv = seal::fresh_iv(random)?;
        let blob = self.key.seal(SEAL, &[&[FORMAT]], iv, plaintext, place.as_bytes(), random)?;
        Ok(Sealed { iv, blob })
    }

    /// Opens what was sealed for `place`.
    ///
    /// # Errors
    /// [`Error::Decryption`] whatever does not fit: bytes, Iv, place or key.
    pub fn open(&self, sealed: &[u8], iv: &[u8], place: &str) -> Result<SecretBytes, Error> {
        let Some((&FORMAT, sealed)) = sealed.split_first() else {
            return Err(Error::Decryption);
        };
        self.key.open(SEAL, sealed, iv, place.as_bytes())
    }

    /// HMAC-SHA256 over the length of `place` (8 bytes, big-endian), `place` and `message`.
    #[must_use]
    pub fn mac(&self, place: &str, message: &[u8]) -> [u8; MAC_LENGTH] {
        // ring does not erase what it makes of a key, so nothing of it is kept.
        stack::erased_after::<{ stack::SHALLOW }, _>(|| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, self.mac_key.expose());
            let mut context = hmac::Context::with_key(&key);
            context.update(&(place.len() as u64).to_be_bytes());
            context.update(place.as_bytes());
            context.update(message);
            let tag = context.sign();
            std::array::from_fn(|i| tag.as_ref()[i])
        })
    }

    /// Whether `mac` is that of `message` in `place`; compared in constant time.
    #[must_use]
    pub fn verify(&self, place: &str, message: &[u8], mac: &[u8]) -> bool {
        crate::secret::equal(&self.mac(place, message), mac)
    }
}
