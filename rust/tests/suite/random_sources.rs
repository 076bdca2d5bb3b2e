//! Sources that are broken: whatever draws from them ends with an error, and soon.

use pairsmith_core::ec;
use pairsmith_core::error::Error;
use pairsmith_core::fault::{self, Fault, Place, System};
use pairsmith_core::generate::{self, Effort};
use pairsmith_core::interrupt::Never;
use pairsmith_core::lanes::Engine;
use pairsmith_core::natural::Natural;
use pairsmith_core::pool::Pool;
use pairsmith_core::primes::proof;
use pairsmith_core::primes::search::PrimeSearch;
use pairsmith_core::purpose::Purpose;
use pairsmith_core::random::{OsRandom, RandomSource};
use pairsmith_core::root_key::RootKey;
use pairsmith_core::secret::SecretBytes;
use pairsmith_core::service_key::ServiceKey;
use pairsmith_core::spec::{Curve, KeyPairSpec, RsaSize};
use pairsmith_core::stream::PairStream;
use pairsmith_core::wrap::{Layout, WrappingKey, randomness};
use pairsmith_tests::{base2_pseudoprime, for_each_engine, natural, prime_from};

for_each_engine!(
    candidates_that_are_never_prime_end,
    the_bounds_are_the_standard_s,
    one_prime_for_ever_ends,
    a_pseudoprime_for_ever_ends,
    what_the_system_repeats_is_noticed,
    a_system_that_fails_is_reported,
);

const RSA: KeyPairSpec = KeyPairSpec::Rsa(RsaSize::Bits2048);

/// The same bytes again and again; counts the draws.
struct Period {
    bytes: Vec<u8>,
    at: usize,
    draws: u64,
}

impl Period {
    fn of(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), at: 0, draws: 0 }
    }
}

impl RandomSource for Period {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        for byte in out {
            *byte = self.bytes[self.at % self.bytes.len()];
            self.at += 1;
        }
        self.draws += 1;
        Ok(())
    }
}

fn key(candidates: &mut Period, effort: Effort) -> Option<Error> {
    generate::key_pair(RSA, effort, candidates, &Never).err()
}

/// Sources of many periods none of whose candidates is prime: as many are drawn as FIPS 186-5 A.1.3
/// allows (10·nlen, the bound for q), and no more, on one thread and on three.
fn candidates_that_are_never_prime_end(engine: Engine) {
    // Of these numbers each has a small divisor: all ones or all zeros in the bits that are drawn, the
    // period of a byte, of a draw, and one that fits nothing.
    let sources =
        [vec![0], vec![0xff], vec![0x24, 0x92, 0x49], [vec![0; 127], vec![0xff]].concat()];
    for bytes in sources {
        for threads in [1, 3] {
            let mut source = Period::of(bytes.clone());
            let effort = Effort { threads, ..Effort::of(engine) };
            assert_eq!(key(&mut source, effort), Some(Error::BrokenRandom), "{bytes:?}");
            assert_eq!(source.draws, 10 * 2048);
        }
    }
}

/// A source that counts down to a prime: composites, as many as asked for, then primes for ever.
struct Late {
    composites: u64,
    prime: Vec<u8>,
    between: u64,
    drawn: u64,
}

impl RandomSource for Late {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.drawn += 1;
        let is_prime =
            self.drawn == self.composites + 1 || self.drawn == self.composites + 2 + self.between;
        if is_prime {
            out.copy_from_slice(&self.prime);
        } else {
            out.fill(0);
        }
        Ok(())
    }
}

/// p may be the candidate 5·nlen and q the one 10·nlen after it, and neither a later one, whatever the
/// engine has drawn ahead.
fn the_bounds_are_the_standard_s(engine: Engine) {
    let prime = prime_from((num_bigint::BigUint::from(0b111u8) << 1021u32) + 7u8, 8, 16);
    let cases =
        [(10_239, 20_479, true), (10_240, 0, false), (0, 20_480, false), (10_239, 20_480, false)];
    for (composites, between, found) in cases {
        for threads in [1, 2] {
            let prime = prime.to_bytes_be();
            let source = Late { composites, prime, between, drawn: 0 };
            let mut search = PrimeSearch::new(engine, threads, 1024, source);
            let outcome = search.next_pair(&Never).map(|_| ());
            let expected = if found { Ok(()) } else { Err(Error::BrokenRandom) };
            assert_eq!(outcome, expected, "{composites} {between} {threads}");
        }
    }
}

