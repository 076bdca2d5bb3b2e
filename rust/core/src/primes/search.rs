//! The search: candidates in the order drawn, tested by the batch, taken in order.
//!
//! The first prime drawn is p and the second q, whatever the width of a batch and the number of
//! threads: a seed gives the same key on every engine, the one that testing one candidate after the
//! other would give.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::lanes::Engine;
use crate::natural::Natural;
use crate::primes::candidate::Candidates;
use crate::primes::known_answers;
use crate::primes::trial_division::TrialDivision;
use crate::random::RandomSource;

/// A running search for primes of one size.
pub struct PrimeSearch<C> {
    engine: Engine,
    limbs: usize,
    threads: usize,
    source: Mutex<Source<C>>,
    board: Mutex<Board>,
}

/// Where batches come from. Drawing and trial division are done under its lock, which is held for
/// about a seventh of a thread's time.
struct Source<C> {
    engine: Engine,
    drawing: Candidates,
    trial_division: &'static TrialDivision,
    candidates: C,
    /// Through with trial division, in the order drawn; not yet in a batch.
    sifted: VecDeque<Natural>,
    batches: usize,
}

/// Where threads report, in whatever order they finish.
#[derive(Default)]
struct Board {
    /// Passed the base-2 test, in the order drawn; not yet through Miller–Rabin.
    probable: VecDeque<Natural>,
    /// Batches that finished before one drawn earlier did.
    early: BTreeMap<usize, Vec<Natural>>,
    reported: usize,
    failure: Option<Error>,
}

impl<C: RandomSource + Send> PrimeSearch<C> {
    /// A search for primes of `prime_bits` bits among what `candidates` draws, on `threads` threads,
    /// of which the caller's is one.
    pub fn new(engine: Engine, threads: usize, prime_bits: usize, candidates: C) -> Self {
        let source = Source {
            engine,
            drawing: Candidates::new(prime_bits),
            trial_division: TrialDivision::for_limbs(prime_bits / 64),
            candidates,
            sifted: VecDeque::new(),
            batches: 0,
        };
        let limbs = prime_bits / 64;
        Self { engine, limbs, threads, source: Mutex::new(source), board: Mutex::default() }
    }

    /// The next two numbers, in the order drawn, that pass the base-2 test: primes but for odds
    /// that Miller–Rabin is there to remove.
    ///
    /// # Errors
    /// [`Error::Random`], or [`Error::Interrupted`] if the caller asked to stop; [`Error::SelfTest`].
    pub fn next_pair(&mut self, interrupt: &dyn Interrupt) -> Result<(Natural, Natural), Error> {
        known_answers::before_use(self.engine, self.limbs)?;
        std::thread::scope(|scope| {
            for _ in 1..self.threads {
                scope.spawn(|| self.work(|| false));
            }
            self.work(|| interrupt.requested());
        });
        let pair = lock(&self.board).take_pair();
        #[cfg(feature = "fault-injection")]
        let pair = pair.map(|(p, q)| {
            use crate::fault::{Place, in_number};
            (in_number(Place::FoundP, p), in_number(Place::FoundQ, q))
        });
        pair
    }

    /// Takes back a number that turned out to be prime beside one that did not: it was drawn before
    /// whatever is still to come.
    pub fn put_back(&mut self, prime: Natural) {
        lock(&self.board).probable.push_front(prime);
    }

    /// Tests batch after batch until there are two probable primes. Ends: one candidate in some 350
    /// (1024 bits) to 710 (2048 bits) is prime.
    fn work(&self, interrupted: impl Fn() -> bool) {
        while !lock(&self.board).is_complete() {
            let batch = if interrupted() {
                Err(Error::Interrupted)
            } else {
                lock(&self.source).next_batch()
            };
            match batch {
                Ok((index, batch)) => {
                    let primes = self.probable_primes(batch);
                    lock(&self.board).report(index, primes);
                }
                Err(failure) => lock(&self.board).failure = Some(failure),
            }
        }
    }

    fn probable_primes(&self, batch: Vec<Natural>) -> Vec<Natural> {
        let passed = self.engine.base2_fermat(&batch.iter().collect::<Vec<_>>());
        #[cfg(feature = "fault-injection")]
        let passed = crate::fault::in_lanes(passed);
        let candidates = batch.into_iter().enumerate();
        candidates.filter(|(i, _)| passed >> i & 1 == 1).map(|(_, prime)| prime).collect()
    }
}

impl<C: RandomSource> Source<C> {
    /// The next survivors of trial division, as many as the engine tests at once, and the batch's
    /// place in the order drawn.
    fn next_batch(&mut self) -> Result<(usize, Vec<Natural>), Error> {
        // Ends: two of three that come through the coarse division come through the fine one.
        while self.sifted.len() < self.engine.width() {
            self.sift()?;
        }
        self.batches += 1;
        Ok((self.batches - 1, self.sifted.drain(..self.engine.width()).collect()))
    }

    /// Divides the next survivors of the coarse division, as many as the engine takes at once.
    fn sift(&mut self) -> Result<(), Error> {
        let survivors = (0..self.engine.width())
            .map(|_| self.next_survivor())
            .collect::<Result<Vec<_>, _>>()?;
        let indivisible =
            self.trial_division.sift(self.engine, &survivors.iter().collect::<Vec<_>>());
        let survivors = survivors.into_iter().enumerate();
        let sifted = survivors.filter(|(i, _)| indivisible >> i & 1 == 1);
        self.sifted.extend(sifted.map(|(_, candidate)| candidate));
        Ok(())
    }

    /// Ends: about one draw in seven survives.
    fn next_survivor(&mut self) -> Result<Natural, Error> {
        loop {
            let candidate = self.drawing.draw(&mut self.candidates)?;
            if self.trial_division.survives(self.engine, &candidate) {
                return Ok(candidate);
            }
        }
    }
}

impl Board {
    fn is_complete(&self) -> bool {
        self.probable.len() >= 2 || self.failure.is_some()
    }

    fn take_pair(&mut self) -> Result<(Natural, Natural), Error> {
        match (self.failure, self.probable.pop_front(), self.probable.pop_front()) {
            (None, Some(p), Some(q)) => Ok((p, q)),
            (failure, ..) => Err(failure.unwrap_or(Error::Interrupted)),
        }
    }

    /// Takes a batch's primes up in the order drawn, once no earlier batch is missing.
    fn report(&mut self, index: usize, primes: Vec<Natural>) {
        self.early.insert(index, primes);
        while let Some(primes) = self.early.remove(&self.reported) {
            self.probable.extend(primes);
            self.reported += 1;
        }
    }
}

/// A thread that panicked takes the whole search down with it (`scope` passes its panic on), so
/// nobody ever sees what it left half-done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
