//! A key that this crate has made, published and never to be used, with what OpenSSL signs by it.

use super::numbers::{RsaKeyPair, assembled};
use super::{reader, signature};
use crate::error::Error;
use crate::lanes::Engine;
use crate::natural::Natural;
use crate::self_test::SelfTest;

static SELF_TESTS: [SelfTest; Engine::ALL.len()] =
    [const { SelfTest::new("RSA keys and signatures") }; Engine::ALL.len()];

/// The test of the keys that an engine's signatures are made with.
pub(crate) fn self_test(engine: Engine) -> &'static SelfTest {
    &SELF_TESTS[engine as usize]
}

const PRIVATE_KEY: &[u8] = include_bytes!("../../known_answers/rsa_2048_private.der");
const PUBLIC_KEY: &[u8] = include_bytes!("../../known_answers/rsa_2048_public.der");
const SIGNATURE: &[u8] = include_bytes!("../../known_answers/rsa_2048_signature.bin");

/// Passes the test.
///
/// # Errors
/// [`Error::SelfTest`] if it or any other fails.
pub(crate) fn before_use(engine: Engine) -> Result<(), Error> {
    self_test(engine).before_use(|| are_right(engine))
}

/// Whether the key's primes give its other numbers, its signature is the known one, and the test of
/// a pair takes this pair but no changed one.
pub(crate) fn are_right(engine: Engine) -> bool {
    let Ok(key) = reader::read(PRIVATE_KEY) else { return false };
    let mut other_key = PUBLIC_KEY.to_vec();
    // Of the modulus, which ends before the public exponent.
    other_key[PUBLIC_KEY.len() - 6] ^= 2;
    let mut other_signature = SIGNATURE.to_vec();
    other_signature[0] ^= 1;
    // The last byte, of q^-1.
    let mut other_private = PRIVATE_KEY.to_vec();
    other_private[PRIVATE_KEY.len() - 1] ^= 1;
    numbers_are_right() == Some(true)
        && signature::of_each(engine, &[(PRIVATE_KEY, key)])
            .is_ok_and(|signatures| signatures == [SIGNATURE])
        && signature::verify(PRIVATE_KEY, PUBLIC_KEY, SIGNATURE).is_ok()
        && signature::verify(PRIVATE_KEY, PUBLIC_KEY, &other_signature).is_err()
        && signature::verify(PRIVATE_KEY, &other_key, SIGNATURE).is_err()
        && reader::read(&other_private).is_err()
}

fn numbers_are_right() -> Option<bool> {
    let info = pkcs8::PrivateKeyInfoRef::try_from(PRIVATE_KEY).ok()?;
    let known = pkcs1::RsaPrivateKeyRef::try_from(info.private_key.as_bytes()).ok()?;
    let natural = |integer: pkcs1::UintRef<'_>, limbs| {
        reader::padded(integer.as_bytes(), 8 * limbs)
            .map(|bytes| Natural::from_be_bytes(bytes.expose()))
    };
    let (p, q) = (natural(known.prime1, 16)?, natural(known.prime2, 16)?);
    let RsaKeyPair { n, d, dp, dq, q_inv, .. } = assembled(&p, &q).ok()??;
    let is = |number: &Natural, known| {
        natural(known, number.limbs().len()).is_some_and(|known| known.equals(number))
    };
    Some(
        is(&n, known.modulus)
            && is(&d, known.private_exponent)
            && is(&dp, known.exponent1)
            && is(&dq, known.exponent2)
            && is(&q_inv, known.coefficient),
    )
}
