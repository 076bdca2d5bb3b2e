//! A bit that flips anywhere on the way of a key: no wrong key leaves.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use pairsmith_core::drawn::{pairwise_consistency_test, secret_length};
use pairsmith_core::ec;
use pairsmith_core::encode::EncodedPair;
use pairsmith_core::error::Error;
use pairsmith_core::fault::{self, Fault, Place};
use pairsmith_core::generate::{self, Effort};
use pairsmith_core::interrupt::Never;
use pairsmith_core::lanes::Engine;
use pairsmith_core::pool::Pool;
use pairsmith_core::random::{HmacDrbg, OsRandom};
use pairsmith_core::rsa::{self, RsaKeyPair};
use pairsmith_core::spec::kind::{Checked, Pairwise};
use pairsmith_core::spec::{Curve, DrawnKind, KeyPairSpec, RsaSize};
use pairsmith_core::stream::PairStream;
use pairsmith_tests::{big, for_each_engine};

for_each_engine!(
    without_faults_keys_come,
    miller_rabin_corrects_a_lane_that_lies,
    the_gate_refuses_what_lane_and_proof_both_call_prime,
    a_prime_changed_before_its_proof_is_turned_down,
    a_prime_changed_after_its_proof_is_refused,
);

type Outcome = Result<(RsaKeyPair, EncodedPair), Error>;

/// The key of a seed: candidates and bases are the same in every run.
fn generated(engine: Engine, seed: u64) -> Outcome {
    let mut candidates = HmacDrbg::new(&seed.to_be_bytes(), b"candidates");
    let mut bases = HmacDrbg::new(&seed.to_be_bytes(), b"bases");
    let (size, effort) = (RsaSize::Bits2048, Effort::of(engine));
    generate::rsa_key_pair(size, effort, &mut candidates, &mut bases, &Never)
}

/// The same while the faults strike, each of which must.
fn generated_with(faults: &[Fault], engine: Engine, seed: u64) -> Outcome {
    let (outcome, missed) = fault::with(faults, || generated(engine, seed));
    assert_eq!(missed, 0, "every fault of {faults:?} strikes");
    outcome
}

fn at(place: Place, bit: usize) -> Fault {
    Fault { place, bit, after: 0 }
}

fn assert_refused(place: Place, bit: usize, engine: Engine, seed: u64) {
    let outcome = generated_with(&[at(place, bit)], engine, seed);
    assert_eq!(outcome.err(), Some(Error::Consistency), "{place:?}, bit {bit}, {engine:?}");
}

/// Bits all over a number of 1024 or a document of some 10,000 bits, the lowest and highest included.
fn bits() -> impl Iterator<Item = usize> {
    [0, 1, 2, 3, 63, 64, 1021, 1022, 1023].into_iter().chain((100..10_000).step_by(397))
}

/// Without a fault the seeds give keys: what the other tests miss is due to their faults.
fn without_faults_keys_come(engine: Engine) {
    for seed in 0..4 {
        let (key, pair) = generated(engine, seed).expect("a key");
        let again = generated_with(&[], engine, seed).expect("the same key").1;
        assert_eq!(pair.private_key.expose(), again.private_key.expose());
        assert_eq!(big(&key.n), big(&key.p) * big(&key.q));
    }
}

/// A lane that calls a composite prime is corrected by Miller–Rabin: the key is the one without the
/// fault.
fn miller_rabin_corrects_a_lane_that_lies(engine: Engine) {
    let right = generated(engine, 1).expect("a key").1;
    for lane in 0..engine.width() {
        let faulty = generated_with(&[at(Place::Lanes, lane)], engine, 1).expect("a key").1;
        assert_eq!(faulty.private_key.expose(), right.private_key.expose(), "lane {lane}");
    }
}

/// Where Miller–Rabin lies too, for p or for q, the gate refuses the key.
fn the_gate_refuses_what_lane_and_proof_both_call_prime(engine: Engine) {
    for seed in [1, 2, 4, 5] {
        // The first number found, p, will be a composite. (Seed 3's first is prime indeed.)
        let lies = [at(Place::Lanes, 0), at(Place::Proof, 0)];
        let corrected = generated_with(&lies[..1], engine, seed).expect("a key").0;
        let right = generated(engine, seed).expect("a key").0;
        assert_eq!(big(&corrected.p), big(&right.p), "it is a lie");
        let outcome = generated_with(&lies, engine, seed);
        assert_eq!(outcome.err(), Some(Error::Consistency), "p, seed {seed}, {engine:?}");
    }
}

