//! One Montgomery squaring in every lane of an engine: `cargo bench -p pairsmith-benches squaring`.

#![allow(missing_docs, reason = "the functions that Criterion's macros make")]

use criterion::{Criterion, criterion_group, criterion_main};
use pairsmith_benches::{cctv_candidates, engines};
use pairsmith_core::spec::RsaSize;

/// So many that what begins and ends a run does not count.
const SQUARINGS: usize = 1000;

fn squaring(criterion: &mut Criterion) {
    for engine in engines() {
        let mut group =
            criterion.benchmark_group(format!("{SQUARINGS} squarings/{}", engine.name()));
        for size in RsaSize::ALL {
            let candidates = cctv_candidates(size);
            let lanes: Vec<_> = candidates.iter().take(engine.width()).collect();
            group.bench_function(size.prime_bits().to_string(), |bencher| {
                bencher.iter(|| engine.square_repeatedly(&lanes, SQUARINGS));
            });
        }
    }
}

criterion_group!(benches, squaring);
criterion_main!(benches);
