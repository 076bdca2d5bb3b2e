//! The numbers of a key out of two primes (FIPS 186-5 A.1.1 and A.1.3, C2SP det-keygen).

use crate::error::Error;
use crate::natural::Natural;

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

/// See [`super::assemble`].
pub(super) fn assembled(p: &Natural, q: &Natural) -> Result<Option<RsaKeyPair>, Error> {
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
