//! A scalar and its public point, by every candidate for the work: `make bench-curves`, or
//! `curves [rounds]`.
//!
//! Whoever is measured works in turn with the others. libsecp256k1 joins with the feature `rival-curves`.

use std::hint::black_box;
use std::time::Instant;

use k256::elliptic_curve::sec1::ToSec1Point;
use pairsmith_benches::statistics::Summary;
use pairsmith_core::lanes::{Engine, Scalar};
use pairsmith_core::random::{OsRandom, RandomSource};
use pairsmith_core::spec::Curve;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

/// Scalars of one measurement; a batch of the product has as many.
const SCALARS: usize = 128;

type Work = Box<dyn Fn(&[Scalar])>;

fn main() {
    let argument = std::env::args().nth(1);
    let rounds: usize = argument.map_or(200, |rounds| rounds.parse().expect("a number of rounds"));
    let candidates = candidates();
    let mut times = vec![vec![]; candidates.len()];
    for round in 0..=rounds {
        let scalars = scalars();
        for ((_, work), times) in candidates.iter().zip(&mut times) {
            let start = Instant::now();
            work(&scalars);
            let seconds = start.elapsed().as_secs_f64();
            // The first round makes tables and warms caches.
            if round > 0 {
                times.push(1e6 * seconds / f64::from(u32::try_from(SCALARS).expect("few")));
            }
        }
    }
    println!("microseconds for one of {SCALARS}:");
    for ((name, _), times) in candidates.iter().zip(times) {
        let least = times.iter().copied().fold(f64::INFINITY, f64::min);
        println!("{name:28} least {least:.3}, mean {}", Summary::of(&times));
    }
}

/// In range on either curve.
fn scalars() -> Vec<Scalar> {
    let mut bytes = [0; 32 * SCALARS];
    OsRandom::unbuffered().fill(&mut bytes).expect("random bytes");
    let scalar = |bytes: &Scalar| {
        let mut scalar = *bytes;
        scalar[0] &= 0x7f;
        scalar[31] |= 1;
        scalar
    };
    bytes.as_chunks().0.iter().map(scalar).collect()
}

fn candidates() -> Vec<(String, Work)> {
    let mut candidates: Vec<(String, Work)> = vec![];
    for (name, curve) in [("P-256", Curve::P256), ("secp256k1", Curve::P256K)] {
        for engine in pairsmith_benches::engines() {
            let all: Work =
                Box::new(move |scalars| drop(black_box(engine.base_multiples(curve, scalars))));
            candidates.push((format!("{name} {} batch", engine.name()), all));
        }
        if Engine::best() == Engine::Avx512 {
            let one: Work = Box::new(move |scalars| {
                for scalar in scalars {
                    drop(black_box(
                        Engine::best().base_multiples(curve, std::slice::from_ref(scalar)),
                    ));
                }
            });
            candidates.push((format!("{name} {} single", Engine::best().name()), one));
        }
    }
    candidates.push((
        "P-256 ring, with its draw".to_owned(),
        each(|_| {
            let random = SystemRandom::new();
            drop(black_box(EcdsaKeyPair::generate_pkcs8(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                &random,
            )));
        }),
    ));
    candidates.push((
        "P-256 p256".to_owned(),
        each(|scalar| {
            let secret = p256::SecretKey::from_slice(scalar).expect("in range");
            black_box(secret.public_key().to_sec1_point(false));
        }),
    ));
    candidates.push((
        "secp256k1 k256".to_owned(),
        each(|scalar| {
            let secret = k256::SecretKey::from_slice(scalar).expect("in range");
            black_box(secret.public_key().to_sec1_point(false));
        }),
    ));
    #[cfg(feature = "rival-curves")]
    candidates.push((
        "secp256k1 libsecp256k1".to_owned(),
        each(|scalar| {
            let secret = secp256k1::SecretKey::from_secret_bytes(*scalar).expect("in range");
            black_box(secp256k1::PublicKey::from_secret_key(&secret).serialize_uncompressed());
        }),
    ));
    candidates
}

fn each(work: impl Fn(&Scalar) + 'static) -> Work {
    Box::new(move |scalars| scalars.iter().for_each(&work))
}
