//! Pairs made ahead by threads of low priority: they wait unwrapped in locked memory, and each is
//! handed out once.
//!
//! A pair enters through the same gate as any other. Threads sleep while nothing is lacking; every
//! pair that goes wakes one, and every pair that was missed allows one more, until all is full.
//! Pairs that have waited too long are erased and made anew, and so is everything once the machine is
//! known to have been copied: two machines must not hand out the same pair.

mod shelf;
mod worker;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::encode::EncodedPair;
use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::lanes::Engine;
use crate::locked::LockedPage;
use crate::prepare;
use crate::self_test::healthy;
use crate::spec::KeyPairSpec;
use crate::surroundings::{Moment, StandingStill, Surroundings};

pub use shelf::ShelfStatus;
use shelf::{Filled, Shelf};

/// How a pool is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolStatus {
    /// Its shelves, in the order given.
    pub shelves: Vec<ShelfStatus>,
    /// Whether all of the memory is locked, kept out of core dumps and of forked children.
    pub locked: bool,
    /// How often making pairs failed; the pairs that were asked for then were made on the spot.
    pub failures: u64,
    /// Pairs that had waited too long and were erased.
    pub expired: u64,
    /// Pairs that were erased because the machine was copied.
    pub copied: u64,
}

/// A pool with its threads. It exists in the process that started it: in a forked child it is empty,
/// and dropping it there does nothing.
pub struct Pool {
    shared: Arc<Shared>,
    capacities: Vec<(KeyPairSpec, usize)>,
    process: u32,
}

struct Shared {
    engine: Engine,
    pairwise_test: bool,
    wait: Wait,
    state: Mutex<State>,
    /// Told when there is work for a thread that sleeps.
    work: Condvar,
    /// Told when the pool is full, and when a thread ends.
    change: Condvar,
    closing: AtomicBool,
}

struct State {
    shelves: Vec<Shelf>,
    failures: u64,
    expired: u64,
    copied: u64,
    /// The machine's, when all that waits was made.
    generation: u64,
    /// After a failure nothing is made until somebody asks for a pair: no thread fails in a circle.
    paused: bool,
    threads: Threads,
}

/// How long pairs may wait, and who knows when they must not.
#[derive(Clone)]
pub struct Wait {
    /// The longest time.
    pub longest: Duration,
    /// How often threads that sleep look, beside everybody who takes a pair.
    pub look: Duration,
    /// The world outside.
    pub surroundings: Arc<dyn Surroundings>,
}

impl Default for Wait {
    /// For ever.
    fn default() -> Self {
        let surroundings = Arc::new(StandingStill);
        Self { longest: Duration::MAX, look: Duration::from_secs(3600), surroundings }
    }
}

/// How many threads there are, sleep, and may be at work.
struct Threads {
    alive: usize,
    asleep: usize,
    allowed: usize,
}

impl Pool {
    /// The most threads; few, because pairs are made ahead and nobody waits for them.
    const MOST_THREADS: usize = 8;

    /// As [`Self::start_with`], of pairs that wait for ever.
    ///
    /// # Errors
    /// As there.
    pub fn start(
        capacities: &[(KeyPairSpec, usize)],
        engine: Engine,
        pairwise_test: bool,
    ) -> Result<Self, Error> {
        Self::start_with(capacities, engine, pairwise_test, Wait::default())
    }

