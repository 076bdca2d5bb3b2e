//! The root key: what wraps key versions at rest.
//!
//! A row is `Iv ‖ sealed`, sealed under the root key with the ids of the key and of the version as
//! Aad: a row that was moved to another place does not open there.

use ring::digest;

use crate::error::Error;
use crate::random::RandomSource;
use crate::secret::SecretBytes;
use crate::self_test::{SelfTest, bytes};
use crate::wrap::{IV_LENGTH, KEY_LENGTH, Layout, VERSION_ID_LENGTH, WrappingKey};

pub(crate) static SELF_TEST: SelfTest = SelfTest::new("SHA-256");

/// The key that wraps every key version of one registry.
pub struct RootKey {
    key: WrappingKey,
    id: String,
}

impl RootKey {
    /// Takes 32 secret bytes.
    ///
    /// # Errors
    /// [`Error::InvalidLength`] for any other length; [`Error::SelfTest`].
    pub fn new(secret: SecretBytes) -> Result<Self, Error> {
        if secret.len() != KEY_LENGTH {
            return Err(Error::InvalidLength);
        }
        SELF_TEST.before_use(known_answer_is_right)?;
        let id = root_key_id(secret.expose());
        // A root key has one version; its place in the derivation is filled by its own id.
        let place = format!("{id:>VERSION_ID_LENGTH$}");
        let key = WrappingKey::with_context(secret, &place, b"pairsmith/root/v1")?;
        Ok(Self { key, id })
    }

    /// 16 hexadecimal digits that tell one root key from another and reveal nothing of either.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Draws 32 bytes of key material and wraps them for the row of `key_id` and `version_id`.
    ///
    /// # Errors
    /// [`Error::Random`] if there was no randomness; [`Error::InvalidLength`] if `version_id` is
    /// not one.
    pub fn create_version(
        &self,
        key_id: &str,
        version_id: &str,
        random: &mut impl RandomSource,
    ) -> Result<Vec<u8>, Error> {
        let mut material = SecretBytes::zero(KEY_LENGTH);
        random.fill(material.expose_mut())?;
        self.wrap(&material, key_id, version_id, random)
    }

    /// Unwraps a row.
    ///
    /// # Errors
    /// [`Error::Decryption`] if the row was changed, moved, or wrapped by another root key;
    /// [`Error::InvalidLength`] if `version_id` is not one.
    pub fn open_version(
        &self,
        wrapped: &[u8],
        key_id: &str,
        version_id: &str,
    ) -> Result<WrappingKey, Error> {
        WrappingKey::new(self.unwrap(wrapped, key_id, version_id)?, version_id)
    }

    /// The same material for the same row, wrapped by another root key.
    ///
    /// # Errors
    /// As [`Self::open_version`] and [`Self::create_version`].
    pub fn rewrap(
        &self,
        wrapped: &[u8],
        key_id: &str,
        version_id: &str,
        new: &Self,
        random: &mut impl RandomSource,
    ) -> Result<Vec<u8>, Error> {
        new.wrap(&self.unwrap(wrapped, key_id, version_id)?, key_id, version_id, random)
    }

    fn wrap(
        &self,
        material: &SecretBytes,
        key_id: &str,
        version_id: &str,
        random: &mut impl RandomSource,
    ) -> Result<Vec<u8>, Error> {
        let aad = place_of(key_id, version_id)?;
        let sealed = self.key.seal(material.expose(), &aad, Layout::Plain, random)?;
        Ok([sealed.iv.as_slice(), &sealed.blob].concat())
    }

    fn unwrap(&self, wrapped: &[u8], key_id: &str, version_id: &str) -> Result<SecretBytes, Error> {
        let (iv, sealed) = wrapped.split_at_checked(IV_LENGTH).ok_or(Error::Decryption)?;
        let material = self.key.open(sealed, iv, &place_of(key_id, version_id)?)?;
        if material.len() == KEY_LENGTH { Ok(material) } else { Err(Error::Decryption) }
    }
}

/// The Aad of a row. A version id has one length, so no two places share an Aad, whatever the ids
/// are made of.
fn place_of(key_id: &str, version_id: &str) -> Result<Vec<u8>, Error> {
    if version_id.len() != VERSION_ID_LENGTH {
        return Err(Error::InvalidLength);
    }
    Ok([key_id.as_bytes(), b"/", version_id.as_bytes()].concat())
}

fn root_key_id(secret: &[u8]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"pairsmith/root-key-id/v1");
    context.update(secret);
    let hash = context.finish();
    hash.as_ref()[..8].iter().fold(String::new(), |id, byte| id + &format!("{byte:02x}"))
}

/// FIPS 180-4's example of one block, "abc".
pub(crate) fn known_answer_is_right() -> bool {
    const HASH: [u8; 32] =
        bytes("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest::digest(&digest::SHA256, b"abc").as_ref() == HASH
}
