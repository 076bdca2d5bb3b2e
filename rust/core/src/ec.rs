//! Elliptic-curve key pairs: a uniform scalar and its public point.

pub(crate) mod known_answers;
mod pairwise;

use k256::elliptic_curve::sec1::ToSec1Point;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use zeroize::Zeroizing;

pub use pairwise::pairwise_consistency_test;

use crate::error::Error;
use crate::random::RandomSource;
use crate::secret::SecretBytes;
use crate::spec::Curve;

/// Bytes of a scalar and of a coordinate on either curve.
pub const SCALAR_LENGTH: usize = 32;
/// Bytes of an uncompressed point: 0x04 ‖ x ‖ y (SEC 1, 2.3.3).
pub const POINT_LENGTH: usize = 1 + 2 * SCALAR_LENGTH;

/// A private scalar with its public point.
pub struct EcKeyPair {
    /// The curve of both.
    pub curve: Curve,
    /// d, big-endian, 0 < d < n.
    pub scalar: SecretBytes,
    /// Q = dG, uncompressed.
    pub point: [u8; POINT_LENGTH],
}

/// Draws a scalar uniformly from 1 ..= n − 1 by rejection (FIPS 186-5 A.2.2; C2SP det-keygen). What
/// `random` gives determines the pair.
///
/// # Errors
/// [`Error::Random`] if there was no randomness; [`Error::SelfTest`].
pub fn generate(curve: Curve, random: &mut impl RandomSource) -> Result<EcKeyPair, Error> {
    known_answers::before_use(curve)?;
    match curve {
        Curve::P256 if random.is_operating_system() => generate_p256_by_ring(),
        Curve::P256 => drawn(curve, random, p256_point),
        Curve::P256K => drawn(curve, random, p256k_point),
    }
}

/// ring draws from the operating system and takes no other source; it hands the pair out in a fixed
/// PKCS#8 frame, from which scalar and point are taken.
fn generate_p256_by_ring() -> Result<EcKeyPair, Error> {
    const SCALAR_START: usize = 36;
    const POINT_START: usize = 73;
    let document =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map_err(|_| Error::Random)?;
    let pkcs8 = document.as_ref();
    if pkcs8.len() != POINT_START + POINT_LENGTH {
        return Err(Error::Encoding);
    }
    let mut point = [0; POINT_LENGTH];
    point.copy_from_slice(&pkcs8[POINT_START..]);
    let scalar = SecretBytes::copy_of(&pkcs8[SCALAR_START..SCALAR_START + SCALAR_LENGTH]);
    Ok(EcKeyPair { curve: Curve::P256, scalar, point })
}

fn drawn(
    curve: Curve,
    random: &mut impl RandomSource,
    point_of: impl Fn(&[u8]) -> Option<[u8; POINT_LENGTH]>,
) -> Result<EcKeyPair, Error> {
    let mut scalar = SecretBytes::zero(SCALAR_LENGTH);
    // Ends: a draw is out of range with odds of 2^-32 (P-256) or below 2^-127.
    loop {
        random.fill(scalar.expose_mut())?;
        if let Some(point) = point_of(scalar.expose()) {
            return Ok(EcKeyPair { curve, scalar, point });
        }
    }
}

/// The point of a scalar; `None` unless it is from 1 ..= n − 1.
fn p256_point(scalar: &[u8]) -> Option<[u8; POINT_LENGTH]> {
    let secret = p256::SecretKey::from_slice(scalar).ok()?;
    let secret = Zeroizing::new(secret.to_nonzero_scalar());
    let public = p256::PublicKey::from_secret_scalar(&secret).to_sec1_point(false);
    let mut point = [0; POINT_LENGTH];
    point.copy_from_slice(public.as_bytes());
    Some(point)
}

/// The point of a scalar; `None` unless it is from 1 ..= n − 1.
fn p256k_point(scalar: &[u8]) -> Option<[u8; POINT_LENGTH]> {
    let secret = k256::SecretKey::from_slice(scalar).ok()?;
    let secret = Zeroizing::new(secret.to_nonzero_scalar());
    let public = k256::PublicKey::from_secret_scalar(&secret).to_sec1_point(false);
    let mut point = [0; POINT_LENGTH];
    point.copy_from_slice(public.as_bytes());
    Some(point)
}