    /// Starts filling: so many pairs of each kind, 1 or more, no kind twice. Halves are tried on
    /// each other before they enter if `pairwise_test` says so; those of RSA pairs always are.
    ///
    /// # Errors
    /// [`Error::Memory`] if there is none for so many; [`Error::SelfTest`].
    pub fn start_with(
        capacities: &[(KeyPairSpec, usize)],
        engine: Engine,
        pairwise_test: bool,
        wait: Wait,
    ) -> Result<Self, Error> {
        let shelves = capacities.iter().map(|&(spec, capacity)| Shelf::new(spec, capacity));
        let state = State {
            shelves: shelves.collect::<Result<_, _>>()?,
            failures: 0,
            expired: 0,
            copied: 0,
            generation: wait.surroundings.generation(),
            paused: false,
            threads: Threads { alive: 0, asleep: 0, allowed: 1 },
        };
        let shared = Arc::new(Shared {
            engine,
            pairwise_test,
            wait,
            state: Mutex::new(state),
            work: Condvar::new(),
            change: Condvar::new(),
            closing: AtomicBool::new(false),
        });
        for &(spec, _) in capacities {
            prepare::pair(spec, engine)?;
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..cores.min(Self::MOST_THREADS) {
            // Where no thread can be had the pool is always empty, and pairs are made on the spot.
            worker::start(&shared);
        }
        Ok(Self { shared, capacities: capacities.to_vec(), process: std::process::id() })
    }

    /// A pair that nobody else gets, if one waits; `None` if the caller is to make one.
    #[must_use]
    pub fn take(&self, spec: KeyPairSpec) -> Option<EncodedPair> {
        // What a broken module made is for nobody; whoever makes a pair instead is told.
        if self.is_foreign() || healthy().is_err() {
            return None;
        }
        let mut state = self.shared.lock();
        let shelf = state.shelves.iter().position(|shelf| shelf.spec() == spec)?;
        self.shared.look(&mut state);
        let pair = state.shelves[shelf].take();
        state.paused = false;
        if pair.is_none() {
            state.threads.allow_one_more();
        }
        let wake = state.may_begin();
        drop(state);
        if wake {
            self.shared.work.notify_one();
        }
        pair
    }

    /// How the pool is; in a forked child, empty.
    #[must_use]
    pub fn status(&self) -> PoolStatus {
        if self.is_foreign() {
            let empty =
                |&(spec, capacity)| ShelfStatus { spec, depth: 0, capacity, hits: 0, misses: 0 };
            let shelves = self.capacities.iter().map(empty).collect();
            return PoolStatus { shelves, locked: false, failures: 0, expired: 0, copied: 0 };
        }
        let mut state = self.shared.lock();
        self.shared.look(&mut state);
        PoolStatus {
            shelves: state.shelves.iter().map(Shelf::status).collect(),
            locked: state.shelves.iter().all(Shelf::is_locked),
            failures: state.failures,
            expired: state.expired,
            copied: state.copied,
        }
    }

    /// Whether every shelf is full, which is waited for as long as `patience`.
    #[must_use]
    pub fn wait_full(&self, patience: Duration) -> bool {
        if self.is_foreign() {
            return false;
        }
        let waits = |state: &mut State| !state.is_full() && !self.shared.requested();
        let state = self.shared.lock();
        let waited = self.shared.change.wait_timeout_while(state, patience, waits);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_full()
    }

    /// Erases what waits and ends the threads, which is waited for as long as `patience`: one of low
    /// priority may get no time to end in, and what it was making dies with it whenever it does.
    /// Whether all have ended.
    pub fn close(&self, patience: Duration) -> bool {
        if self.is_foreign() {
            return true;
        }
        self.shared.closing.store(true, Ordering::Relaxed);
        let mut state = self.shared.lock();
        state.shelves.iter_mut().for_each(Shelf::clear);
        self.shared.work.notify_all();
        self.shared.change.notify_all();
        let runs = |state: &mut State| state.threads.alive > 0;
        let waited = self.shared.change.wait_timeout_while(state, patience, runs);
        waited.unwrap_or_else(PoisonError::into_inner).0.threads.alive == 0
    }

    /// Whether this process was forked from the one that started the pool. Then nothing is touched:
    /// another thread may have held the lock, and the memory is not there.
    fn is_foreign(&self) -> bool {
        self.process != std::process::id()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if self.is_foreign() {
            std::mem::forget(Arc::clone(&self.shared));
        } else {
            self.close(Duration::ZERO);
        }
    }
}

impl Interrupt for Shared {
    fn requested(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }
}

impl Shared {
    /// Nothing is done under the lock that could panic half-way.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Erases what must not wait any longer: everything if the machine was copied, else what is too
    /// old. Whoever takes a pair looks before, so that none goes that ought not to.
    fn look(&self, state: &mut State) {
        let erased = state.expired + state.copied;
        let generation = self.wait.surroundings.generation();
        if generation != state.generation {
            state.generation = generation;
            state.copied += state.erase(|_| true);
        }
        let now = self.wait.surroundings.now();
        state.expired += state.erase(|since| now.since(since) > self.wait.longest);
        if state.expired + state.copied > erased {
            self.work.notify_one();
        }
    }
}

impl State {
    fn erase(&mut self, is_over: impl Fn(Moment) -> bool) -> u64 {
        self.shelves.iter_mut().map(|shelf| shelf.erase(&is_over)).sum()
    }

    fn is_full(&self) -> bool {
        !self.shelves.is_empty() && self.shelves.iter().all(Shelf::is_full)
    }

    /// The shelf that lacks most, unless making is paused or nothing lacks.
    fn neediest(&self) -> Option<usize> {
        let lacking = (0..self.shelves.len()).filter(|&i| self.shelves[i].lacks_some());
        let more = |a: usize, b: usize| {
            if self.shelves[b].lacks_more_than(&self.shelves[a]) { b } else { a }
        };
        lacking.reduce(more).filter(|_| !self.paused)
    }

    /// Whether a thread that sleeps is to begin.
    fn may_begin(&self) -> bool {
        let Threads { alive, asleep, allowed } = self.threads;
        asleep > 0 && alive - asleep < allowed && self.neediest().is_some()
    }

    /// Gives back the pages of pairs that are too late: the machine was copied while they were made.
    fn give_back(&mut self, shelf: usize, filled: Vec<Filled>, mut unused: Vec<LockedPage>) {
        self.copied += filled.len() as u64;
        unused.extend(filled.into_iter().map(Filled::erased));
        self.shelves[shelf].fill(vec![], unused, Moment::default());
    }

    /// What a worker is to make next: of which shelf, and the pages for it.
    fn claim(&mut self) -> Option<(usize, Vec<LockedPage>)> {
        let shelf = self.neediest()?;
        Some((shelf, self.shelves[shelf].claim()))
    }

    /// Puts finished pairs on their shelf. With everything full, one thread will do again.
    fn fill(&mut self, shelf: usize, filled: Vec<Filled>, unused: Vec<LockedPage>, now: Moment) {
        if !unused.is_empty() {
            self.failures += 1;
            self.paused = true;
        }
        self.shelves[shelf].fill(filled, unused, now);
        if self.is_full() {
            self.threads.allowed = 1;
        }
    }
}

impl Threads {
    fn allow_one_more(&mut self) {
        self.allowed = (self.allowed + 1).min(self.alive.max(1));
    }
}
