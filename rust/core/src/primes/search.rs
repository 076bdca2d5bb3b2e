//! The search: candidates in the order drawn, tested by the batch, taken in order.
//!
//! The first prime drawn is p and the second q, whatever the width of a batch: a seed gives the same
//! key on every engine, the one that testing one candidate after the other would give.

use std::collections::VecDeque;

use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::lanes::Engine;
use crate::natural::Natural;
use crate::primes::candidate::Candidates;
use crate::primes::miller_rabin;
use crate::primes::trial_division::TrialDivision;
use crate::random::RandomSource;

/// A running search for primes of one size.
pub struct PrimeSearch<'a, C, B> {
    engine: Engine,
    prime_bits: usize,
    drawing: Candidates,
    trial_division: &'static TrialDivision,
    candidates: &'a mut C,
    bases: &'a mut B,
    interrupt: &'a dyn Interrupt,
    /// Passed the base-2 test, in the order drawn; not yet through Miller–Rabin.
    probable: VecDeque<Natural>,
}

impl<'a, C: RandomSource, B: RandomSource> PrimeSearch<'a, C, B> {
    /// A search for primes of `prime_bits` bits among what `candidates` draws, proven with bases
    /// from `bases`.
    pub fn new(
        engine: Engine,
        prime_bits: usize,
        candidates: &'a mut C,
        bases: &'a mut B,
        interrupt: &'a dyn Interrupt,
    ) -> Self {
        Self {
            engine,
            prime_bits,
            drawing: Candidates::new(prime_bits),
            trial_division: TrialDivision::for_limbs(prime_bits / 64),
            candidates,
            bases,
            interrupt,
            probable: VecDeque::new(),
        }
    }

    /// The next two primes, in the order drawn.
    ///
    /// # Errors
    /// [`Error::Random`], or [`Error::Interrupted`] if the caller asked to stop.
    pub fn next_pair(&mut self) -> Result<(Natural, Natural), Error> {
        // Ends: one candidate in some 350 (1024 bits) to 710 (2048 bits) is prime.
        loop {
            while self.probable.len() < 2 {
                self.test_batch()?;
            }
            let (Some(p), Some(q)) = (self.probable.pop_front(), self.probable.pop_front()) else {
                unreachable!("two were there");
            };
            let rounds = miller_rabin::rounds(self.prime_bits);
            match miller_rabin::passes(self.engine, [&p, &q], rounds, self.bases)? {
                [true, true] => return Ok((p, q)),
                // A composite that passed the base-2 test: odds below 2^-100, but then order rules.
                [true, false] => self.probable.push_front(p),
                [false, true] => self.probable.push_front(q),
                [false, false] => {}
            }
        }
    }

    /// Tests the next survivors of trial division, as many as the engine takes at once.
    fn test_batch(&mut self) -> Result<(), Error> {
        if self.interrupt.requested() {
            return Err(Error::Interrupted);
        }
        let batch = (0..self.engine.width())
            .map(|_| self.next_survivor())
            .collect::<Result<Vec<_>, _>>()?;
        let passed = self.engine.base2_fermat(&batch.iter().collect::<Vec<_>>());
        let survivors = batch.into_iter().enumerate().filter(|(i, _)| passed >> i & 1 == 1);
        self.probable.extend(survivors.map(|(_, candidate)| candidate));
        Ok(())
    }

    fn next_survivor(&mut self) -> Result<Natural, Error> {
        // Ends: about one draw in ten survives.
        loop {
            let candidate = self.drawing.draw(self.candidates)?;
            if self.trial_division.survives(self.engine, &candidate) {
                return Ok(candidate);
            }
        }
    }
}