/// A lane that calls a prime composite loses it: the next primes are taken, and the key is sound.
#[test]
fn a_prime_that_a_lane_denies_is_lost_and_nothing_else() {
    let engine = Engine::Scalar;
    let right = generated(engine, 1).expect("a key").0;
    // The portable engine tests one candidate a time: find the passage at which p shows up.
    let found = (0..400).find_map(|after| {
        let fault = Fault { place: Place::Lanes, bit: 0, after };
        let (outcome, missed) = fault::with(&[fault], || generated(engine, 1));
        let key = outcome.expect("a key").0;
        (missed == 0 && big(&key.p) != big(&right.p)).then_some(key)
    });
    let key = found.expect("some passage is p's");
    assert_eq!(big(&key.p), big(&right.q), "the second prime takes the first's place");
    assert_eq!(big(&key.n), big(&key.p) * big(&key.q));
}

/// A bit flipped in p or q before the proof: Miller–Rabin turns the number down, and what was right
/// remains. The lowest bit makes it even, which the lanes refuse by a panic: no key either.
fn a_prime_changed_before_its_proof_is_turned_down(engine: Engine) {
    let right = generated(engine, 2).expect("a key").0;
    for bit in bits().filter(|bit| bit % 1024 > 0) {
        let key = generated_with(&[at(Place::FoundP, bit)], engine, 2).expect("a key").0;
        assert_eq!(big(&key.p), big(&right.q), "bit {bit} of p");
        let key = generated_with(&[at(Place::FoundQ, bit)], engine, 2).expect("a key").0;
        assert_eq!(big(&key.p), big(&right.p), "bit {bit} of q");
        assert_ne!(big(&key.q), big(&right.q));
    }
    for place in [Place::FoundP, Place::FoundQ] {
        let even = catch_unwind(AssertUnwindSafe(|| generated_with(&[at(place, 0)], engine, 2)));
        assert!(even.is_err(), "{place:?}");
    }
}

/// A bit flipped in p or q after the proof, before anything is computed from it. One such flip in
/// 355 makes another prime, and a sound key of it: not with this seed and these bits.
fn a_prime_changed_after_its_proof_is_refused(engine: Engine) {
    for bit in bits() {
        assert_refused(Place::GateP, bit, engine, 6);
        assert_refused(Place::GateQ, bit, engine, 6);
    }
}

/// A bit flipped in any of the seven numbers of a finished key, d and qInv among them.
#[test]
fn a_changed_number_is_refused() {
    let engine = Engine::best();
    for number in 0..7 {
        for bit in bits() {
            assert_refused(Place::Key(number), bit, engine, 4);
        }
    }
}

/// A bit flipped in the numbers that the test has read back, in the halves of its signature or in the
/// signature: refused. A flip may leave the numbers right only where they are not used: above a prime.
#[test]
#[cfg_attr(not(engine_avx512ifma), ignore = "elsewhere ring signs, without these numbers")]
fn a_fault_in_the_consistency_test_is_refused() {
    let engine = Engine::Avx512;
    for bit in bits() {
        for number in 0..5 {
            assert_refused(Place::Read(number), bit, engine, 4);
        }
        for half in 0..2 {
            assert_refused(Place::Power(half), bit, engine, 4);
        }
        assert_refused(Place::Signature, bit, engine, 4);
    }
}

/// A bit flipped in either document, wherever.
#[test]
fn a_changed_document_is_refused() {
    let engine = Engine::best();
    for bit in bits().chain(0..260) {
        assert_refused(Place::PrivateDocument, bit, engine, 5);
        assert_refused(Place::PublicDocument, bit, engine, 5);
    }
}

