//! How much work two primes take, whatever the machine: a figure that may fall but not grow.

use pairsmith_benches::{Work, cctv_candidates, engines, have_candidate_lists, two_primes};
use pairsmith_core::lanes::Engine;
use pairsmith_core::spec::RsaSize;

/// What the two primes of a candidate list may take: candidates sifted and tested, each in steps of
/// the engine's width, and squarings, each of as many lanes.
struct Limit {
    sifted: usize,
    tested: usize,
    squarings: usize,
}

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

/// The two primes of each candidate list are found with no more work than recorded here.
#[test]
fn two_primes_take_no_more_work() {
    if !have_candidate_lists() {
        return;
    }
    for engine in engines() {
        for size in RsaSize::ALL {
            let Work { sifted, batches, .. } = two_primes(engine, &cctv_candidates(size));
            let (sifted, tested) = (sifted * engine.width(), batches * engine.width());
            let squarings = batches * engine.squarings_in_test(size.prime_bits() / 64);
            let name = format!("{}, {} bits", engine.name(), size.modulus_bits());
            println!("{name}: {sifted} sifted, {tested} tested, {squarings} squarings");
            let limit = limit(engine, size);
            assert!(sifted <= limit.sifted, "{name}: {sifted} sifted");
            assert!(tested <= limit.tested, "{name}: {tested} tested");
            assert!(squarings <= limit.squarings, "{name}: {squarings} squarings");
        }
    }
}
