//! One line per measurement, for `against_prototype.py`: name, minimum and median in nanoseconds.

use std::hint::black_box;
use std::time::Instant;

use pairsmith_benches::{cctv_candidates, engines, two_primes};
use pairsmith_core::primes::trial_division::TrialDivision;
use pairsmith_core::spec::RsaSize;

const SAMPLES: usize = 21;
const SQUARINGS: u32 = 4000;

fn main() {
    // Only what has this in its name, if anything is given.
    let wanted = std::env::args().nth(1).unwrap_or_default();
    for engine in engines() {
        for size in RsaSize::ALL {
            let candidates = cctv_candidates(size);
            let lanes: Vec<_> = candidates.iter().take(engine.width()).collect();
            let name = format!("{} squaring {}", engine.name(), size.prime_bits());
            report(&wanted, &name, SQUARINGS, || {
                engine.square_repeatedly(&lanes, SQUARINGS as usize);
            });
            let name = format!("{} fermat {}", engine.name(), size.prime_bits());
            report(&wanted, &name, 1, || {
                black_box(engine.base2_fermat(&lanes));
            });
            let table = TrialDivision::for_limbs(size.prime_bits() / 64);
            let name = format!("{} survives {}", engine.name(), size.prime_bits());
            report(&wanted, &name, candidates.len() as u32, || {
                black_box(candidates.iter().filter(|n| table.survives(engine, n)).count());
            });
            let name = format!("{} sift {}", engine.name(), size.prime_bits());
            report(&wanted, &name, 1, || {
                black_box(table.sift(engine, &lanes));
            });
            let batches = two_primes(engine, &candidates).batches;
            let name = format!("{} cctv {} batches={batches}", engine.name(), size.modulus_bits());
            report(&wanted, &name, 1, || {
                black_box(two_primes(engine, &candidates));
            });
        }
    }
}

fn report(wanted: &str, name: &str, units: u32, mut work: impl FnMut()) {
    if !name.contains(wanted) {
        return;
    }
    let mut times: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e9 / f64::from(units)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{name}: min {:.0} ns, median {:.0} ns", times[0], times[SAMPLES / 2]);
}