/// One prime again and again: p and q are equal, and such pairs are not looked for without end.
fn one_prime_for_ever_ends(engine: Engine) {
    let prime = prime_from((num_bigint::BigUint::from(0b111u8) << 1021u32) + 7u8, 8, 16);
    let mut source = Period::of(prime.to_bytes_be());
    assert_eq!(key(&mut source, Effort::of(engine)), Some(Error::BrokenRandom));
    assert!(source.draws < 100);
}

/// A composite that passes the base-2 test again and again, and a prime beside it that is put back.
fn a_pseudoprime_for_ever_ends(engine: Engine) {
    let pseudoprime = base2_pseudoprime().to_bytes_be();
    let prime = prime_from((num_bigint::BigUint::from(0b111u8) << 1021u32) + 7u8, 8, 16);
    let sources = [pseudoprime.clone(), [prime.to_bytes_be(), pseudoprime].concat()];
    for bytes in sources {
        let mut source = Period::of(bytes);
        assert_eq!(key(&mut source, Effort::of(engine)), Some(Error::BrokenRandom));
        assert!(source.draws < 200);
    }
}

/// A scalar is drawn a few times at most, alone, of many and of a seed's generator.
#[test]
fn scalars_out_of_range_end() {
    for curve in [Curve::P256, Curve::P256K] {
        for byte in [0, 0xff] {
            for engine in pairsmith_tests::engines() {
                let mut source = Period::of([byte]);
                let outcome = ec::generate(curve, engine, &mut source);
                assert_eq!(outcome.err(), Some(Error::BrokenRandom));
                let outcome = ec::generate_many(curve, engine, 130, &mut source);
                assert_eq!(outcome.err(), Some(Error::BrokenRandom));
                assert!(source.draws <= 20, "{}", source.draws);
            }
        }
    }
}

/// Bases of Miller–Rabin that are out of range for ever end it, for one number and for many.
#[test]
fn bases_out_of_range_end() {
    let prime =
        natural(&prime_from((num_bigint::BigUint::from(0b111u8) << 1021u32) + 7u8, 8, 16), 16);
    for byte in [0, 0xff] {
        let numbers: Vec<&Natural> = vec![&prime; 8];
        let mut bases = Period::of([byte]);
        let outcome = proof::passes(Engine::best(), &numbers, 5, &mut bases);
        assert_eq!(outcome.err(), Some(Error::BrokenRandom));
        assert!(bases.draws < 1000);
    }
}

/// What makes pairs of the system's randomness: alone, and of a stream, as batches and the pool do.
fn outcomes(spec: KeyPairSpec, engine: Engine) -> Vec<Option<Error>> {
    let mut candidates = OsRandom::buffered();
    let alone = generate::key_pair(spec, Effort::of(engine), &mut candidates, &Never).err();
    let count = PairStream::group(spec);
    let stream = PairStream::new(spec, engine).next(count, &Never).err();
    vec![alone, stream]
}

/// A system's generator that is constant, repeats itself after a while or gets stuck is found out
/// before a pair leaves, whatever the period and whether candidates and bases fit into it.
fn what_the_system_repeats_is_noticed(engine: Engine) {
    let systems = [
        System::Constant(0),
        System::Constant(0xff),
        System::Constant(0x5a),
        System::Repeats(1),
        System::Repeats(8),
        System::Repeats(32),
        System::Repeats(100),
        System::Repeats(1000),
        System::SticksAfter(16),
        System::SticksAfter(5000),
    ];
    for system in systems {
        for outcome in fault::with_system(system, || outcomes(RSA, engine)) {
            assert_eq!(outcome, Some(Error::BrokenRandom), "{system:?}");
        }
    }
    for curve in [Curve::P256, Curve::P256K] {
        // ring draws by itself where it makes the pairs.
        if curve == Curve::P256 && engine != Engine::Avx512 {
            continue;
        }
        for system in [System::Constant(0x5a), System::Repeats(8), System::Repeats(256)] {
            let made = || PairStream::new(KeyPairSpec::Ec(curve), engine).next(128, &Never).err();
            assert_eq!(fault::with_system(system, made), Some(Error::BrokenRandom), "{system:?}");
        }
    }
}

