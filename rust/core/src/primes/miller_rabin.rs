//! Miller–Rabin with random bases (FIPS 186-5 B.3.1), several numbers and rounds in one batch.

use crate::error::Error;
use crate::lanes::{Engine, LANES};
use crate::natural::Natural;
use crate::random::RandomSource;

/// FIPS 186-5 Table B.1, the column for an error probability at the key's security strength: rounds
/// for one prime factor of an RSA key. The base-2 test before them counts for none.
#[must_use]
pub fn rounds(prime_bits: usize) -> usize {
    match prime_bits {
        ..=1024 => 5,
        _ => 4,
    }
}

/// For each number whether it passed `rounds` rounds; all are odd, above 4 and of one limb count.
///
/// The rounds of all numbers share the lanes. `bases` is a source of its own, so that a seeded
/// source of candidates determines the primes and nothing else does.
pub(super) fn rounds_passed(
    engine: Engine,
    numbers: &[&Natural],
    rounds: usize,
    bases: &mut impl RandomSource,
) -> Result<Vec<bool>, Error> {
    let mut passed = vec![true; numbers.len()];
    let jobs: Vec<usize> = (0..rounds).flat_map(|_| 0..numbers.len()).collect();
    for batch in jobs.chunks(LANES) {
        let moduli: Vec<&Natural> = batch.iter().map(|&i| numbers[i]).collect();
        for (&i, round_passed) in batch.iter().zip(one_batch(engine, &moduli, bases)?) {
            passed[i] &= round_passed;
        }
    }
    Ok(passed)
}

/// One round for each of up to eight numbers.
fn one_batch(
    engine: Engine,
    numbers: &[&Natural],
    bases: &mut impl RandomSource,
) -> Result<Vec<bool>, Error> {
    let drawn = numbers.iter().map(|n| random_base(n, bases)).collect::<Result<Vec<_>, _>>()?;
    let minus_one: Vec<Natural> = numbers.iter().map(|n| n.with_low_bit_cleared()).collect();
    let twos: Vec<u32> = minus_one.iter().map(Natural::trailing_zeros_vartime).collect();
    let odd_parts: Vec<Natural> =
        minus_one.iter().zip(&twos).map(|(n, &twos)| n.shifted_right_vartime(twos)).collect();

    // B.3.1, steps 4.3–4.4. A candidate of ours is 7 mod 8: `twos` is 1 and the loop below empty.
    let mut powers = engine.power(numbers, &refs(&drawn), &refs(&odd_parts));
    let mut passed: Vec<bool> = powers
        .iter()
        .zip(&minus_one)
        .map(|(power, minus_one)| power.is_one() | power.equals(minus_one))
        .collect();
    // Step 4.5, for numbers from elsewhere (test vectors): as many squarings as the worst needs.
    for squarings in 1..twos.iter().copied().max().unwrap_or(1) {
        let two: Vec<Natural> = numbers.iter().map(|n| Natural::word(2, n.limbs().len())).collect();
        powers = engine.power(numbers, &refs(&powers), &refs(&two));
        for (i, power) in powers.iter().enumerate() {
            passed[i] |= squarings < twos[i] && power.equals(&minus_one[i]);
        }
    }
    Ok(passed)
}

/// Draws of one base at most: each is in range with odds of 1/2 at least.
const DRAWS: usize = 128;

/// B.3.1, steps 4.1–4.2: uniform in 2 ..= n − 2, by rejection. That a draw was rejected says
/// something of a number that is then thrown away, and of n only how its leading bits compare with
/// it, which the odds of a quarter at most per draw reveal anyway.
fn random_base(n: &Natural, bases: &mut impl RandomSource) -> Result<Natural, Error> {
    let bits = n.bit_length_vartime();
    let mut bytes = crate::secret::SecretBytes::zero(8 * n.limbs().len());
    let n_minus_one = n.with_low_bit_cleared();
    for _ in 0..DRAWS {
        let start = bytes.len() - bits.div_ceil(8);
        let drawn = &mut bytes.expose_mut()[start..];
        bases.fill(drawn)?;
        drawn[0] &= 0xff >> (8 * drawn.len() - bits);
        let base = Natural::from_be_bytes(bytes.expose());
        if base.is_less_than(&n_minus_one) && !base.is_zero() && !base.is_one() {
            return Ok(base);
        }
    }
    Err(Error::BrokenRandom)
}

fn refs(numbers: &[Natural]) -> Vec<&Natural> {
    numbers.iter().collect()
}
