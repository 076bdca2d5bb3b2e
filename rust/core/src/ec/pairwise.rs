//! A new pair signs and verifies: the option for whoever must test elliptic-curve pairs, too (FIPS
//! 140-3 IG 10.3.A). It is no default, because a scalar and its point go through no search: there
//! is one multiplication, and the known answers are there for it.

use k256::ecdsa::signature::Signer;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

use super::known_answers;
use super::signatures::verifies;
use crate::error::Error;
use crate::halves::public_half;
use crate::lanes::crate_is_ready;
use crate::spec::Curve;

const MESSAGE: &[u8] = b"pairsmith pairwise consistency test";

/// Signs with the one half and verifies with the other, both as they will leave.
///
/// # Errors
/// [`Error::Consistency`] if anything at all is wrong; [`Error::SelfTest`].
pub fn pairwise_consistency_test(curve: Curve, pkcs8: &[u8], spki: &[u8]) -> Result<(), Error> {
    known_answers::signatures_before_use(curve)?;
    let point = public_half(pkcs8, spki)?;
    let signature = match curve {
        Curve::P256 => p256_signature(pkcs8),
        Curve::P256K => p256k_signature(pkcs8, point),
    };
    let verifies = |signature: Vec<u8>| verifies(curve, point, MESSAGE, &signature);
    if signature.is_some_and(verifies) { Ok(()) } else { Err(Error::Consistency) }
}

/// ring also compares the point in the document with the scalar's.
fn p256_signature(pkcs8: &[u8]) -> Option<Vec<u8>> {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &random).ok()?;
    Some(key.sign(&random, MESSAGE).ok()?.as_ref().to_vec())
}

/// By the deterministic nonce of RFC 6979; the point in the document must be `point`.
fn p256k_signature(pkcs8: &[u8], point: &[u8]) -> Option<Vec<u8>> {
    crate_is_ready(Curve::P256K).ok()?;
    let info = pkcs8::PrivateKeyInfoRef::try_from(pkcs8).ok()?;
    let document = sec1::EcPrivateKey::try_from(info.private_key.as_bytes()).ok()?;
    let key = k256::ecdsa::SigningKey::from_slice(document.private_key).ok()?;
    let signature: k256::ecdsa::Signature = key.try_sign(MESSAGE).ok()?;
    (document.public_key == Some(point)).then(|| signature.to_bytes().to_vec())
}
