//! Pairs that wait too long, or that a copy of the machine has as well: erased, and made anew.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pairsmith_core::batch::{Batch, Order};
use pairsmith_core::lanes::Engine;
use pairsmith_core::pool::{Pool, Wait};
use pairsmith_core::secret::SecretBytes;
use pairsmith_core::spec::{Curve, KeyFormat, KeyPairSpec, RsaSize};
use pairsmith_core::surroundings::{Moment, Surroundings};
use pairsmith_core::wrap::{Layout, WrappingKey};

const PATIENCE: Duration = Duration::from_secs(120);
const HOUR: Duration = Duration::from_secs(3600);
const RSA: KeyPairSpec = KeyPairSpec::Rsa(RsaSize::Bits2048);
const P256: KeyPairSpec = KeyPairSpec::Ec(Curve::P256);

/// A world that a test moves.
#[derive(Default)]
struct World {
    now: Mutex<Moment>,
    copies: AtomicU64,
}

impl World {
    fn wait(&self, running: Duration, calendar: Duration) {
        let mut now = self.now.lock().expect("no panic");
        *now = Moment { running: now.running + running, calendar: now.calendar + calendar };
    }
}

impl Surroundings for World {
    fn now(&self) -> Moment {
        *self.now.lock().expect("no panic")
    }

    fn generation(&self) -> u64 {
        self.copies.load(Ordering::Relaxed)
    }
}

fn full(world: &Arc<World>, look: Duration) -> Pool {
    let wait = Wait { longest: HOUR, look, surroundings: world.clone() };
    let pool = Pool::start_with(&[(RSA, 4), (P256, 40)], Engine::best(), false, wait);
    let pool = pool.expect("memory");
    assert!(pool.wait_full(PATIENCE));
    pool
}

fn publics(pool: &Pool) -> HashSet<Vec<u8>> {
    let take = |spec, count| (0..count).filter_map(move |_| pool.take(spec));
    take(RSA, 4).chain(take(P256, 40)).map(|pair| pair.public_key).collect()
}

/// After the longest time, by either clock, everything that waits is made anew; before, nothing is.
#[test]
fn pairs_that_are_too_old_are_made_anew() {
    for by_calendar in [false, true] {
        let world = Arc::new(World::default());
        // So rarely that nobody but this test looks.
        let pool = full(&world, HOUR);
        let wait = |time| {
            let times = [time, Duration::ZERO];
            world.wait(times[usize::from(by_calendar)], times[usize::from(!by_calendar)]);
        };
        wait(HOUR);
        assert_eq!((pool.status().expired, pool.status().shelves[1].depth), (0, 40));
        wait(Duration::from_nanos(1));
        let status = pool.status();
        assert_eq!((status.expired, status.copied), (44, 0));
        assert!(pool.wait_full(PATIENCE), "{:?}", pool.status());
        assert_eq!(pool.status().failures, 0);
    }
}

/// Threads that sleep look by themselves: what is too old does not lie there until somebody comes.
#[test]
fn sleeping_threads_erase_what_is_too_old() {
    let world = Arc::new(World::default());
    let pool = full(&world, Duration::from_millis(1));
    world.wait(2 * HOUR, Duration::ZERO);
    // Filled again, and nobody has asked for anything.
    while pool.status().expired == 0 {
        std::thread::yield_now();
    }
    assert!(pool.wait_full(PATIENCE));
}

/// Once the machine was copied no pair that waited is handed out.
#[test]
fn a_copy_of_the_machine_empties_the_pool() {
    let world = Arc::new(World::default());
    let pool = full(&world, HOUR);
    // One of each kind has gone; the pool is full of others.
    let known: HashSet<Vec<u8>> = [RSA, P256]
        .iter()
        .filter_map(|spec| pool.take(*spec))
        .map(|pair| pair.public_key)
        .collect();
    assert_eq!(known.len(), 2);
    assert!(pool.wait_full(PATIENCE));
    let erased = pool.status().copied;
    world.copies.fetch_add(1, Ordering::Relaxed);
    let hits: u64 = pool.status().shelves.iter().map(|shelf| shelf.hits).sum();
    assert_eq!((pool.status().copied - erased, hits), (44, 2));
    assert!(pool.wait_full(PATIENCE));
    let new = publics(&pool);
    assert_eq!(new.len(), 44);
    assert!(new.is_disjoint(&known));
    assert_eq!(pool.status().failures, 0);
}

/// The clocks may stand still or go back: then nothing gets old.
#[test]
fn moments_are_compared_by_the_clock_that_went_on() {
    let at = |running, calendar| Moment {
        running: Duration::from_secs(running),
        calendar: Duration::from_secs(calendar),
    };
    assert_eq!(at(5, 100).since(at(2, 100)), Duration::from_secs(3));
    assert_eq!(at(5, 100).since(at(5, 40)), Duration::from_secs(60));
    assert_eq!(at(5, 10).since(at(2, 100)), Duration::from_secs(3));
    assert_eq!(at(1, 10).since(at(2, 100)), Duration::ZERO);
}

fn order(spec: KeyPairSpec) -> Order {
    let key = WrappingKey::new(SecretBytes::zero(32), &"v".repeat(36)).expect("a key");
    Order {
        key: Arc::new(key),
        spec,
        format: KeyFormat::Der,
        aad: vec![],
        layout: Layout::Plain,
        with_plaintext: false,
        engine: Engine::best(),
        pairwise_test: false,
    }
}

/// A batch goes on after a copy of the machine with pairs that were begun since, as many as were asked
/// for and no two alike.
#[test]
fn a_copy_of_the_machine_begins_a_batch_anew() {
    for (spec, count) in [(RSA, 20u64), (P256, 2000)] {
        let world = Arc::new(World::default());
        let batch = Batch::start_in(order(spec), count, 2, world.clone());
        let mut publics = HashSet::new();
        let mut calls = 0;
        while (publics.len() as u64) < count {
            if calls % 3 == 1 {
                world.copies.fetch_add(1, Ordering::Relaxed);
                let group = batch.next_group(PATIENCE).expect("no failure");
                assert!(group.is_none(), "what was there is not handed out");
            }
            calls += 1;
            let group = batch.next_group(PATIENCE).expect("no failure").expect("in time");
            publics.extend(group.iter().map(|pair| pair.public_key.to_vec()));
        }
        assert!(calls > 1);
        assert!(batch.next_group(PATIENCE).expect("the end").expect("at once").is_empty());
        assert_eq!(publics.len() as u64, count);
    }
}
