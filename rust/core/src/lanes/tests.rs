//! Every engine of this machine against num-bigint, which shares no code with them.

use num_bigint::BigUint;
use num_traits::One as _;
use proptest::prelude::*;

use super::{Engine, LANES, Scalar};
use crate::natural::Natural;
use crate::spec::Curve;

const SIZES: [usize; 3] = [16, 24, 32];

fn engines() -> impl Iterator<Item = Engine> {
    Engine::ALL.into_iter().filter(|engine| {
        let available = engine.available();
        if !available {
            println!("not tested, because this machine cannot run it: {}", engine.name());
        }
        available
    })
}

fn big(number: &Natural) -> BigUint {
    number
        .limbs()
        .iter()
        .rev()
        .fold(BigUint::ZERO, |value, &limb| (value << 64u32) | BigUint::from(limb))
}

fn natural(value: &BigUint, limbs: usize) -> Natural {
    let mut number = Natural::zero(limbs);
    for (limb, digit) in number.limbs_mut().iter_mut().zip(value.iter_u64_digits()) {
        *limb = digit;
    }
    number
}

fn references(numbers: &[Natural]) -> Vec<&Natural> {
    numbers.iter().collect()
}

/// Every engine computes these powers as num-bigint does.
fn assert_powers(limbs: usize, lanes: &[(BigUint, BigUint, BigUint)]) {
    let column = |pick: fn(&(BigUint, BigUint, BigUint)) -> &BigUint| -> Vec<Natural> {
        lanes.iter().map(|lane| natural(pick(lane), limbs)).collect()
    };
    let (moduli, bases, exponents) = (column(|l| &l.0), column(|l| &l.1), column(|l| &l.2));
    for engine in engines() {
        let (n, b, e) = (references(&moduli), references(&bases), references(&exponents));
        let powers = engine.power(&n, &b, &e);
        assert_eq!(powers.len(), lanes.len());
        for ((n, base, exponent), power) in lanes.iter().zip(&powers) {
            let name = engine.name();
            assert_eq!(big(power), base.modpow(exponent, n), "{name}: {base}^{exponent} mod {n}");
        }
    }
}

/// Asserts that every engine's Fermat test agrees with num-bigint's exponentiation.
fn assert_fermat(limbs: usize, candidates: &[BigUint]) {
    let expected = candidates.iter().enumerate().fold(0, |passed, (lane, n)| {
        let one = BigUint::from(2u8).modpow(&(n - 1u8), n).is_one();
        passed | u8::from(one) << lane
    });
    let numbers: Vec<Natural> = candidates.iter().map(|n| natural(n, limbs)).collect();
    for engine in engines() {
        let passed = engine.base2_fermat(&references(&numbers));
        assert_eq!(passed, expected, "{}: {candidates:?}", engine.name());
    }
}

/// Limbs of which many are all zeros or all ones, where carries go wrong.
fn number(limbs: usize) -> impl Strategy<Value = BigUint> {
    let limb = prop_oneof![Just(0), Just(u64::MAX), any::<u64>(), any::<u64>()];
    (prop::collection::vec(limb, limbs), 0..64 * limbs as u64).prop_map(|(limbs, cut)| {
        let value =
            limbs.iter().fold(BigUint::ZERO, |value, &limb| (value << 64u32) | BigUint::from(limb));
        // Half of the numbers keep their full length.
        value >> cut.saturating_sub(32 * limbs.len() as u64)
    })
}