/// One that fails after some bytes is reported, at whichever of them it fails.
fn a_system_that_fails_is_reported(engine: Engine) {
    for bytes in [0, 1, 100, 8192, 10_000] {
        for outcome in fault::with_system(System::FailsAfter(bytes), || outcomes(RSA, engine)) {
            assert_eq!(outcome, Some(Error::Random), "after {bytes}");
        }
    }
}

/// A single draw of the system is looked at, too: data keys and whatever else is random, and Iv and salt
/// of a seal.
#[test]
fn single_draws_are_looked_at() {
    const VERSION: &str = "key-0123456789abcdefghijk-0123456789";
    let key = WrappingKey::new(SecretBytes::zero(32), VERSION).expect("a key");
    let service = ServiceKey::new(SecretBytes::zero(32), VERSION).expect("a key");
    let root = RootKey::new(SecretBytes::zero(32)).expect("a root key");
    let message = || key.seal(b"m", Purpose::Message, b"", Layout::Plain, &mut randomness()).err();
    let secret = || service.seal(b"m", "place", &mut randomness()).err();
    let row = || root.create_version("key", VERSION, &mut randomness()).err();
    let seals: [&dyn Fn() -> Option<Error>; 3] = [&message, &secret, &row];
    for sealed in seals {
        assert_eq!(fault::with_system(System::Constant(7), sealed), Some(Error::BrokenRandom));
        assert_eq!(sealed(), None);
    }
    for length in [24, 32, 1000] {
        let drawn = || generate::random_bytes(length).err();
        assert_eq!(fault::with_system(System::Constant(7), drawn), Some(Error::BrokenRandom));
        assert_eq!(drawn(), None);
    }
}

/// Threads of the pool meet the same system: they stop after a failure and nothing waits.
#[test]
fn a_pool_of_a_broken_system_stays_empty() {
    let start = || Pool::start(&[(RSA, 2)], Engine::best(), false).expect("memory");
    let pool = fault::with_system(System::Repeats(64), start);
    while pool.status().failures == 0 {
        std::thread::yield_now();
    }
    assert_eq!(pool.status().shelves[0].depth, 0);
    assert!(pool.take(RSA).is_none());
}

/// Rounds that Miller–Rabin or the gate turn down are counted, in a stream as well.
#[test]
fn rounds_that_give_nothing_end() {
    let denied = |after| [0, 1].map(|bit| Fault { place: Place::Proof, bit, after });
    let faults: Vec<Fault> = (0..100).flat_map(denied).collect();
    let stream = || PairStream::new(RSA, Engine::best()).next(1, &Never).err();
    let (outcome, left) = fault::with(&faults, stream);
    assert_eq!((outcome, left > 100), (Some(Error::BrokenRandom), true));
    let mut candidates = OsRandom::buffered();
    let mut alone = || generate::key_pair(RSA, Effort::of(Engine::best()), &mut candidates, &Never);
    let (outcome, left) = fault::with(&faults, || alone().err());
    assert_eq!((outcome, left > 100), (Some(Error::BrokenRandom), true));
}

/// A generator that works is never taken for one that does not.
#[test]
fn what_does_not_repeat_passes() {
    let mut source = OsRandom::in_blocks_of(64);
    let mut out = [0; 100];
    for length in (0..100).cycle().take(20_000) {
        assert_eq!(source.fill(&mut out[..length]), Ok(()));
    }
}
