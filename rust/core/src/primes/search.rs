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

/// A number with its place in the order drawn, counted from 1.
struct Drawn {
    place: u64,
    number: Natural,
}

/// Candidates for p, and for q, of which one must be prime: FIPS 186-5 A.1.3, steps 4.7 and 5.8, i ≥
/// 5·nlen and i ≥ 10·nlen. One candidate in 355 to 710 is prime, so a source that works misses the
/// first with odds of 2^-42, and det-keygen, which has no such bound, differs for as many seeds.
const fn bounds(prime_bits: usize) -> [u64; 2] {
    let modulus_bits = 2 * prime_bits as u64;
    [5 * modulus_bits, 10 * modulus_bits]
}

/// A running search for primes of one size.
pub struct PrimeSearch<C> {
    engine: Engine,
    prime_bits: usize,
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
    /// How many were drawn, and may be: the bound for q after the last prime that is known.
    drawn: u64,
    limit: u64,
    /// Through with trial division, in the order drawn; not yet in a batch.
    sifted: VecDeque<Drawn>,
    batches: usize,
}

/// Where threads report, in whatever order they finish.
#[derive(Default)]
struct Board {
    /// Passed the base-2 test, in the order drawn; not yet through Miller–Rabin.
    probable: VecDeque<Drawn>,
    /// Batches that finished before one drawn earlier did.
    early: BTreeMap<usize, Vec<Drawn>>,
    reported: usize,
    /// The places of the last probable prime, and of the last that was handed over.
    newest: u64,
    taken: u64,
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
            drawn: 0,
            limit: bounds(prime_bits)[1],
            sifted: VecDeque::new(),
            batches: 0,
        };
        Self { engine, prime_bits, threads, source: Mutex::new(source), board: Mutex::default() }
    }

    /// The next two numbers, in the order drawn, that pass the base-2 test: primes but for odds
    /// that Miller–Rabin is there to remove.
    ///
    /// # Errors
    /// [`Error::Random`], [`Error::BrokenRandom`] if the source repeats itself or gives no prime among
    /// as many candidates as the standard allows, or [`Error::Interrupted`] if the caller asked to
    /// stop; [`Error::SelfTest`].
    pub fn next_pair(&mut self, interrupt: &dyn Interrupt) -> Result<(Natural, Natural), Error> {
        known_answers::before_use(self.engine, self.prime_bits / 64)?;
        std::thread::scope(|scope| {
            for _ in 1..self.threads {
                scope.spawn(|| self.work(|| false));
            }
            self.work(|| interrupt.requested());
        });
        let pair = lock(&self.board).take_pair(bounds(self.prime_bits));
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
        // Its place was looked at when it was handed over.
        lock(&self.board).probable.push_front(Drawn { place: 0, number: prime });
    }

    /// Tests batch after batch until there are two probable primes, or no more candidates.
    fn work(&self, interrupted: impl Fn() -> bool) {
        while !lock(&self.board).is_complete() {
            let batch = if interrupted() {
                Err(Error::Interrupted)
            } else {
                lock(&self.source).next_batch()
            };
            match batch {
                Ok(Some((index, batch))) => {
                    let primes = self.probable_primes(batch);
                    let newest = lock(&self.board).report(index, primes);
                    lock(&self.source).allow(newest + bounds(self.prime_bits)[1]);
                }
                Ok(None) if self.is_waited_for() => return,
                Ok(None) => {}
                Err(failure) => lock(&self.board).fail(failure),
            }
        }
    }

    /// What comes after the last candidate that may be drawn: whether another thread still tests one,
    /// and goes on if that is prime. Otherwise there is a prime that the source has not heard of, or
    /// the search has failed.
    fn is_waited_for(&self) -> bool {
        let (batches, drawn) = {
            let source = lock(&self.source);
            (source.batches, source.drawn)
        };
        let mut board = lock(&self.board);
        if board.reported < batches {
            return true;
        }
        let limit = board.newest + bounds(self.prime_bits)[1];
        if limit <= drawn {
            board.fail(Error::BrokenRandom);
        }
        drop(board);
        lock(&self.source).allow(limit);
        false
    }

    fn probable_primes(&self, batch: Vec<Drawn>) -> Vec<Drawn> {
        let numbers: Vec<&Natural> = batch.iter().map(|drawn| &drawn.number).collect();
        let passed = self.engine.base2_fermat(&numbers);
        #[cfg(feature = "fault-injection")]
        let passed = crate::fault::in_lanes(passed);
        let candidates = batch.into_iter().enumerate();
        candidates.filter(|(i, _)| passed >> i & 1 == 1).map(|(_, prime)| prime).collect()
    }
}