/// Many pairs from one searcher pass the same gate.
#[test]
fn a_batch_is_refused_too() {
    let spec = KeyPairSpec::Rsa(RsaSize::Bits2048);
    let batch = || PairStream::new(spec, Engine::best()).next(2, &Never).err();
    for place in [Place::Key(1), Place::Key(6), Place::PrivateDocument, Place::PublicDocument] {
        assert_eq!(
            fault::with(&[at(place, 99)], batch),
            (Some(Error::Consistency), 0),
            "{place:?}"
        );
    }
    assert_eq!(fault::with(&[], batch), (None, 0));
}

/// With the test that is an option, a changed document of a curve's pair is refused too, made alone
/// or among many; and a sound one is not.
#[test]
fn a_curves_changed_document_is_refused_if_asked() {
    let effort = Effort { pairwise_test: true, ..Effort::of(Engine::best()) };
    for curve in [Curve::P256, Curve::P256K] {
        let spec = KeyPairSpec::Ec(curve);
        let one = || generate::key_pair(spec, effort, &mut OsRandom::buffered(), &Never).err();
        let stream = || PairStream::new(spec, Engine::best()).with_pairwise_test(true);
        let many = || stream().next(3, &Never).err();
        assert_eq!((one(), many()), (None, None));
        for place in [Place::PrivateDocument, Place::PublicDocument] {
            for bit in 0..8 * 88 {
                let refused = (Some(Error::Consistency), 0);
                assert_eq!(fault::with(&[at(place, bit)], one), refused, "{place:?}, bit {bit}");
            }
            let third = Fault { after: 2, ..at(place, 300) };
            assert_eq!(fault::with(&[third], many), (Some(Error::Consistency), 0), "{place:?}");
        }
    }
}

/// A pair of a kind that is drawn, from a seed.
fn drawn(kind: DrawnKind, pairwise_test: bool) -> Result<EncodedPair, Error> {
    let effort = Effort { pairwise_test, ..Effort::of(Engine::best()) };
    let mut random = HmacDrbg::new(b"drawn", b"");
    generate::key_pair(KeyPairSpec::Drawn(kind), effort, &mut random, &Never)
}

/// With its pairwise test a pair of every kind is refused if a bit flips anywhere: in the private key once
/// the public one is computed, in the public key as the library gives it, in either document; alone or
/// among many. Pairs of lattices are refused without it, too, for they are made again and compared.
#[test]
fn a_bit_anywhere_in_a_drawn_pair_is_caught() {
    for kind in DrawnKind::ALL {
        let made_again = KeyPairSpec::Drawn(kind).kind().checked == Checked::MadeAgain;
        for &tested in if made_again { &[false, true][..] } else { &[true] } {
            let pair = drawn(kind, tested).expect("a pair");
            for (place, bits) in places(kind, &pair) {
                for bit in (0..bits).step_by(13).chain([1, 2, bits - 2, bits - 1]) {
                    let (outcome, missed) =
                        fault::with(&[at(place, bit)], || drawn(kind, tested).err());
                    assert_eq!(missed, 0);
                    let name = format!("{kind:?}, {place:?}, bit {bit}, tested: {tested}");
                    assert_eq!(outcome, Some(Error::Consistency), "{name}");
                }
                let third = Fault { after: 2, ..at(place, 99) };
                let stream = PairStream::new(KeyPairSpec::Drawn(kind), Engine::best());
                let mut stream = stream.with_pairwise_test(tested);
                let outcome = fault::with(&[third], || stream.next(3, &Never).err());
                assert_eq!(outcome, (Some(Error::Consistency), 0), "{kind:?}, {place:?}");
            }
        }
    }
}

/// Where bits flip, and how many there are. The last 256 of an ML-KEM seed are left out.
fn places(kind: DrawnKind, pair: &EncodedPair) -> [(Place, usize); 4] {
    let is_ml_kem = KeyPairSpec::Drawn(kind).kind().pairwise == Pairwise::EncapsulateDecapsulate;
    let z = if is_ml_kem { 256 } else { 0 };
    [
        (Place::DrawnSecret, 8 * secret_length(kind) - z),
        (Place::DrawnPublic, 8 * 32),
        (Place::PrivateDocument, 8 * pair.private_key.len() - z),
        (Place::PublicDocument, 8 * pair.public_key.len()),
    ]
}

