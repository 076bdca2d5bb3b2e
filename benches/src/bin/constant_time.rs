//! Does the time of an operation depend on its secrets? The test of "dude, is my code constant
//! time?" (Reparaz, Balasch, Verbauwhede; DATE 2017): two classes of inputs, one fixed and one
//! random, in random order; Welch's t over their times, slow outliers cropped at several
//! thresholds. An |t| above 10 is a leak; a constant-time operation stays below 4.5 nearly always.
//!
//!     cargo run --release --locked -p pairsmith-benches --bin constant_time
//!
//! Takes two minutes on an idle machine; on a busy one it becomes less sensitive, not less true. It
//! fails if an operation leaks.

use std::hint::black_box;
use std::time::{Instant, SystemTime};

use libcrux_ml_dsa as dsa;
use libcrux_ml_kem as kem;
use pairsmith_benches::engines;
use pairsmith_core::drawn;
use pairsmith_core::lanes::{Engine, LANES, Scalar, product_modulo, residue};
use pairsmith_core::natural::Natural;
use pairsmith_core::primes::trial_division::TrialDivision;
use pairsmith_core::secret::SecretBytes;
use pairsmith_core::spec::{Curve, DrawnKind};

/// Lanes that each measurement tests in all: 100,000 of 1024 bits, fewer of larger numbers.
const LANE_TESTS: [(usize, usize); 3] = [(16, 100_000), (24, 24_000), (32, 16_000)];
/// Where |t| becomes a finding.
const LEAK: f64 = 10.0;

fn main() {
    for engine in Engine::ALL.into_iter().filter(|engine| !engine.available()) {
        println!("not measured, because this machine cannot run it: {}", engine.name());
    }
    fermat_takes_constant_time();
    powers_take_constant_time();
    residues_take_constant_time();
    division_is_as_it_says();
    base_points_take_constant_time();
    curves_of_libraries_take_constant_time();
    lattices_take_constant_time();
}

/// `SplitMix64`: inputs must be unpredictable to the code, not to an attacker.
struct Random(u64);

impl Random {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Writes a random number, or the fixed one: all zeros between its highest and lowest bits,
    /// which are set in both classes, as in a candidate.
    fn fill(&mut self, number: &mut Natural, random: bool) {
        for limb in number.limbs_mut() {
            // Both classes take the same steps.
            *limb = self.word() & u64::from(random).wrapping_neg();
        }
        let top = number.limbs().len() - 1;
        number.limbs_mut()[top] |= 3 << 62;
        number.limbs_mut()[0] |= 7;
    }

    /// Writes random bytes, or zeros.
    fn fill_bytes(&mut self, bytes: &mut [u8], random: bool) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.word() & u64::from(random).wrapping_neg();
            chunk.copy_from_slice(&word.to_be_bytes()[..chunk.len()]);
        }
    }

    fn fill_all(&mut self, numbers: &mut [Natural], random: bool) {
        for number in numbers {
            self.fill(number, random);
        }
    }
}

/// The greatest |t| over the croppings, of `count` timings of `operation` on prepared inputs.
fn t_value<I>(
    count: usize,
    inputs: &mut I,
    prepare: impl Fn(&mut I, &mut Random, bool),
    operation: impl Fn(&I),
) -> f64 {
    let now = SystemTime::UNIX_EPOCH.elapsed().expect("after 1970");
    let mut random = Random(now.subsec_nanos().into());
    let mut times: [Vec<f64>; 2] = [vec![], vec![]];
    for round in 0..count {
        let class = random.word() & 1;
        prepare(inputs, &mut random, class == 1);
        let start = Instant::now();
        operation(inputs);
        let time = start.elapsed().as_secs_f64();
        // The first measurements warm the caches up.
        if round >= count / 50 {
            times[class as usize].push(time);
        }
    }
    let mut all: Vec<f64> = times.iter().flatten().copied().collect();
    all.sort_by(f64::total_cmp);
    let croppings = [50, 75, 90, 95, 99, 100].map(|percent| all[(all.len() - 1) * percent / 100]);
    let cropped = |limit: f64| {
        let [fixed, random] =
            times.each_ref().map(|times| times.iter().copied().filter(|time| *time <= limit));
        welch(&fixed.collect::<Vec<_>>(), &random.collect::<Vec<_>>()).abs()
    };
    croppings.into_iter().map(cropped).fold(0.0, f64::max)
}

/// Welch's t of two samples.
fn welch(a: &[f64], b: &[f64]) -> f64 {
    let moments = |sample: &[f64]| {
        let count = f64::from(u32::try_from(sample.len()).expect("thousands"));
        let mean = sample.iter().sum::<f64>() / count;
        let squares = sample.iter().map(|time| (time - mean).powi(2)).sum::<f64>();
        (mean, squares / (count - 1.0) / count)
    };
    let ((mean_a, variance_a), (mean_b, variance_b)) = (moments(a), moments(b));
    (mean_a - mean_b) / (variance_a + variance_b).sqrt()
}

