//! Makes RSA keys of given seeds for `against_commit.py`, which runs this program in two checkouts: it
//! must compile in the older one, too.
//!
//! Each line of standard input is a size and a seed; the answer is the nanoseconds that the whole
//! operation took, from the first draw to the sealed blob, and the SHA-256 of the public key. Candidates
//! come from the seed, so both commits test the same ones, but the system's randomness is drawn as if
//! they did not.

use std::io::{BufRead, Write};
use std::time::Instant;

use pairsmith_core::error::Error;
use pairsmith_core::generate::{self, Effort, Request};
use pairsmith_core::interrupt::Never;
use pairsmith_core::lanes::Engine;
use pairsmith_core::random::{OsRandom, RandomSource};
use pairsmith_core::secret::SecretBytes;
use pairsmith_core::spec::{KeyFormat, KeyPairSpec, RsaSize};
use pairsmith_core::wrap::{Layout, WrappingKey};

/// The system's randomness, overwritten by `SplitMix64`, which takes next to no time.
struct Seeded {
    system: OsRandom,
    state: u64,
}

impl RandomSource for Seeded {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.system.fill(out)?;
        for bytes in out.chunks_mut(8) {
            self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.state ^ self.state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            bytes.copy_from_slice(&(mixed ^ mixed >> 31).to_le_bytes()[..bytes.len()]);
        }
        Ok(())
    }
}

fn main() {
    let name = std::env::args().nth(1);
    let wanted = |engine: &Engine| name.as_ref().is_none_or(|name| engine.name() == name);
    let mut available = Engine::ALL.into_iter().filter(|engine| engine.available());
    let engine = available.rfind(wanted).expect("an engine of this machine");
    let secret = SecretBytes::copy_of(&[7; 32]);
    let key = WrappingKey::new(secret, "key-0123456789abcdefghijk-0123456789").expect("a key");
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let (bits, seed) = line.split_once(' ').expect("a size and a seed");
        let bits: usize = bits.parse().expect("a size");
        let size = RsaSize::ALL.into_iter().find(|size| size.modulus_bits() == bits);
        let spec = KeyPairSpec::Rsa(size.expect("a size of ours"));
        let state: u64 = seed.parse().expect("a seed");
        let request = Request {
            spec,
            format: KeyFormat::Der,
            aad: b"",
            layout: Layout::Plain,
            with_plaintext: false,
        };
        let start = Instant::now();
        let mut candidates = Seeded { system: OsRandom::buffered(), state };
        let pair = generate::key_pair(spec, Effort::of(engine), &mut candidates, &Never);
        let pair = generate::wrapped(&key, &request, pair.expect("a pair"), &mut candidates);
        let nanoseconds = start.elapsed().as_nanos();
        let public_key = pair.expect("a sealed pair").public_key;
        let digest = ring::digest::digest(&ring::digest::SHA256, &public_key);
        println!("{nanoseconds} {digest:?}");
        std::io::stdout().flush().expect("a reader");
    }
}