/// The last 256 bits of an ML-KEM seed, z, are random and nothing more: with one of them flipped the
/// pair is another sound one of the same public key, and leaves (FIPS 203, algorithms 16 and 18).
#[test]
fn a_bit_of_z_makes_another_sound_pair() {
    for kind in [DrawnKind::MlKem512, DrawnKind::MlKem768, DrawnKind::MlKem1024] {
        let right = drawn(kind, true).expect("a pair");
        for bit in [256, 300, 511] {
            let fault = at(Place::DrawnSecret, bit);
            let (pair, missed) = fault::with(&[fault], || drawn(kind, true).expect("a pair"));
            assert_eq!((missed, &pair.public_key), (0, &right.public_key));
            assert!(pair.private_key.expose() != right.private_key.expose());
            let (private, public) = (pair.private_key.expose(), &pair.public_key);
            assert_eq!(pairwise_consistency_test(kind, private, public), Ok(()));
        }
    }
}

/// A public point of a large curve that has a wrong bit is on no curve: no pair leaves, though nobody
/// asked for the pairwise test.
#[test]
fn a_faulty_point_of_a_large_curve_leaves_no_pair() {
    for kind in [DrawnKind::P384, DrawnKind::P521] {
        for bit in (0..8 * 97).step_by(5) {
            let fault = at(Place::DrawnPublic, bit);
            let (outcome, missed) = fault::with(&[fault], || drawn(kind, false).err());
            assert_eq!((outcome, missed), (Some(Error::Consistency), 0), "{kind:?}, {bit}");
        }
    }
}

/// A fault in a thread of the pool, or a panic there: nothing enters, nobody waits, and the thread
/// tries again when the next pair is asked for and not before.
#[test]
fn a_pool_survives_faults_and_panics() {
    let spec = KeyPairSpec::Rsa(RsaSize::Bits2048);
    for fault in [at(Place::PrivateDocument, 99), at(Place::FoundP, 0)] {
        let start = || Pool::start(&[(spec, 2)], Engine::best(), false).expect("memory");
        let pool = fault::with(&[fault], start).0;
        let failures = || pool.status().failures;
        // Every thread has the fault once, before the pool fills.
        for failed in 1.. {
            while failures() < failed && !pool.wait_full(Duration::from_millis(1)) {}
            if failures() < failed {
                assert!(failed > 1, "the fault strikes");
                break;
            }
            assert_eq!(pool.status().shelves[0].depth, 0);
            assert!(!pool.wait_full(Duration::from_millis(50)), "nothing is tried again");
            assert_eq!(failures(), failed);
            assert!(pool.take(spec).is_none(), "at once");
        }
        let EncodedPair { private_key, public_key } = pool.take(spec).expect("a sound pair");
        assert_eq!(
            rsa::pairwise_consistency_test(Engine::best(), private_key.expose(), &public_key),
            Ok(())
        );
    }
}

/// The gate itself is no rubber stamp for documents of nobody's.
#[test]
fn the_gate_refuses_empty_documents() {
    assert_eq!(rsa::pairwise_consistency_test(Engine::best(), &[], &[]), Err(Error::Consistency));
}

/// A bit that flips in any coordinate of a point, alone or in a batch, leaves no pair: the point is
/// not on its curve any more.
#[test]
#[cfg_attr(not(engine_avx512ifma), ignore = "this machine has no AVX-512 IFMA")]
fn a_faulty_point_leaves_no_pair() {
    for curve in [Curve::P256, Curve::P256K] {
        for count in [1, 20] {
            let generate = || {
                let mut random = HmacDrbg::new(b"point", b"");
                ec::generate_many(curve, Engine::Avx512, count, &mut random)
            };
            assert_eq!(generate().expect("no fault").len(), count);
            // Words are those of x, y and z in turn, five limbs of eight lanes each.
            for word in (0..3 * 5 * 8).step_by(8) {
                for bit in [0, 1, 17, 46] {
                    let fault = at(Place::Multiple, 64 * word + bit);
                    let (outcome, missed) = fault::with(&[fault], generate);
                    assert_eq!(missed, 0);
                    assert_eq!(outcome.err(), Some(Error::Consistency), "{curve:?}, {fault:?}");
                }
            }
        }
    }
}
