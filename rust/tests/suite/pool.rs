//! The warm pool: each pair whole and handed out once, never more than may wait, and an end whenever
//! it is wanted.

use std::collections::HashSet;
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::Duration;

use pairsmith_core::encode::EncodedPair;
use pairsmith_core::lanes::Engine;
use pairsmith_core::pool::{Pool, ShelfStatus};
use pairsmith_core::rsa;
use pairsmith_core::spec::{Curve, KeyPairSpec, RsaSize};
use pairsmith_tests::for_each_engine;

for_each_engine!(every_kind_fills_up, closing_ends_a_search);

const PATIENCE: Duration = Duration::from_secs(120);
const RSA: KeyPairSpec = KeyPairSpec::Rsa(RsaSize::Bits2048);
const P256: KeyPairSpec = KeyPairSpec::Ec(Curve::P256);

fn full(capacities: &[(KeyPairSpec, usize)], engine: Engine) -> Pool {
    let pool = Pool::start(capacities, engine, false).expect("memory");
    assert!(pool.wait_full(PATIENCE), "{:?}", pool.status());
    pool
}

fn shelf(pool: &Pool, spec: KeyPairSpec) -> ShelfStatus {
    *pool.status().shelves.iter().find(|shelf| shelf.spec == spec).expect("a shelf")
}

/// Every kind fills up to what was asked for, and its pairs pass the gate's test.
fn every_kind_fills_up(engine: Engine) {
    let curves = [Curve::P256, Curve::P256K].map(|curve| (KeyPairSpec::Ec(curve), 130));
    let sizes = match engine {
        Engine::Scalar | Engine::Avx2 => &RsaSize::ALL[..1],
        Engine::Avx512 => &RsaSize::ALL[..],
    };
    let rsa = sizes.iter().map(|&size| (KeyPairSpec::Rsa(size), 3));
    let capacities: Vec<_> = rsa.chain(curves).collect();
    let pool = full(&capacities, engine);
    for (spec, capacity) in capacities {
        let ShelfStatus { depth, hits, misses, .. } = shelf(&pool, spec);
        assert_eq!((depth, hits, misses), (capacity, 0, 0));
        let pair = pool.take(spec).expect("a hit");
        if matches!(spec, KeyPairSpec::Rsa(_)) {
            let (private, public) = (pair.private_key.expose(), &pair.public_key);
            assert_eq!(rsa::pairwise_consistency_test(Engine::best(), private, public), Ok(()));
        }
    }
    assert_eq!(pool.status().failures, 0);
}

/// Threads that take at once get different pairs, as many as they counted; the depth never passes
/// the capacity, and hits and misses add up to what was asked.
#[test]
fn each_pair_is_handed_out_once() {
    const CAPACITY: usize = 64;
    let pool = full(&[(P256, CAPACITY), (RSA, 4)], Engine::best());
    let (taken, start) = (Mutex::new(vec![]), Barrier::new(4));
    let hammer = || {
        start.wait();
        let mut mine = vec![];
        for round in 0..2000 {
            let spec = if round % 100 == 0 { RSA } else { P256 };
            mine.extend(pool.take(spec).map(|pair| pair.public_key));
            assert!(shelf(&pool, P256).depth <= CAPACITY);
        }
        taken.lock().expect("no panic").extend(mine);
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(hammer);
        }
    });
    let taken = taken.into_inner().expect("no panic");
    let status = pool.status();
    let hits: u64 = status.shelves.iter().map(|shelf| shelf.hits).sum();
    let misses: u64 = status.shelves.iter().map(|shelf| shelf.misses).sum();
    assert!(hits >= CAPACITY as u64 + 4);
    assert_eq!((hits, hits + misses), (taken.len() as u64, 4 * 2000));
    assert_eq!(taken.iter().collect::<HashSet<_>>().len(), taken.len(), "all different");
}

/// A pool refills by itself after a hit, and what it has no shelf for it does not count.
#[test]
fn a_pool_refills() {
    let pool = full(&[(RSA, 2)], Engine::best());
    for _ in 0..5 {
        assert!(pool.take(RSA).is_some());
        assert!(pool.wait_full(PATIENCE));
    }
    assert!(pool.take(P256).is_none());
    let ShelfStatus { hits, misses, .. } = shelf(&pool, RSA);
    assert_eq!((hits, misses), (5, 0));
}

/// Closing in the middle of a search ends it, though the pool is not full; then there is nothing to
/// take, and closing again does nothing.
fn closing_ends_a_search(engine: Engine) {
    // Nobody has made so many by then.
    let capacities = [(P256, 1), (KeyPairSpec::Rsa(RsaSize::Bits4096), 1000)];
    let pool = Pool::start(&capacities, engine, false).expect("memory");
    // Whoever made a pair of the other kind searches next.
    while pool.take(P256).is_none() {
        thread::yield_now();
    }
    assert!(pool.close(PATIENCE), "every thread has ended");
    assert_eq!(pool.status().failures, 0, "no search has ended by itself");
    assert!(pool.take(RSA).is_none());
    assert!(!pool.wait_full(PATIENCE), "nobody waits for a pool that is closed");
    assert!(pool.status().shelves.iter().all(|shelf| shelf.depth == 0));
    assert!(pool.close(PATIENCE));
}

/// The halves of a pair from the pool are each other's, in both formats.
#[test]
fn a_pair_comes_out_as_it_went_in() {
    use p256::pkcs8::{DecodePrivateKey, DecodePublicKey};
    let pool = full(&[(P256, 200)], Engine::best());
    for _ in 0..200 {
        let EncodedPair { private_key, public_key } = pool.take(P256).expect("a hit");
        let secret = p256::SecretKey::from_pkcs8_der(private_key.expose()).expect("PKCS#8");
        let public = p256::PublicKey::from_public_key_der(&public_key).expect("SPKI");
        assert_eq!(secret.public_key(), public);
    }
}
