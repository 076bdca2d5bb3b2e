//! Two threads on one RSA-4096 key against one: `make bench-threads`, or `threads [keys]`.
//!
//! How long a key takes depends on how many candidates it takes. Both tries of a key here get the
//! same candidates, so that luck has no part in the ratio, and some ten keys say what it is.

use std::time::Instant;

use pairsmith_benches::statistics::Summary;
use pairsmith_core::error::Error;
use pairsmith_core::generate::{self, Effort};
use pairsmith_core::interrupt::Never;
use pairsmith_core::lanes::Engine;
use pairsmith_core::random::{OsRandom, RandomSource};
use pairsmith_core::spec::{KeyPairSpec, RsaSize};

/// Candidates of 256 bytes: more than any of a million keys needs.
const CANDIDATES: usize = 20_000;

/// Hands out what was drawn before.
struct Drawn<'a>(&'a [u8]);

impl RandomSource for Drawn<'_> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        let (piece, rest) = self.0.split_at_checked(out.len()).ok_or(Error::Random)?;
        out.copy_from_slice(piece);
        self.0 = rest;
        Ok(())
    }
}

fn main() {
    let argument = std::env::args().nth(1);
    let keys: usize = argument.map_or(40, |keys| keys.parse().expect("a number of keys"));
    let engine = Engine::best();
    let mut drawn = vec![0; 256 * CANDIDATES];
    let (mut ratios, mut times) = (vec![], [vec![], vec![]]);
    for key in 0..=keys {
        OsRandom::unbuffered().fill(&mut drawn).expect("random bytes");
        let mut seconds = [0.0; 2];
        // Who is first changes from key to key.
        for threads in if key % 2 == 0 { [1, 2] } else { [2, 1] } {
            seconds[threads - 1] = generated(Effort { threads, ..Effort::of(engine) }, &drawn);
        }
        // The first key makes tables.
        if key > 0 {
            ratios.push(seconds[0] / seconds[1]);
            times[0].push(1000.0 * seconds[0]);
            times[1].push(1000.0 * seconds[1]);
        }
    }
    println!("RSA-4096, {}", engine.name());
    println!("one thread, ms: {}", Summary::of(&times[0]));
    println!("two threads, ms: {}", Summary::of(&times[1]));
    println!("ratio, key by key: {}", Summary::of(&ratios));
}

fn generated(effort: Effort, drawn: &[u8]) -> f64 {
    let start = Instant::now();
    generate::key_pair(KeyPairSpec::Rsa(RsaSize::Bits4096), effort, &mut Drawn(drawn), &Never)
        .expect("a key");
    start.elapsed().as_secs_f64()
}
