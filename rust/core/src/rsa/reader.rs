//! Reading an encoded key by code that shares nothing with ours: the `rsa` crate parses and validates
//! it, and what it derives by itself is held against what is written.
//!
//! No operation of the crate uses a private key here: docs/decisions/rsa.md.

use ::rsa::traits::{PrivateKeyParts, PublicKeyParts};
use ::rsa::{BoxedUint, PrivateKey};
use pkcs8::PrivateKeyInfoRef;

use super::numbers::PUBLIC_EXPONENT;
use crate::error::Error;
#[cfg(feature = "fault-injection")]
use crate::fault::{Place, in_number};
use crate::natural::Natural;
use crate::secret::{SecretBytes, equal};
use crate::spec::RsaSize;

/// The numbers that sign, as they stand in a document; those with the length of a prime have its limbs.
pub(super) struct Numbers {
    pub(super) p: Natural,
    pub(super) q: Natural,
    pub(super) dp: Natural,
    pub(super) dq: Natural,
    pub(super) q_inv: Natural,
}

/// The numbers of a key whose modulus has one of our sizes.
///
/// # Errors
/// [`Error::Consistency`] unless the document is an RSA key with two different odd primes p and q (what
/// is called so: the crate does not test it), e is ours, n = p·q, e·d ≡ 1 modulo p − 1 and modulo q − 1
/// (FIPS 186-5 A.1.1, criterion 3), d < n, and the numbers of the Chinese remainder theorem that follow.
pub(super) fn read(pkcs8: &[u8]) -> Result<Numbers, Error> {
    let info = PrivateKeyInfoRef::try_from(pkcs8).map_err(|_| Error::Consistency)?;
    let written = pkcs1::RsaPrivateKeyRef::try_from(info.private_key.as_bytes())
        .map_err(|_| Error::Consistency)?;
    let key = PrivateKey::try_from(info).map_err(|_| Error::Consistency)?;
    if *key.e() != BoxedUint::from(PUBLIC_EXPONENT) {
        return Err(Error::Consistency);
    }
    let bits = key.n().bit_width_vartime() as usize;
    let size = RsaSize::ALL.into_iter().find(|size| size.modulus_bits() == bits);
    let limbs = size.ok_or(Error::Consistency)?.prime_bits() / 64;
    let derived = || {
        let [p, q] = key.primes() else { return None };
        let q_inv = key.qinv()?.retrieve();
        Some([p.as_ref(), q.as_ref(), key.dp()?, key.dq()?, &q_inv].map(|number| {
            let mut bytes = number.to_be_bytes();
            let copy = SecretBytes::copy_of(&bytes);
            zeroize::Zeroize::zeroize(&mut *bytes);
            copy
        }))
    };
    let derived = derived().ok_or(Error::Consistency)?;
    let written =
        [written.prime1, written.prime2, written.exponent1, written.exponent2, written.coefficient];
    let [p, q, dp, dq, q_inv] = [0, 1, 2, 3, 4].map(|i| {
        let written = padded(written[i].as_bytes(), 8 * limbs)?;
        let derived = padded(derived[i].expose(), 8 * limbs)?;
        let same = equal(written.expose(), derived.expose());
        same.then(|| Natural::from_be_bytes(written.expose()))
    });
    let (Some(p), Some(q), Some(dp), Some(dq), Some(q_inv)) = (p, q, dp, dq, q_inv) else {
        return Err(Error::Consistency);
    };
    let numbers = Numbers { p, q, dp, dq, q_inv };
    #[cfg(feature = "fault-injection")]
    let numbers = with_faults(numbers);
    Ok(numbers)
}

#[cfg(feature = "fault-injection")]
fn with_faults(Numbers { p, q, dp, dq, q_inv }: Numbers) -> Numbers {
    Numbers {
        p: in_number(Place::Read(0), p),
        q: in_number(Place::Read(1), q),
        dp: in_number(Place::Read(2), dp),
        dq: in_number(Place::Read(3), dq),
        q_inv: in_number(Place::Read(4), q_inv),
    }
}

/// The number in so many bytes; `None` if it takes more.
pub(super) fn padded(big_endian: &[u8], length: usize) -> Option<SecretBytes> {
    let (above, number) = big_endian.split_at(big_endian.len().saturating_sub(length));
    let mut bytes = SecretBytes::zero(length);
    bytes.expose_mut()[length - number.len()..].copy_from_slice(number);
    (above.iter().fold(0, |any, byte| any | byte) == 0).then_some(bytes)
}