fn numbers(limbs: usize, lanes: usize) -> Vec<Natural> {
    (0..lanes).map(|_| Natural::zero(limbs)).collect()
}

/// Measures up to three times: a true leak shows each time, an unlucky run does not.
fn assert_no_leak(name: &str, measure: impl Fn() -> f64) {
    let values: Vec<f64> = (0..3)
        .scan(f64::INFINITY, |last, _| {
            (*last >= LEAK).then(|| {
                *last = measure();
                *last
            })
        })
        .collect();
    println!("{name}: t = {values:.1?}");
    assert!(values.iter().any(|t| *t < LEAK), "{name} leaks: t = {values:.1?}");
}

/// The time of Fermat's test does not depend on the candidates.
fn fermat_takes_constant_time() {
    for engine in engines() {
        for (limbs, lane_tests) in LANE_TESTS {
            let name = format!("{} fermat {}", engine.name(), 64 * limbs);
            assert_no_leak(&name, || {
                let mut candidates = numbers(limbs, engine.width());
                t_value(
                    lane_tests / engine.width(),
                    &mut candidates,
                    |candidates, random, class| {
                        random.fill_all(candidates, class);
                    },
                    |candidates| {
                        black_box(engine.base2_fermat(&candidates.iter().collect::<Vec<_>>()));
                    },
                )
            });
        }
    }
}

/// The time of a power does not depend on modulus, base and exponent; nor that of two at a time, for
/// which the vector engine has other code.
fn powers_take_constant_time() {
    for engine in engines() {
        let (limbs, lane_tests) = LANE_TESTS[0];
        let two = (engine == Engine::Avx512).then_some(2);
        for lanes in [engine.width()].into_iter().chain(two) {
            let name = format!("{} power {}, {lanes} at a time", engine.name(), 64 * limbs);
            let times = lane_tests / 4 / engine.width();
            assert_no_leak(&name, || {
                t_value(times, &mut powers_of(limbs, lanes), prepare_powers, |inputs| {
                    let [moduli, bases, exponents] =
                        inputs.each_ref().map(|numbers| numbers.iter().collect::<Vec<_>>());
                    black_box(engine.power(&moduli, &bases, &exponents));
                })
            });
        }
    }
}

/// What makes a signature of its halves does not depend on them or the key either. It takes 5.6 µs, of
/// which 100,000 timings see differences of a nanosecond, with the same instructions and branches in both
/// classes (callgrind counts them): fewer are taken.
fn residues_take_constant_time() {
    let (limbs, lane_tests) = LANE_TESTS[0];
    assert_no_leak("residue and product", || {
        let inputs = &mut powers_of(limbs, 1);
        t_value(lane_tests / 10, inputs, prepare_powers, |[moduli, bases, others]| {
            let (modulus, base) = (&moduli[0], &bases[0]);
            // Its upper half is below the modulus.
            let long = Natural::product(base, &others[0]);
            black_box(product_modulo(base, &residue(&long, modulus), modulus));
        })
    });
}

type Powers = [Vec<Natural>; 3];

/// Room for moduli, bases and exponents.
fn powers_of(limbs: usize, lanes: usize) -> Powers {
    [0; 3].map(|_| numbers(limbs, lanes))
}

fn prepare_powers(inputs: &mut Powers, random: &mut Random, class: bool) {
    for numbers in inputs.iter_mut() {
        random.fill_all(numbers, class);
    }
    // A base must be below its modulus, whose highest bit is set.
    for base in &mut inputs[1] {
        let top = base.limbs().len() - 1;
        base.limbs_mut()[top] >>= 2;
    }
}

/// The fine division takes all candidates of a batch through the whole table, in the vector engine;
/// and what leaves early, by design, is found to: the measurement can fail.
fn division_is_as_it_says() {
    let limbs = 16;
    let table = TrialDivision::for_limbs(limbs);
    for engine in engines() {
        let mut batch = numbers(limbs, LANES);
        let prepare = |batch: &mut Vec<Natural>, random: &mut Random, class| {
            random.fill_all(batch, class);
        };
        let coarse = t_value(10_000, &mut batch, prepare, |batch| {
            black_box(batch.iter().filter(|n| table.survives(engine, n)).count());
        });
        println!("{} coarse division: t = {coarse:.1}, variable by design", engine.name());
        assert!(coarse > LEAK, "the measurement does not see what is there to be seen: {coarse}");
        if engine == Engine::Avx512 {
            assert_no_leak("avx512ifma fine division", || {
                t_value(20_000, &mut numbers(limbs, LANES), prepare, |batch| {
                    black_box(table.sift(engine, &batch.iter().collect::<Vec<_>>()));
                })
            });
        }
    }
}

