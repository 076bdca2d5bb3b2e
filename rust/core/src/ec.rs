//! Elliptic-curve key pairs: a uniform scalar and its public point.

pub(crate) mod known_answers;
mod pairwise;
mod signatures;

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

pub use pairwise::pairwise_consistency_test;

use crate::error::Error;
use crate::lanes::{Engine, Point};
use crate::random::RandomSource;
use crate::secret::SecretBytes;
use crate::spec::Curve;

pub use crate::lanes::{POINT_LENGTH, SCALAR_LENGTH};

/// A private scalar with its public point.
pub struct EcKeyPair {
    /// The curve of both.
    pub curve: Curve,
    /// d, big-endian, 0 < d < n.
    pub scalar: SecretBytes,
    /// Q = dG, uncompressed.
    pub point: Point,
}

/// Draws a scalar uniformly from 1 ..= n − 1 by rejection (FIPS 186-5 A.2.2; C2SP det-keygen). What
/// `random` gives determines the pair, on every engine.
///
/// # Errors
/// [`Error::Random`] if there was no randomness, [`Error::BrokenRandom`] if it is of no use;
/// [`Error::Consistency`] and [`Error::SelfTest`] after a fault.
pub fn generate(
    curve: Curve,
    engine: Engine,
    random: &mut impl RandomSource,
) -> Result<EcKeyPair, Error> {
    if curve == Curve::P256 && engine != Engine::Avx512 && random.is_operating_system() {
        known_answers::before_use(curve, engine)?;
        return generate_p256_by_ring();
    }
    let mut pairs = drawn(curve, engine, 1, random)?;
    pairs.pop().ok_or(Error::Consistency)
}

/// `count` pairs, the same as [`generate`] makes of the same bytes.
///
/// # Errors
/// As [`generate`].
pub fn generate_many(
    curve: Curve,
    engine: Engine,
    count: usize,
    random: &mut impl RandomSource,
) -> Result<Vec<EcKeyPair>, Error> {
    match engine {
        Engine::Avx512 => drawn(curve, engine, count, random),
        _ => (0..count).map(|_| generate(curve, engine, random)).collect(),
    }
}

/// The pair of a scalar, big-endian; `None` for one out of 1 ..= n − 1.
///
/// # Errors
/// [`Error::InvalidLength`] unless it has 32 bytes; [`Error::Consistency`] after a fault.
pub fn from_scalar(
    curve: Curve,
    engine: Engine,
    scalar: SecretBytes,
) -> Result<Option<EcKeyPair>, Error> {
    let ([only], []) = scalar.expose().as_chunks::<SCALAR_LENGTH>() else {
        return Err(Error::InvalidLength);
    };
    if !in_range(curve, only) {
        return Ok(None);
    }
    known_answers::before_use(curve, engine)?;
    let point = engine.base_multiples(curve, std::slice::from_ref(only))?[0];
    Ok(Some(EcKeyPair { curve, scalar, point }))
}

fn drawn(
    curve: Curve,
    engine: Engine,
    count: usize,
    random: &mut impl RandomSource,
) -> Result<Vec<EcKeyPair>, Error> {
    known_answers::before_use(curve, engine)?;
    let mut scalars = SecretBytes::zero(SCALAR_LENGTH * count);
    let (scalars, _) = scalars.expose_mut().as_chunks_mut::<SCALAR_LENGTH>();
    for scalar in &mut *scalars {
        draw(curve, random, scalar)?;
    }
    let points = engine.base_multiples(curve, scalars)?;
    let pair = |(scalar, point): (&[u8; SCALAR_LENGTH], Point)| EcKeyPair {
        curve,
        scalar: SecretBytes::copy_of(scalar),
        point,
    };
    Ok(scalars.iter().zip(points).map(pair).collect())
}

/// Draws of one scalar at most: a draw is out of range with odds of 2^-32 (P-256) or 2^-127.
const DRAWS: usize = 8;

/// That a draw was out of range is no secret, for it is gone.
fn draw(
    curve: Curve,
    random: &mut impl RandomSource,
    scalar: &mut [u8; SCALAR_LENGTH],
) -> Result<(), Error> {
    for _ in 0..DRAWS {
        random.fill(scalar)?;
        if in_range(curve, scalar) {
            return Ok(());
        }
    }
    Err(Error::BrokenRandom)
}

/// Whether 0 < d < n, in a time that does not depend on d.
fn in_range(curve: Curve, scalar: &[u8; SCALAR_LENGTH]) -> bool {
    let order = order(curve);
    let (mut borrow, mut some) = (0i16, 0);
    for (&digit, &of_order) in scalar.iter().zip(order).rev() {
        borrow = (i16::from(digit) - i16::from(of_order) + borrow) >> 8;
        some |= digit;
    }
    // Without a shortcut from one condition to the other.
    std::hint::black_box(u8::from(some != 0) & u8::from(borrow != 0)) == 1
}

/// n, big-endian (SP 800-186, 3.2.1.3; SEC 2, 2.4.1).
const fn order(curve: Curve) -> &'static [u8; SCALAR_LENGTH] {
    match curve {
        Curve::P256 => {
            b"\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\
              \xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x51"
        }
        Curve::P256K => {
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\
              \xba\xae\xdc\xe6\xaf\x48\xa0\x3b\xbf\xd2\x5e\x8c\xd0\x36\x41\x41"
        }
    }
}

/// On machines without lanes ring is quicker than the portable engine. It draws from the operating
/// system and takes no other source; it hands the pair out in a fixed PKCS#8 frame, from which scalar
/// and point are taken.
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
