//! Is this number, from wherever, prime? The same stages that a search passes its candidates
//! through, with the rounds that numbers of malicious origin call for.

use crate::error::Error;
use crate::lanes::Engine;
use crate::natural::Natural;
use crate::primes::proof;
use crate::primes::trial_division::TrialDivision;
use crate::random::RandomSource;

/// Rounds against a number that somebody may have built to pass: each lets a composite through with
/// odds of 1/4 at most.
const ROUNDS: usize = 64;

/// Whether `n`, of 16, 24 or 32 limbs, is prime; wrong with odds of 2^-128 at most. Variable time
/// in n: for numbers that are no secret.
///
/// # Errors
/// [`Error::Random`] if there was no randomness for the bases.
pub fn is_prime_vartime(
    engine: Engine,
    n: &Natural,
    bases: &mut impl RandomSource,
) -> Result<bool, Error> {
    if n.bit_length_vartime() <= 32 {
        return Ok(is_small_prime(n.limbs()[0]));
    }
    let odd = n.limbs()[0] & 1 == 1;
    if !odd || !TrialDivision::for_limbs(n.limbs().len()).survives(engine, n) {
        return Ok(false);
    }
    if engine.base2_fermat(&[n]) == 0 {
        return Ok(false);
    }
    // A composite leaves with the first batch that it fails.
    for _ in 0..ROUNDS / engine.width() {
        if proof::passes(engine, &[n], engine.width(), bases)? == [false] {
            return Ok(false);
        }
    }
    Ok(true)
}

/// For n below 2^32, by division.
fn is_small_prime(n: u64) -> bool {
    let mut divisors = (2..1 << 16).take_while(|divisor| divisor * divisor <= n);
    n >= 2 && divisors.all(|divisor| !n.is_multiple_of(divisor))
}
