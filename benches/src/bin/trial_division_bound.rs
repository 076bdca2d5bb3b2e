//! The table of `docs/decisions/trial-division-bound.md`: what a search for two primes costs for
//! each bound of trial division. Times are minima over rounds; how often each stage is passed is
//! counted on the same candidates, so the luck of a single search does not enter.

use std::hint::black_box;
use std::time::Instant;

use pairsmith_benches::{engines, random_candidates};
use pairsmith_core::lanes::{Engine, LANES};
use pairsmith_core::natural::Natural;
use pairsmith_core::primes::trial_division::{Bounds, TrialDivision};
use pairsmith_core::spec::RsaSize;

const CANDIDATES: u32 = 20_000;
const ROUNDS: usize = 5;
const COARSE: [u32; 3] = [11, 12, 13];
const FINE: [u32; 5] = [14, 15, 16, 17, 18];

fn main() {
    for engine in engines() {
        for size in RsaSize::ALL {
            println!("\n{}, primes of {} bits\n", engine.name(), size.prime_bits());
            println!(
                "| coarse below | fine below | tests | ms dividing | ms testing | ms in all |"
            );
            println!("|---|---|---|---|---|---|");
            let candidates = random_candidates(size.prime_bits(), CANDIDATES as usize);
            let batch: Vec<_> = candidates.iter().take(engine.width()).collect();
            let test = seconds(|| engine.base2_fermat(&batch));
            for coarse in COARSE {
                for fine in FINE {
                    row(engine, size, &candidates, test, (coarse, fine));
                }
            }
        }
    }
}

/// One row: expected values for two primes.
fn row(
    engine: Engine,
    size: RsaSize,
    candidates: &[Natural],
    test: f64,
    (coarse, fine): (u32, u32),
) {
    let bounds = Bounds { coarse: 1 << coarse, fine: 1 << fine };
    let table = TrialDivision::new(size.prime_bits() / 64, [bounds; 3]);
    let through = |candidates: &[Natural]| {
        candidates.iter().filter(|candidate| table.survives(engine, candidate)).count()
    };
    let first = seconds(|| through(&candidates[..500])) / 500.0;
    let survivors: Vec<_> =
        candidates.iter().filter(|candidate| table.survives(engine, candidate)).collect();
    let sifted: u32 =
        survivors.chunks(LANES).map(|batch| table.sift(engine, batch).count_ones()).sum();
    let batches: Vec<_> = survivors.chunks_exact(engine.width()).take(20).collect();
    let sift = seconds(|| batches.iter().map(|batch| table.sift(engine, batch)).max()) / 20.0;

    // One odd number in ln(2^bits) / 2 is prime.
    let draws = f64::from(size.prime_bits() as u32) * std::f64::consts::LN_2;
    let share = |count: u32| f64::from(count) / f64::from(CANDIDATES) * draws;
    let (sifts, tests) = (share(survivors.len() as u32), share(sifted));
    let width = f64::from(engine.width() as u32);
    let dividing = 1e3 * (draws * first + sifts / width * sift);
    let testing = 1e3 * tests / width * test;
    let all = dividing + testing;
    println!("| 2^{coarse} | 2^{fine} | {tests:.1} | {dividing:.2} | {testing:.2} | {all:.2} |");
}

/// The least time of some runs.
fn seconds<T>(mut work: impl FnMut() -> T) -> f64 {
    black_box(work());
    let times = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        black_box(work());
        start.elapsed().as_secs_f64()
    });
    times.fold(f64::INFINITY, f64::min)
}
