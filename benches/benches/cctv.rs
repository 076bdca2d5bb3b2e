//! Two primes from each of C2SP's average-case candidate lists: `cargo bench -p pairsmith-benches cctv`.

#![allow(missing_docs, reason = "the functions that Criterion's macros make")]

use criterion::{Criterion, criterion_group, criterion_main};
use pairsmith_benches::{cctv_candidates, engines, two_primes};
use pairsmith_core::spec::RsaSize;

fn cctv(criterion: &mut Criterion) {
    for engine in engines() {
        let mut group = criterion.benchmark_group(format!("cctv/{}", engine.name()));
        group.sample_size(20);
        for size in RsaSize::ALL {
            let candidates = cctv_candidates(size);
            group.bench_function(size.modulus_bits().to_string(), |bencher| {
                bencher.iter(|| two_primes(engine, &candidates));
            });
        }
    }
}

criterion_group!(benches, cctv);
criterion_main!(benches);
