//! Where an RSA generation spends its time: `make bench-profile`, or `profile [keys of 2048 bits]`.
//!
//! A search is repeated here step by step, each stage between two looks at the clock; next to it the
//! product makes keys on the same engine, so that the sum of the stages can be compared with it. The
//! search draws in blocks, for one draw is too short to be timed: it draws some candidates more.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use pairsmith_benches::engines;
use pairsmith_benches::statistics::Summary;
use pairsmith_core::encode::EncodedPair;
use pairsmith_core::generate::{self, Effort};
use pairsmith_core::interrupt::Never;
use pairsmith_core::lanes::Engine;
use pairsmith_core::natural::Natural;
use pairsmith_core::primes::candidate::Candidates;
use pairsmith_core::primes::trial_division::TrialDivision;
use pairsmith_core::primes::{miller_rabin, proof};
use pairsmith_core::random::OsRandom;
use pairsmith_core::rsa;
use pairsmith_core::spec::{KeyPairSpec, RsaSize};

/// Candidates drawn and divided between two looks at the clock.
const BLOCK: usize = 16;

#[derive(Default)]
struct Stage {
    time: Duration,
    calls: usize,
}

impl Stage {
    fn timed<T>(&mut self, calls: usize, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.time += start.elapsed();
        self.calls += calls;
        result
    }
}

#[derive(Default)]
struct Profile {
    draw: Stage,
    coarse: Stage,
    fine: Stage,
    lanes: Stage,
    proof: Stage,
    assembly: Stage,
    encoding: Stage,
    consistency: Stage,
    keys: usize,
    product: Vec<f64>,
}

fn main() {
    let argument = std::env::args().nth(1);
    let keys: usize = argument.map_or(400, |keys| keys.parse().expect("a number of keys"));
    for engine in engines() {
        for (size, fewer) in RsaSize::ALL.into_iter().zip([1, 2, 6]) {
            let mut profile = Profile::default();
            // The first key of each makes tables.
            profile.generate(engine, size);
            profile = Profile::default();
            for _ in 0..(keys / fewer).max(2) {
                profile.generate(engine, size);
                profile.compare(engine, size);
            }
            profile.print(engine, size);
        }
    }
}

impl Profile {
    /// One key, stage by stage, as `generate::rsa_key_pair` makes it.
    fn generate(&mut self, engine: Engine, size: RsaSize) {
        let mut search = Search::new(engine, size);
        let mut bases = OsRandom::buffered();
        // Ends as the search does that it repeats.
        loop {
            let p = search.next_prime(self);
            let q = search.next_prime(self);
            let rounds = miller_rabin::rounds(size.prime_bits());
            let proofs = self
                .proof
                .timed(1, || proof::passes(engine, &[&p, &q], rounds, &mut bases))
                .expect("random bases");
            assert!(proofs.iter().all(|&proof| proof), "odds of 2^-100");
            let key = self.assembly.timed(1, || rsa::assemble(engine, &p, &q)).expect("no fault");
            let Some(key) = key else { continue };
            let pair = self.encoding.timed(1, || EncodedPair::from_rsa(&key)).expect("encodes");
            self.consistency
                .timed(1, || {
                    rsa::pairwise_consistency_test(
                        engine,
                        pair.private_key.expose(),
                        &pair.public_key,
                    )
                })
                .expect("consistent");
            self.keys += 1;
            return;
        }
    }

