//! How much work two primes take, whatever the machine: a figure that may fall but not grow.

use pairsmith_benches::{Work, cctv_candidates, random_candidates, two_primes};
use pairsmith_core::lanes::Engine;
use pairsmith_core::natural::Natural;
use pairsmith_core::spec::RsaSize;
use pairsmith_tests::{engines, for_each_engine};

for_each_engine!(two_seeded_primes_take_no_more_work);

/// What two primes may take: candidates sifted and tested, each in steps of the engine's width, and
/// squarings, each of as many lanes.
struct Limit {
    sifted: usize,
    tested: usize,
    squarings: usize,
}

/// For C2SP's lists.
fn limit(engine: Engine, size: RsaSize) -> Limit {
    let (sifted, tested, squarings) = match (engine, size) {
        (Engine::Scalar, RsaSize::Bits2048) => (94, 72, 73_728),
        (Engine::Scalar, RsaSize::Bits3072) => (142, 101, 155_136),
        (Engine::Scalar, RsaSize::Bits4096) => (190, 128, 262_144),
        (Engine::Avx2, RsaSize::Bits2048) => (96, 76, 19_266),
        (Engine::Avx2, RsaSize::Bits3072) => (144, 104, 39_676),
        (Engine::Avx2, RsaSize::Bits4096) => (192, 136, 69_258),
        (Engine::Avx512, RsaSize::Bits2048) => (96, 72, 9126),
        (Engine::Avx512, RsaSize::Bits3072) => (144, 104, 19_838),
        (Engine::Avx512, RsaSize::Bits4096) => (192, 136, 34_629),
    };
    Limit { sifted, tested, squarings }
}

/// For the stream of `random_candidates`.
fn seeded_limit(engine: Engine, size: RsaSize) -> Limit {
    let (sifted, tested, squarings) = match (engine, size) {
        (Engine::Scalar, RsaSize::Bits2048) => (244, 186, 190_464),
        (Engine::Scalar, RsaSize::Bits3072) => (270, 191, 293_376),
        (Engine::Scalar, RsaSize::Bits4096) => (81, 45, 92_160),
        (Engine::Avx2, RsaSize::Bits2048) => (248, 192, 48_672),
        (Engine::Avx2, RsaSize::Bits3072) => (272, 192, 73_248),
        (Engine::Avx2, RsaSize::Bits4096) => (84, 52, 26_481),
        (Engine::Avx512, RsaSize::Bits2048) => (256, 192, 24_336),
        (Engine::Avx512, RsaSize::Bits3072) => (272, 192, 36_624),
        (Engine::Avx512, RsaSize::Bits4096) => (88, 56, 14_259),
    };
    Limit { sifted, tested, squarings }
}

/// The two primes of each of C2SP's candidate lists are found with no more work than recorded here.
#[test]
#[cfg_attr(
    not(have_candidate_lists),
    ignore = "no candidate lists of C2SP's: set PAIRSMITH_VECTORS"
)]
fn two_primes_take_no_more_work() {
    for engine in engines() {
        for size in RsaSize::ALL {
            assert_work(engine, size, &cctv_candidates(size), &limit(engine, size));
        }
    }
}

/// The first two primes of a stream of candidates are found with no more work than recorded here.
fn two_seeded_primes_take_no_more_work(engine: Engine) {
    for size in RsaSize::ALL {
        let candidates = random_candidates(size.prime_bits(), SKIPPED + 5000);
        assert_work(engine, size, &candidates[SKIPPED..], &seeded_limit(engine, size));
    }
}

/// Candidates at the beginning of the stream that are passed over: two primes come early there.
const SKIPPED: usize = 1000;

/// Prints the figures for the benchmark report, too.
fn assert_work(engine: Engine, size: RsaSize, candidates: &[Natural], limit: &Limit) {
    let Work { sifted, batches, .. } = two_primes(engine, candidates);
    let (sifted, tested) = (sifted * engine.width(), batches * engine.width());
    let squarings = batches * engine.squarings_in_test(size.prime_bits() / 64);
    let name = format!("{}, {} bits", engine.name(), size.modulus_bits());
    println!("{name}: {sifted} sifted, {tested} tested, {squarings} squarings");
    assert!(sifted <= limit.sifted, "{name}: {sifted} sifted");
    assert!(tested <= limit.tested, "{name}: {tested} tested");
    assert!(squarings <= limit.squarings, "{name}: {squarings} squarings");
}
