//! One line per measurement, for `against_prototype.py`: name, minimum and median in nanoseconds.

use std::hint::black_box;
use std::time::Instant;

use pairsmith_benches::{cctv_candidates, two_primes};
use pairsmith_core::lanes::Engine;
use pairsmith_core::spec::RsaSize;

const SAMPLES: usize = 21;
const SQUARINGS: usize = 4000;

fn main() {
    for engine in Engine::ALL.into_iter().filter(|engine| engine.available()) {
        for size in RsaSize::ALL {
            let candidates = cctv_candidates(size);
            let lanes: Vec<_> = candidates.iter().take(engine.width()).collect();
            let name = format!("{} squaring {}", engine.name(), size.prime_bits());
            report(&name, SQUARINGS, || engine.square_repeatedly(&lanes, SQUARINGS));
            let batches = two_primes(engine, &candidates).batches;
            let name = format!("{} cctv {} batches={batches}", engine.name(), size.modulus_bits());
            report(&name, 1, || {
                black_box(two_primes(engine, &candidates));
            });
        }
    }
}

fn report(name: &str, units: usize, mut work: impl FnMut()) {
    let mut times: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e9 / units as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{name}: min {:.0} ns, median {:.0} ns", times[0], times[SAMPLES / 2]);
}