fn modulus(limbs: usize) -> impl Strategy<Value = BigUint> {
    number(limbs).prop_map(|value| (value | BigUint::one()).max(BigUint::from(3u8)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Powers of random and carry-heavy numbers, in any number of lanes, are right.
    #[test]
    fn powers_agree(
        (limbs, lanes) in prop::sample::select(&SIZES[..]).prop_flat_map(|limbs| {
            let lane = (modulus(limbs), number(limbs), number(limbs));
            (Just(limbs), prop::collection::vec(lane, 1..=LANES))
        })
    ) {
        let lanes: Vec<_> = lanes.into_iter().map(|(n, b, e)| { let b = b % &n; (n, b, e) }).collect();
        assert_powers(limbs, &lanes);
    }

    /// The Fermat test of random and carry-heavy numbers is right.
    #[test]
    fn fermat_agrees(
        (limbs, candidates) in prop::sample::select(&SIZES[..]).prop_flat_map(|limbs| {
            (Just(limbs), prop::collection::vec(modulus(limbs), 1..=LANES))
        })
    ) {
        assert_fermat(limbs, &candidates);
    }
}

/// The edges: the largest and smallest moduli, bases 0, 1 and n − 1, exponents 0, 1 and all ones.
#[test]
fn powers_at_the_edges() {
    for limbs in SIZES {
        let all_ones = (BigUint::one() << (64 * limbs)) - 1u8;
        let power_of_two = BigUint::one() << (64 * limbs - 1);
        let moduli = [
            all_ones.clone(),
            &all_ones - 2u8,
            &power_of_two + 1u8,
            &power_of_two - 1u8,
            BigUint::from(3u8),
            (BigUint::one() << 64u8) - 1u8,
            (BigUint::one() << 52u8) + 1u8,
            (BigUint::one() << 104u8) - 1u8,
        ];
        let exponents =
            [BigUint::ZERO, BigUint::one(), BigUint::from(15u8), power_of_two, all_ones];
        for exponent in exponents {
            for base in [0u8, 1, 2] {
                let lane = |n: &BigUint| (n.clone(), BigUint::from(base) % n, exponent.clone());
                assert_powers(limbs, &moduli.iter().map(lane).collect::<Vec<_>>());
            }
            let lane = |n: &BigUint| (n.clone(), n - 1u8, exponent.clone());
            assert_powers(limbs, &moduli.iter().map(lane).collect::<Vec<_>>());
        }
    }
}

/// Primes pass, whatever their length and lane, and so do base-2 pseudoprimes; others do not.
#[test]
fn fermat_knows_primes() {
    let mersenne = |bits: u32| (BigUint::one() << bits) - 1u8;
    for limbs in SIZES {
        let candidates = [
            BigUint::from(3u8),
            mersenne(127),
            mersenne(521),
            BigUint::from(341u16),
            mersenne(607) * mersenne(127),
            BigUint::from(9u8),
            mersenne(61),
            (BigUint::one() << 1023u32) + 1155u32,
        ];
        assert_fermat(limbs, &candidates);
        assert_fermat(limbs, &candidates[7..]);
    }
}

/// The largest prime of each length passes in every lane, beside composites.
#[test]
fn fermat_finds_full_length_primes() {
    for (limbs, distance) in SIZES.into_iter().zip([105u32, 3453, 1557]) {
        let prime = (BigUint::one() << (64 * limbs)) - distance;
        for lane in 0..LANES {
            let mut candidates: Vec<_> = (0..LANES).map(|i| &prime - 2 * (i + 1)).collect();
            candidates[lane] = prime.clone();
            assert_fermat(limbs, &candidates);
        }
    }
}

/// The vector engine's formulas hold for all scalars but two on each of its ways: where its last
/// addition is of equal points it says so, and on the other way the same scalar has its point.
#[test]
#[cfg(target_arch = "x86_64")]
fn scalars_without_a_last_chord_are_found() {
    if !Engine::Avx512.available() {
        return println!("not tested, because this machine cannot run it: avx512ifma");
    }
    let (of_one, of_eight) = (1, LANES);
    for (curve, n, without) in
        [(Curve::P256, P256_ORDER, P256_WITHOUT), (Curve::P256K, P256K_ORDER, P256K_WITHOUT)]
    {
        for (k, way) in without.into_iter().zip([of_one, of_eight]) {
            let (n, k) = (parsed(n), parsed(k));
            for k in [bytes(&k), bytes(&(n - k))] {
                for count in [of_one, of_eight] {
                    let points = super::dispatch::base_multiples(curve, &vec![k; count]);
                    let points = points.expect("what there is is on the curve");
                    assert!(points.iter().all(|point| point.is_none() == (count == way)), "{k:x?}");
                }
            }
        }
    }
}

const P256_ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
/// One scalar alone: its even digits are those of n, and its odd ones their negatives. Eight side by
/// side: 2·63·2^250 − n.
const P256_WITHOUT: [&str; 2] = [
    "f83e0f831f07c1f083e0f83e0f83e0f87d1686b2a0d66ef8ecbe0b32807c2291",
    "f8000000ffffffff00000000000000004319055258e8617b0c46353d039cdaaf",
];
const P256K_ORDER: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
/// One scalar alone: its even digits are those of n, and its odd ones their negatives. Eight side by
/// side: 2·63·2^250 − n.
const P256K_WITHOUT: [&str; 2] = [
    "f83e0f83e0f83e0f83e0f83e0f83e0f97b5ea0f9a8895047a0d59f7cac294681",
    "f80000000000000000000000000000014551231950b75fc4402da1732fc9bebf",
];

fn parsed(hex: &str) -> BigUint {
    BigUint::parse_bytes(hex.as_bytes(), 16).expect("hexadecimal digits")
}

fn bytes(number: &BigUint) -> Scalar {
    let digits = number.to_bytes_be();
    let mut scalar = [0; 32];
    scalar[32 - digits.len()..].copy_from_slice(&digits);
    scalar
}