/// The time of a public point depends on its scalar neither alone nor in a batch.
fn base_points_take_constant_time() {
    if !Engine::Avx512.available() {
        return;
    }
    for curve in [Curve::P256, Curve::P256K] {
        for (count, times) in [(1, 100_000), (16, 20_000)] {
            assert_no_leak(&format!("{curve:?}, {count} at a time"), || {
                let mut scalars = vec![[0; 32]; count];
                let prepare = |scalars: &mut Vec<Scalar>, random: &mut Random, class| {
                    for scalar in scalars {
                        for bytes in scalar.chunks_exact_mut(8) {
                            // The fixed class: 1, whose digits are all −31 but the last.
                            let word = random.word() & u64::from(class).wrapping_neg();
                            bytes.copy_from_slice(&word.to_be_bytes());
                        }
                        scalar[0] &= 0x7f;
                        scalar[31] |= 1;
                    }
                };
                t_value(times, &mut scalars, prepare, |scalars| {
                    black_box(Engine::Avx512.base_multiples(curve, scalars)).expect("points");
                })
            });
        }
    }
}

/// The time of a public key by a library of curves does not depend on its private key.
fn curves_of_libraries_take_constant_time() {
    let kinds = [
        (DrawnKind::P384, 20_000),
        (DrawnKind::P521, 20_000),
        (DrawnKind::Ed25519, 60_000),
        (DrawnKind::X25519, 60_000),
    ];
    for (kind, times) in kinds {
        assert_no_leak(&format!("{kind:?}"), || {
            let mut secret = vec![0; drawn::secret_length(kind)];
            let prepare = |secret: &mut Vec<u8>, random: &mut Random, class| {
                // The fixed class is 1; below the order of each curve are both.
                random.fill_bytes(secret, class);
                secret[0] = 0;
                let last = secret.len() - 1;
                secret[last] |= 1;
            };
            t_value(times, &mut secret, prepare, |secret| made(kind, secret))
        });
    }
}

/// The time of a lattice pair does not depend on its secret vector. A fixed seed against random ones would
/// show what is no secret: the matrix is sampled by rejection from ρ, which comes from the seed and is in
/// the public key. So all seeds are random, and the classes differ in one bit of the vector.
fn lattices_take_constant_time() {
    let kinds: [(DrawnKind, SecretBit); 6] = [
        (DrawnKind::MlKem512, |seed| kem::mlkem512::generate_key_pair(whole(seed)).sk()[0] & 1),
        (DrawnKind::MlKem768, |seed| kem::mlkem768::generate_key_pair(whole(seed)).sk()[0] & 1),
        (DrawnKind::MlKem1024, |seed| kem::mlkem1024::generate_key_pair(whole(seed)).sk()[0] & 1),
        (DrawnKind::MlDsa44, |seed| first_of_s1(&dsa::ml_dsa_44::generate_key_pair(whole(seed)))),
        (DrawnKind::MlDsa65, |seed| first_of_s1(&dsa::ml_dsa_65::generate_key_pair(whole(seed)))),
        (DrawnKind::MlDsa87, |seed| first_of_s1(&dsa::ml_dsa_87::generate_key_pair(whole(seed)))),
    ];
    for (kind, secret_bit) in kinds {
        assert_no_leak(&format!("{kind:?}"), || {
            let mut seed = vec![0; drawn::secret_length(kind)];
            let prepare = |seed: &mut Vec<u8>, random: &mut Random, class| loop {
                random.fill_bytes(seed, true);
                if (secret_bit(seed) == 1) == class {
                    break;
                }
            };
            t_value(20_000, &mut seed, prepare, |seed| made(kind, seed))
        });
    }
}

/// A bit of the secret vector of a seed.
type SecretBit = fn(&[u8]) -> u8;

fn whole<const LENGTH: usize>(seed: &[u8]) -> [u8; LENGTH] {
    seed.try_into().expect("a seed of that length")
}

/// s1 stands in the expanded key behind ρ, K and tr (FIPS 204, algorithm 24).
fn first_of_s1<const V: usize, const S: usize>(pair: &dsa::MLDSAKeyPair<V, S>) -> u8 {
    pair.signing_key.as_slice()[32 + 32 + 64] & 1
}

fn made(kind: DrawnKind, secret: &[u8]) {
    let pair = drawn::from_secret(kind, SecretBytes::copy_of(secret)).expect("no fault");
    black_box(pair.expect("a private key").public);
}
