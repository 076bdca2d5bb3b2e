//! ECDSA with SHA-256, verified by other people's code.

use k256::ecdsa::signature::Verifier;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

use crate::lanes::crate_is_ready;
use crate::spec::Curve;

/// Whether `signature`, r and s in 32 bytes each, is one of `message` with SHA-256.
pub(super) fn verifies(curve: Curve, point: &[u8], message: &[u8], signature: &[u8]) -> bool {
    match curve {
        Curve::P256 => {
            let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
            key.verify(message, signature).is_ok()
        }
        Curve::P256K => {
            if crate_is_ready(curve).is_err() {
                return false;
            }
            let key = k256::ecdsa::VerifyingKey::from_sec1_bytes(point);
            let signature = k256::ecdsa::Signature::from_slice(signature);
            key.is_ok_and(|key| signature.is_ok_and(|it| key.verify(message, &it).is_ok()))
        }
    }
}
