//! Two primes become an RSA key (FIPS 186-5 A.1.1 and A.1.3, C2SP det-keygen), and the gate of checks
//! that every key passes.

pub(crate) mod known_answers;
mod reader;
mod signature;

use crate::error::Error;
use crate::lanes::Engine;
use crate::natural::Natural;
use crate::primes;
use crate::spec::RsaSize;

/// The public exponent of every key.
pub const PUBLIC_EXPONENT: u64 = 65537;

/// An RSA private key in the symbols of RFC 8017, section 3.2.
pub struct RsaKeyPair {
    /// The modulus, public.
    pub n: Natural,
    /// e⁻¹ mod lcm(p − 1, q − 1).
    pub d: Natural,
    /// The first prime drawn.
    pub p: Natural,
    /// The second prime drawn.
    pub q: Natural,
    /// d mod (p − 1).
    pub dp: Natural,
    /// d mod (q − 1).
    pub dq: Natural,
    /// q⁻¹ mod p.
    pub q_inv: Natural,
}

/// The key of two primes that an engine found (det-keygen, steps 19–24); `None` where they say to discard both, with odds
/// of 2^-15.
///
/// # Errors
/// [`Error::Consistency`] if a bound is missed that only a fault can miss; [`Error::SelfTest`].
pub fn assemble(engine: Engine, p: &Natural, q: &Natural) -> Result<Option<RsaKeyPair>, Error> {
    known_answers::before_use(engine)?;
    assembled(p, q)
}

fn assembled(p: &Natural, q: &Natural) -> Result<Option<RsaKeyPair>, Error> {
    let (p_minus_one, q_minus_one) = (p.with_low_bit_cleared(), q.with_low_bit_cleared());
    // p ≡ q ≡ 7 mod 8, so u and v are odd, gcd(p − 1, q − 1) = 2 gcd(u, v) and λ = 2uv / gcd(u, v).
    let (u, v) = (p_minus_one.half(), q_minus_one.half());
    let ratio = Natural::gcd_of_odd(&u, &v);
    // Step 20: 2 · ratio ≥ 2^32.
    if ratio.bit_length_vartime() > 31 {
        return Ok(None);
    }
    // Step 23: e is prime, so it has an inverse modulo λ unless it divides p − 1 or q − 1.
    if p_minus_one.modulo_65537() == 0 || q_minus_one.modulo_65537() == 0 {
        return Ok(None);
    }
    let product = Natural::product(&u, &v);
    let lambda = product.divided_exactly_by(ratio.limbs()[0], product.limbs().len()).double();
    let key = RsaKeyPair {
        n: Natural::product(p, q),
        d: inverse_of_e(&lambda),
        dp: inverse_of_e(&p_minus_one),
        dq: inverse_of_e(&q_minus_one),
        // p and q have the same length, so q < 2p.
        q_inv: q.reduced_once_by(p).inverse_modulo_odd(p),
        p: p.copy(),
        q: q.copy(),
    };
    check_bounds(&key)?;
    Ok(Some(key))
}

/// e⁻¹ mod m for m that e does not divide: with k = −m⁻¹ mod e, e divides k·m + 1, and the quotient
/// is below m. Word arithmetic instead of a Euclidean algorithm, whose course depends on m.
fn inverse_of_e(m: &Natural) -> Natural {
    let residue = m.modulo_65537();
    // Fermat: residue^(e − 2), and e − 2 = 65535 is sixteen ones in binary.
    let inverse = (1..16).fold(residue, |power, _| {
        let square = power * power % PUBLIC_EXPONENT;
        square * residue % PUBLIC_EXPONENT
    });
    let k = PUBLIC_EXPONENT - inverse;
    m.times_word_plus(k, 1).divided_exactly_by(PUBLIC_EXPONENT, m.limbs().len())
}

/// The rest of FIPS 186-5 A.1.1 and A.1.3. With fresh uniform primes each of these fails with odds
/// below 2^-98: what fails here is a broken random source or a fault, and no key leaves.
fn check_bounds(key: &RsaKeyPair) -> Result<(), Error> {
    let prime_bits = 64 * key.p.limbs().len();
    // A.1.3, step 5.4: |p − q| > 2^(nlen/2 − 100).
    let distant = key.p.distance(&key.q).bit_length_vartime() > prime_bits - 100;
    // A.1.1, criterion 3: d > 2^(nlen/2).
    let large_exponent = key.d.bit_length_vartime() > prime_bits;
    let full_modulus = key.n.bit_length_vartime() == 2 * prime_bits;
    if distant && large_exponent && full_modulus { Ok(()) } else { Err(Error::Consistency) }
}

/// Signs with the one half and verifies with the other, both as they will leave (FIPS 140-3 IG
/// 10.3.A).
///
/// Each step is other people's or another way than the key came: the `rsa` crate reads and validates
/// what was encoded; the engine, or ring where the engine has no vectors for it, signs with the numbers
/// that were read; ring verifies by the public half. If p or q were composite, or any component but d
/// wrong, the signature would not verify; and d is held against p and q.
///
/// # Errors
/// [`Error::Consistency`] if anything at all is wrong; [`Error::SelfTest`].
pub fn pairwise_consistency_test(engine: Engine, pkcs8: &[u8], spki: &[u8]) -> Result<(), Error> {
    pairwise_consistency_tests(engine, &[(pkcs8, spki)])
}

/// As [`pairwise_consistency_test`], for several pairs of one size, which share lanes.
///
/// # Errors
/// [`Error::Consistency`] if anything at all is wrong with any; [`Error::SelfTest`].
pub(crate) fn pairwise_consistency_tests(
    engine: Engine,
    pairs: &[(&[u8], &[u8])],
) -> Result<(), Error> {
    known_answers::before_use(engine)?;
    let keys = pairs.iter().map(|(pkcs8, _)| Ok((*pkcs8, reader::read(pkcs8)?)));
    let keys = keys.collect::<Result<Vec<_>, Error>>()?;
    for (_, key) in &keys {
        primes::known_answers::before_use(engine, key.p.limbs().len())?;
    }
    let signatures = signature::of_each(engine, &keys)?;
    pairs
        .iter()
        .zip(signatures)
        .try_for_each(|((pkcs8, spki), signature)| signature::verify(pkcs8, spki, &signature))
}

/// Lets work pass that relies on signatures.
///
/// # Errors
/// [`Error::SelfTest`].
pub(crate) fn before_use(engine: Engine) -> Result<(), Error> {
    known_answers::before_use(engine)
}

/// Refuses a public half whose modulus has another size.
///
/// # Errors
/// [`Error::Consistency`] for such a one, and for what cannot be read.
pub(crate) fn require_size(size: RsaSize, spki: &[u8]) -> Result<(), Error> {
    let read = || {
        let public = pkcs8::spki::SubjectPublicKeyInfoRef::try_from(spki).ok()?;
        let key = pkcs1::RsaPublicKeyRef::try_from(public.subject_public_key.as_bytes()?).ok()?;
        let [first, ..] = key.modulus.as_bytes() else { return None };
        Some(8 * key.modulus.as_bytes().len() - first.leading_zeros() as usize)
    };
    if read() == Some(size.modulus_bits()) { Ok(()) } else { Err(Error::Consistency) }
}
