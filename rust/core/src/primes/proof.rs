//! Miller–Rabin by arithmetic that has given its known answers.

use crate::error::Error;
use crate::lanes::Engine;
use crate::natural::Natural;
use crate::primes::known_answers;
use crate::primes::miller_rabin::rounds_passed;
use crate::random::RandomSource;

/// For each number whether it passed `rounds` rounds; all are odd, above 4 and of one limb count.
///
/// # Errors
/// [`Error::Random`] if there was no randomness for the bases, [`Error::BrokenRandom`] if it is of no
/// use; [`Error::SelfTest`].
pub fn passes(
    engine: Engine,
    numbers: &[&Natural],
    rounds: usize,
    bases: &mut impl RandomSource,
) -> Result<Vec<bool>, Error> {
    if let Some(number) = numbers.first() {
        known_answers::before_use(engine, number.limbs().len())?;
    }
    let passed = rounds_passed(engine, numbers, rounds, bases)?;
    #[cfg(feature = "fault-injection")]
    let passed = crate::fault::in_proofs(passed);
    Ok(passed)
}