impl<C: RandomSource> Source<C> {
    /// The next survivors of trial division, as many as the engine tests at once, and the batch's
    /// place in the order drawn; fewer where no more candidates may be drawn, then none.
    fn next_batch(&mut self) -> Result<Option<(usize, Vec<Drawn>)>, Error> {
        while self.sifted.len() < self.engine.width() && self.drawn < self.limit {
            self.sift()?;
        }
        if self.sifted.is_empty() {
            return Ok(None);
        }
        let width = self.engine.width().min(self.sifted.len());
        self.batches += 1;
        Ok(Some((self.batches - 1, self.sifted.drain(..width).collect())))
    }

    /// More candidates may be drawn, up to this place.
    fn allow(&mut self, limit: u64) {
        self.limit = self.limit.max(limit);
    }

    /// Divides the next survivors of the coarse division, as many as the engine takes at once.
    fn sift(&mut self) -> Result<(), Error> {
        let mut survivors = Vec::with_capacity(self.engine.width());
        while survivors.len() < self.engine.width() {
            let Some(survivor) = self.next_survivor()? else { break };
            survivors.push(survivor);
        }
        if survivors.is_empty() {
            return Ok(());
        }
        let numbers: Vec<&Natural> = survivors.iter().map(|drawn| &drawn.number).collect();
        let indivisible = self.trial_division.sift(self.engine, &numbers);
        let survivors = survivors.into_iter().enumerate();
        let sifted = survivors.filter(|(i, _)| indivisible >> i & 1 == 1);
        self.sifted.extend(sifted.map(|(_, candidate)| candidate));
        Ok(())
    }

    /// About one draw in seven survives. `None` where no more may be drawn.
    fn next_survivor(&mut self) -> Result<Option<Drawn>, Error> {
        while self.drawn < self.limit {
            let number = self.drawing.draw(&mut self.candidates)?;
            self.drawn += 1;
            if self.trial_division.survives(self.engine, &number) {
                return Ok(Some(Drawn { place: self.drawn, number }));
            }
        }
        Ok(None)
    }
}

impl Board {
    /// Ends the search, unless a thread that drew ahead fails where two primes are found already.
    fn fail(&mut self, failure: Error) {
        if self.probable.len() < 2 {
            self.failure = Some(failure);
        }
    }

    fn is_complete(&self) -> bool {
        self.probable.len() >= 2 || self.failure.is_some()
    }

    /// The next two, if neither came later than the bounds allow: for p from the prime before it on,
    /// for q from p on. The same for every engine and number of threads, whatever they drew ahead.
    fn take_pair(&mut self, bounds: [u64; 2]) -> Result<(Natural, Natural), Error> {
        match (self.failure, self.probable.pop_front(), self.probable.pop_front()) {
            (None, Some(p), Some(q)) => {
                let begun = std::mem::replace(&mut self.taken, q.place);
                let late = [p.place.saturating_sub(begun), q.place - begun.max(p.place)];
                let in_time = late[0] <= bounds[0] && late[1] <= bounds[1];
                if in_time { Ok((p.number, q.number)) } else { Err(Error::BrokenRandom) }
            }
            (failure, ..) => Err(failure.unwrap_or(Error::Interrupted)),
        }
    }

    /// Takes a batch's primes up in the order drawn, once no earlier batch is missing. The place of
    /// the last.
    fn report(&mut self, index: usize, primes: Vec<Drawn>) -> u64 {
        self.early.insert(index, primes);
        while let Some(primes) = self.early.remove(&self.reported) {
            self.newest = primes.last().map_or(self.newest, |last| last.place);
            self.probable.extend(primes);
            self.reported += 1;
        }
        self.newest
    }
}

/// A thread that panicked takes the whole search down with it (`scope` passes its panic on), so
/// nobody ever sees what it left half-done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
