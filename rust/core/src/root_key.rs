//! The root key: what wraps key versions at rest.
//!
//! A row is `Iv ‖ 0x02 ‖ sealed`, sealed under the root key with the ids of the key and of the version
//! as Aad: a row that was moved to another place does not open there. What the version is for is in the
//! derivation, so a row made for callers' data does not open as the service key, or the other way round.

use ring::digest;

use crate::error::Error;
use crate::random::RandomSource;
use crate::seal::{self, Context, SealingKey};
use crate::secret::SecretBytes;
use crate::self_test::{SelfTest, bytes};
use crate::service_key::ServiceKey;
use crate::stack;
use crate::wrap::{IV_LENGTH, KEY_LENGTH, VERSION_ID_LENGTH, WrappingKey};

pub(crate) static SELF_TEST: SelfTest = SelfTest::new("SHA-256");

/// In the place of a key id for the rows of the service key.
const SERVICE: &str = "pairsmith-server";
const FORMAT: u8 = 2;
/// Rows of format 1 had one context for every purpose.
const FORMAT_1: (u8, Context<'static>) = (1, Context::of(b"pairsmith/root/v1"));

/// What a key version is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionUse {
    /// Callers' data: a [`WrappingKey`].
    Data,
    /// The registry's own secrets and rows: a [`ServiceKey`].
    Service,
}

impl VersionUse {
    const fn context(self) -> Context<'static> {
        match self {
            Self::Data => Context::of(b"pairsmith/root/data"),
            Self::Service => Context::of(b"pairsmith/root/service"),
        }
    }
}

/// What the root key of a dev server begins with, so that it tells what it is wherever it is copied.
pub const DEV_MARK: &[u8] = b"pairsmith --dev\n";

/// The key that wraps every key version of one registry.
pub struct RootKey {
    key: SealingKey,
    id: String,
    is_dev: bool,
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
        let secret_hash = || root_key_id(secret.expose());
        let id = stack::erased_after::<{ stack::SHALLOW }, _>(secret_hash);
        let is_dev = secret.expose().starts_with(DEV_MARK);
        // A root key has one version; its place in the derivation is filled by its own id.
        let place = format!("{id:>VERSION_ID_LENGTH$}");
        Ok(Self { key: SealingKey::new(secret, &place)?, id, is_dev })
    }

    /// 16 hexadecimal digits that tell one root key from another and reveal nothing of either.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether it is marked as the root key of a dev server: see [`DEV_MARK`].
    #[must_use]
    pub fn is_dev(&self) -> bool {
        self.is_dev
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
        self.create(VersionUse::Data, key_id, version_id, random)
    }

    /// The same for the row of a service key.
    ///
    /// # Errors
    /// As [`Self::create_version`].
    pub fn create_service_version(
        &self,
        version_id: &str,
        random: &mut impl RandomSource,
    ) -> Result<Vec<u8>, Error> {
        self.create(VersionUse::Service, SERVICE, version_id, random)
    }

    /// Unwraps a row.
    ///
    /// # Errors
    /// [`Error::Decryption`] if the row was changed, moved, wrapped by another root key, or is for
    /// something else; [`Error::InvalidLength`] if `version_id` is not one.
    pub fn open_version(
        &self,
        wrapped: &[u8],
        key_id: &str,
        version_id: &str,
    ) -> Result<WrappingKey, Error> {
        WrappingKey::new(self.unwrap(VersionUse::Data, wrapped, key_id, version_id)?, version_id)
    }

    /// Unwraps the row of a service key.
    ///
    /// # Errors
    /// As [`Self::open_version`].
    pub fn open_service_version(
        &self,
        wrapped: &[u8],
        version_id: &str,
    ) -> Result<ServiceKey, Error> {
        ServiceKey::new(self.unwrap(VersionUse::Service, wrapped, SERVICE, version_id)?, version_id)
    }

    /// The same material for the same row and use, wrapped by another root key.
    ///
    /// # Errors
    /// As [`Self::open_version`] and [`Self::create_version`].
    pub fn rewrap(
        &self,
        version_use: VersionUse,
        wrapped: &[u8],
        key_id: &str,
        version_id: &str,
        new: &Self,
        random: &mut impl RandomSource,
    ) -> Result<Vec<u8>, Error> {
        let material = self.unwrap(version_use, wrapped, key_id, version_id)?;
        new.wrap(version_use, &material, key_id, version_id, random)
    }

    /// Unwraps a row of format 1, to take over what an older version of this crate has sealed.
    ///
    /// # Errors
    /// As [`Self::open_version`]; a row of this format does not open.
    pub fn open_version_1(
        &self,
        wrapped: &[u8],
        key_id: &str,
        version_id: &str,
    ) -> Result<WrappingKey, Error> {
        WrappingKey::new(self.opened(FORMAT_1, wrapped, key_id, version_id)?, version_id)
    }

    /// The same material as a row of this format, for callers' data.
    ///
    /// # Errors
    /// As [`Self::open_version_1`] and [`Self::create_version`].
    pub fn upgrade_version(
        &self,
        wrapped: &[u8],
        key_id: &str,
        version_id: &str,
        random: &mut impl RandomSource,
    ) -> Result<Vec<u8>, Error> {
        let material = self.opened(FORMAT_1, wrapped, key_id, version_id)?;
        self.wrap(VersionUse::Data, &material, key_id, version_id, random)
    }

    fn create(
        &self,
        version_use: VersionUse,
        key_id: &str,
        version_id: &str,
        random: &mut impl RandomSource,
    ) -> Result<Vec<u8>, Error> {
        let mut material = SecretBytes::zero(KEY_LENGTH);
        random.fill(material.expose_mut())?;
        self.wrap(version_use, &material, key_id, version_id, random)
    }

    fn wrap(
        &self,
        version_use: VersionUse,
        material: &SecretBytes,
        key_id: &str,
        version_id: &str,
        random: &mut impl RandomSource,
    ) -> Result<Vec<u8>, Error> {
        let aad = place_of(key_id, version_id)?;
        let iv = seal::fresh_iv(random)?;
        let (context, material) = (version_use.context(), material.expose());
        self.key.seal(context, &[&iv, &[FORMAT]], iv, material, &aad, random)
    }

    fn unwrap(
        &self,
        version_use: VersionUse,
        wrapped: &[u8],
        key_id: &str,
        version_id: &str,
    ) -> Result<SecretBytes, Error> {
        self.opened((FORMAT, version_use.context()), wrapped, key_id, version_id)
    }

    fn opened(
        &self,
        (format, context): (u8, Context<'_>),
        wrapped: &[u8],
        key_id: &str,
        version_id: &str,
    ) -> Result<SecretBytes, Error> {
        let aad = place_of(key_id, version_id)?;
        let (iv, sealed) = wrapped.split_at_checked(IV_LENGTH).ok_or(Error::Decryption)?;
        let (found, sealed) = sealed.split_first().ok_or(Error::Decryption)?;
        if *found != format {
            return Err(Error::Decryption);
        }
        let material = self.key.open(context, sealed, iv, &aad)?;
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
