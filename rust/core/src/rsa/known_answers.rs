//! A key that this crate has made, published and never to be used, with what OpenSSL signs by it.

use super::{
    RsaKeyPair, assembled, natural, private_exponent_fits, signature_of, signature_verifies,
};
use crate::error::Error;
use crate::natural::Natural;
use crate::self_test::SelfTest;

pub(crate) static SELF_TEST: SelfTest = SelfTest::new("RSA keys and signatures");

const PRIVATE_KEY: &[u8] = include_bytes!("../../known_answers/rsa_2048_private.der");
const PUBLIC_KEY: &[u8] = include_bytes!("../../known_answers/rsa_2048_public.der");
const SIGNATURE: &[u8] = include_bytes!("../../known_answers/rsa_2048_signature.bin");

/// Passes the test.
///
/// # Errors
/// [`Error::SelfTest`] if it or any other fails.
pub(crate) fn before_use() -> Result<(), Error> {
    SELF_TEST.before_use(are_right)
}

/// Whether the key's primes give its other numbers, its signature is the known one, and the test of
/// a pair takes this pair but no changed one.
pub(crate) fn are_right() -> bool {
    let mut other_key = PUBLIC_KEY.to_vec();
    // Of the modulus, which ends before the public exponent.
    other_key[PUBLIC_KEY.len() - 6] ^= 2;
    let mut other_signature = SIGNATURE.to_vec();
    other_signature[0] ^= 1;
    numbers_are_right() == Some(true)
        && signature_of(PRIVATE_KEY).is_ok_and(|signature| signature == SIGNATURE)
        && signature_verifies(PRIVATE_KEY, PUBLIC_KEY, SIGNATURE).is_ok()
        && signature_verifies(PRIVATE_KEY, PUBLIC_KEY, &other_signature).is_err()
        && signature_verifies(PRIVATE_KEY, &other_key, SIGNATURE).is_err()
        && private_exponent_fits(PRIVATE_KEY) == Some(true)
}

fn numbers_are_right() -> Option<bool> {
    let info = pkcs8::PrivateKeyInfoRef::try_from(PRIVATE_KEY).ok()?;
    let known = pkcs1::RsaPrivateKeyRef::try_from(info.private_key.as_bytes()).ok()?;
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
