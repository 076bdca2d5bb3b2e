//! Public keys of those who send requests: read once, and asked for every request.

use pkcs8::der::asn1::ObjectIdentifier;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};

use crate::error::Error;
use crate::lanes::Engine;
use crate::rsa;

/// rsaEncryption (RFC 8017, appendix A.1).
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// An RSA public key of 2048 to 8192 bits that verifies RSASSA-PKCS1-v1_5 with SHA-256.
pub struct VerifyingKey(RsaPublicKeyComponents<Vec<u8>>);

impl VerifyingKey {
    /// Reads a `SubjectPublicKeyInfo`; `None` for what is no RSA key.
    #[must_use]
    pub fn from_spki(spki: &[u8]) -> Option<Self> {
        let public = pkcs8::spki::SubjectPublicKeyInfoRef::try_from(spki).ok()?;
        if public.algorithm.oid != RSA_ENCRYPTION {
            return None;
        }
        let key = pkcs1::RsaPublicKeyRef::try_from(public.subject_public_key.as_bytes()?).ok()?;
        Some(Self(RsaPublicKeyComponents {
            n: key.modulus.as_bytes().to_vec(),
            e: key.public_exponent.as_bytes().to_vec(),
        }))
    }

    /// Whether the private half has signed this message.
    ///
    /// # Errors
    /// [`Error::SelfTest`].
    pub fn verifies(&self, signature: &[u8], message: &[u8]) -> Result<bool, Error> {
        // Only ring is asked, whatever engine makes pairs.
        rsa::known_answers::before_use(Engine::Scalar)?;
        Ok(self.0.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok())
    }
}