    /// One key by the product.
    fn compare(&mut self, engine: Engine, size: RsaSize) {
        let start = Instant::now();
        let spec = KeyPairSpec::Rsa(size);
        generate::key_pair(spec, Effort::of(engine), &mut OsRandom::buffered(), &Never)
            .expect("a key");
        self.product.push(milliseconds(start.elapsed()));
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of keys and calls")]
    fn print(&self, engine: Engine, size: RsaSize) {
        let stages = [
            ("draw", &self.draw),
            ("trial division, coarse", &self.coarse),
            ("trial division, fine", &self.fine),
            ("lanes (Fermat, base 2)", &self.lanes),
            ("proof (Miller–Rabin)", &self.proof),
            ("assembly", &self.assembly),
            ("encoding", &self.encoding),
            ("pairwise consistency test", &self.consistency),
        ];
        let keys = self.keys as f64;
        let total: f64 = stages.iter().map(|(_, stage)| milliseconds(stage.time)).sum();
        println!("\nRSA-{}, {}, {} keys\n", size.modulus_bits(), engine.name(), self.keys);
        println!("| stage | calls per key | µs per call | ms per key | share |");
        println!("|---|---:|---:|---:|---:|");
        for (name, stage) in stages {
            let (time, calls) = (milliseconds(stage.time), stage.calls as f64);
            let each = 1000.0 * time / calls;
            let share = 100.0 * time / total;
            println!(
                "| {name} | {:.1} | {each:.2} | {:.3} | {share:.1} % |",
                calls / keys,
                time / keys
            );
        }
        println!("| all stages | | | {:.3} | 100 % |", total / keys);
        let product = Summary::of(&self.product);
        println!("\nThe product, in turn with it, ms per key: {product}.");
    }
}

/// What `primes::search` does on one thread.
struct Search {
    engine: Engine,
    drawing: Candidates,
    random: OsRandom,
    table: &'static TrialDivision,
    coarse: VecDeque<Natural>,
    sifted: VecDeque<Natural>,
    probable: VecDeque<Natural>,
}

impl Search {
    fn new(engine: Engine, size: RsaSize) -> Self {
        Self {
            engine,
            drawing: Candidates::new(size.prime_bits()),
            random: OsRandom::buffered(),
            table: TrialDivision::for_limbs(size.prime_bits() / 64),
            coarse: VecDeque::new(),
            sifted: VecDeque::new(),
            probable: VecDeque::new(),
        }
    }

    fn next_prime(&mut self, profile: &mut Profile) -> Natural {
        // Ends: one candidate in some 350 to 710 is prime.
        loop {
            if let Some(prime) = self.probable.pop_front() {
                return prime;
            }
            while self.sifted.len() < self.engine.width() {
                self.sift(profile);
            }
            let batch: Vec<_> = self.sifted.drain(..self.engine.width()).collect();
            let lanes: Vec<_> = batch.iter().collect();
            let passed = profile.lanes.timed(1, || self.engine.base2_fermat(&lanes));
            self.probable.extend(kept(batch, passed));
        }
    }

    fn sift(&mut self, profile: &mut Profile) {
        while self.coarse.len() < self.engine.width() {
            self.draw(profile);
        }
        let batch: Vec<_> = self.coarse.drain(..self.engine.width()).collect();
        let lanes: Vec<_> = batch.iter().collect();
        let passed = profile.fine.timed(1, || self.table.sift(self.engine, &lanes));
        self.sifted.extend(kept(batch, passed));
    }

    fn draw(&mut self, profile: &mut Profile) {
        let drawn: Vec<Natural> = profile.draw.timed(BLOCK, || {
            let draw = |_| self.drawing.draw(&mut self.random).expect("random bytes");
            (0..BLOCK).map(draw).collect()
        });
        let survives = |candidate: &Natural| self.table.survives(self.engine, candidate);
        let survived: Vec<bool> =
            profile.coarse.timed(BLOCK, || drawn.iter().map(survives).collect());
        let drawn = drawn.into_iter().zip(survived).filter(|(_, survived)| *survived);
        self.coarse.extend(drawn.map(|(candidate, _)| candidate));
    }
}

fn kept(batch: Vec<Natural>, mask: u8) -> impl Iterator<Item = Natural> {
    let batch = batch.into_iter().enumerate();
    batch.filter(move |(i, _)| mask >> i & 1 == 1).map(|(_, candidate)| candidate)
}

fn milliseconds(time: Duration) -> f64 {
    1000.0 * time.as_secs_f64()
}
