//! What the measurements of the prime engine share: C2SP's candidate lists and the way through them.

pub mod statistics;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use pairsmith_core::lanes::Engine;
use pairsmith_core::natural::Natural;
use pairsmith_core::primes::trial_division::TrialDivision;
use pairsmith_core::spec::RsaSize;

/// The engines of this machine.
pub fn engines() -> impl Iterator<Item = Engine> {
    Engine::ALL.into_iter().filter(|engine| engine.available())
}

/// The candidates of C2SP's CCTV list for an RSA size, in order: two primes among as many candidates
/// as an average search draws.
///
/// # Panics
///
/// If the lists are not in `$PAIRSMITH_VECTORS/cctv`, by default in `shared/vectors/cctv` beside
/// the workspace or above it.
#[must_use]
pub fn cctv_candidates(size: RsaSize) -> Vec<Natural> {
    let name = format!("cctv/rsa.bench.{}.txt", size.modulus_bits());
    let path = vectors().join(name);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; set PAIRSMITH_VECTORS", path.display()));
    text.split_whitespace().map(|line| Natural::from_be_bytes(&bytes(line))).collect()
}

/// Candidates as the search draws them, the same at every call: full length, 7 modulo 8.
#[must_use]
pub fn random_candidates(bits: usize, count: usize) -> Vec<Natural> {
    // SplitMix64: statistics are asked of it, not secrecy.
    let mut state = 0u64;
    let mut word = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    };
    let candidate = |_| {
        let mut candidate = Natural::zero(bits / 64);
        candidate.limbs_mut().fill_with(&mut word);
        candidate.limbs_mut()[0] |= 7;
        candidate.limbs_mut()[bits / 64 - 1] |= 3 << 62;
        candidate
    };
    (0..count).map(candidate).collect()
}

/// Goes through candidates as the search does, until two primes are found: trial division, then
/// Fermat's test on as many survivors as the engine takes at once.
///
/// # Panics
///
/// If the candidates end before the second prime.
#[must_use]
pub fn two_primes(engine: Engine, candidates: &[Natural]) -> Work {
    let mut work = Work::default();
    let table = TrialDivision::for_limbs(candidates[0].limbs().len());
    let mut coarse = candidates.iter().filter(|candidate| table.survives(engine, candidate));
    let mut survivors = VecDeque::new();
    while work.primes < 2 {
        while survivors.len() < engine.width() {
            let batch: Vec<_> = coarse.by_ref().take(engine.width()).collect();
            if batch.is_empty() {
                break;
            }
            let sifted = table.sift(engine, &batch);
            survivors
                .extend((0..).zip(batch).filter(|(i, _)| sifted >> i & 1 == 1).map(|(_, n)| n));
            work.sifted += 1;
        }
        let batch: Vec<_> = survivors.drain(..engine.width().min(survivors.len())).collect();
        assert!(!batch.is_empty(), "two primes in the list");
        work.primes += engine.base2_fermat(&batch).count_ones();
        work.batches += 1;
    }
    work
}

/// What a search came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Primes found.
    pub primes: u32,
    /// Batches of candidates sifted.
    pub sifted: usize,
    /// Batches of Fermat tests made.
    pub batches: usize,
}

fn vectors() -> PathBuf {
    std::env::var_os("PAIRSMITH_VECTORS").map_or_else(
        || {
            let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(1);
            let candidates = workspace.map(|folder| folder.join("shared/vectors"));
            candidates.into_iter().find(|path| path.is_dir()).unwrap_or_default()
        },
        PathBuf::from,
    )
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().chunks_exact(2);
    let pairs = digits.map(|pair| std::str::from_utf8(pair).expect("ASCII"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal digits")).collect()
}
