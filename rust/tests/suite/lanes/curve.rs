//! Public points: the vector engine against the curves' crates, at every edge that its formulas have.

use std::ops::Range;

use num_bigint::BigUint;
use pairsmith_core::ec;
use pairsmith_core::lanes::{Engine, LANES, Point, Scalar};
use pairsmith_core::random::{HmacDrbg, OsRandom, RandomSource};
use pairsmith_core::secret::SecretBytes;
use pairsmith_core::spec::Curve;
use pairsmith_tests::{big_hex, engines};
use proptest::prelude::*;

const CURVES: [Curve; 2] = [Curve::P256, Curve::P256K];

fn order(curve: Curve) -> BigUint {
    big_hex(match curve {
        Curve::P256 => "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        Curve::P256K => "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
    })
}

fn scalar(number: &BigUint) -> Scalar {
    let digits = number.to_bytes_be();
    let mut scalar = [0; 32];
    scalar[32 - digits.len()..].copy_from_slice(&digits);
    scalar
}

/// What another library makes of a scalar, not through the engine under test.
fn expected(curve: Curve, scalar: &Scalar) -> Point {
    Engine::Scalar.base_multiples(curve, &[*scalar]).expect("in range")[0]
}

/// All together, and each alone, as the vector engine has a way for either.
fn assert_multiples(curve: Curve, scalars: &[Scalar]) {
    for engine in engines() {
        let together = engine.base_multiples(curve, scalars).expect("on the curve");
        assert_eq!(together.len(), scalars.len());
        for (scalar, point) in scalars.iter().zip(&together) {
            let alone = engine.base_multiples(curve, &[*scalar]).expect("on the curve")[0];
            let right = expected(curve, scalar);
            assert_eq!(*point, right, "{engine:?}, together, {curve:?}, {}", hex::encode(scalar));
            assert_eq!(alone, right, "{engine:?}, alone, {curve:?}, {}", hex::encode(scalar));
        }
    }
}

/// Small scalars, large ones, powers of two and their neighbours: wherever a digit or a carry turns.
#[test]
fn edges_are_multiplied_right() {
    for curve in CURVES {
        let n = order(curve);
        let one = BigUint::from(1u8);
        let mut numbers: Vec<BigUint> = (1u32..70).map(BigUint::from).collect();
        numbers.extend((1u32..70).map(|less| &n - less));
        numbers.extend((0u32..10).flat_map(|i| [(&n >> 1u32) + i, (&n >> 1u32) - i]));
        for bit in 6..256u32 {
            let power = &one << bit;
            numbers.extend([&power - 1u8, power.clone(), &power + 1u8]);
        }
        // Digits all alike: 31, −31, 1 and −1 in every window.
        for pattern in ["f", "0", "8421", "7bde", "f7bd", "5", "a"] {
            numbers.push(big_hex(&pattern.repeat(64 / pattern.len())));
        }
        let in_range = numbers.into_iter().filter(|k| *k > BigUint::ZERO && *k < n);
        assert_multiples(curve, &in_range.map(|k| scalar(&k)).collect::<Vec<_>>());
    }
}

/// The digits that the vector engine recodes an odd scalar to.
fn digits(k: &BigUint) -> Vec<i32> {
    let half = k >> 1u32;
    let window =
        |i: u32| ((&half >> (5 * i)) % 32u32).to_u32_digits().first().copied().unwrap_or(0);
    let digit = |i: u32| 2 * window(i).cast_signed() - 31;
    (0..50).map(digit).chain([2 * window(50).cast_signed() + 1]).collect()
}

fn of_digits(digits: &[i32], windows: Range<usize>) -> num_bigint::BigInt {
    windows.rev().fold(num_bigint::BigInt::ZERO, |sum, i| (sum << 5u32) + digits[i])
}

/// The scalars at which the last addition would have to be a doubling, which its formulas cannot
/// do: one for each way of adding, and its negative.
#[test]
fn scalars_without_a_last_chord_are_multiplied_all_the_same() {
    for curve in CURVES {
        let n = order(curve);
        let top = BigUint::from(63u8) << 250u32;
        let of_eight = 2u8 * top - &n;
        let mut turned = digits(&n);
        assert_eq!(of_digits(&turned, 0..51), n.clone().into(), "the digits are as said");
        turned.iter_mut().skip(1).step_by(2).for_each(|digit| *digit = -*digit);
        let of_one = of_digits(&turned, 0..51).to_biguint().expect("positive");
        let rest = of_digits(&digits(&of_eight), 0..50);
        assert_eq!(
            rest,
            num_bigint::BigInt::from(BigUint::from(63u8) << 250u32)
                - num_bigint::BigInt::from(n.clone())
        );
        for k in [of_eight, of_one] {
            let around = [k.clone(), &n - &k, &k + 2u8, &k - 2u8, &k + 1u8];
            assert_multiples(curve, &around.each_ref().map(scalar));
        }
    }
}

/// The vector engine's formulas hold for all scalars but two on each of its ways: where its last
/// addition is of equal points it says so, and on the other way the same scalar has its point.
#[test]
#[cfg(target_arch = "x86_64")]
#[cfg_attr(not(engine_avx512ifma), ignore = "this machine has no AVX-512 IFMA")]
fn scalars_without_a_last_chord_are_found() {
    let (of_one, of_eight) = (1, LANES);
    for (curve, without) in [(Curve::P256, P256_WITHOUT), (Curve::P256K, P256K_WITHOUT)] {
        for (k, way) in without.into_iter().zip([of_one, of_eight]) {
            let (n, k) = (order(curve), big_hex(k));
            for k in [scalar(&k), scalar(&(n - k))] {
                for count in [of_one, of_eight] {
                    let found = Engine::has_formulas_for(curve, &vec![k; count]);
                    let found = found.expect("what there is is on the curve");
                    assert!(found.iter().all(|found| *found == (count != way)), "{k:x?}");
                }
            }
        }
    }
}

/// One scalar alone: its even digits are those of n, and its odd ones their negatives. Eight side by
/// side: 2·63·2^250 − n.
const P256_WITHOUT: [&str; 2] = [
    "f83e0f831f07c1f083e0f83e0f83e0f87d1686b2a0d66ef8ecbe0b32807c2291",
    "f8000000ffffffff00000000000000004319055258e8617b0c46353d039cdaaf",
];
/// One scalar alone: its even digits are those of n, and its odd ones their negatives. Eight side by
/// side: 2·63·2^250 − n.
const P256K_WITHOUT: [&str; 2] = [
    "f83e0f83e0f83e0f83e0f83e0f83e0f97b5ea0f9a8895047a0d59f7cac294681",
    "f80000000000000000000000000000014551231950b75fc4402da1732fc9bebf",
];

/// Random scalars, in batches that fill lanes and groups, or nearly, or not.
#[test]
fn random_scalars_are_multiplied_right() {
    for curve in CURVES {
        for count in [1, 2, 3, 4, 7, 8, 9, 127, 128, 129, 300] {
            let pairs = ec::generate_many(curve, Engine::best(), count, &mut OsRandom::buffered());
            let scalars: Vec<Scalar> = pairs
                .expect("pairs")
                .iter()
                .map(|pair| pair.scalar.expose().try_into().expect("32 bytes"))
                .collect();
            assert_eq!(scalars.len(), count);
            assert_multiples(curve, &scalars);
        }
        for engine in engines() {
            assert_eq!(engine.base_multiples(curve, &[]), Ok(vec![]));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Scalars of long runs of zeros and ones, where carries go far.
    #[test]
    fn runs_of_bits_are_multiplied_right(
        runs in prop::collection::vec((any::<bool>(), 1u32..90), 1..12),
        curve in prop::sample::select(CURVES.to_vec()),
    ) {
        let bits = runs.into_iter().fold(BigUint::ZERO, |number, (ones, length)| {
            (number << length) + if ones { (BigUint::from(1u8) << length) - 1u8 } else { BigUint::ZERO }
        });
        let k = bits % order(curve);
        prop_assume!(k > BigUint::ZERO);
        assert_multiples(curve, &[scalar(&k); 4]);
    }
}

/// The same stream of bytes gives the same pairs one by one and in a batch, on every engine.
#[test]
fn a_stream_determines_its_pairs() {
    for curve in CURVES {
        let stream = || HmacDrbg::new(b"stream", b"");
        let mut pairs = vec![];
        for engine in engines() {
            let mut source = stream();
            let alone = (0..20).map(|_| ec::generate(curve, engine, &mut source).expect("a pair"));
            pairs.push(alone.collect::<Vec<_>>());
            pairs.push(ec::generate_many(curve, engine, 20, &mut stream()).expect("pairs"));
        }
        for others in &pairs[1..] {
            for (pair, other) in pairs[0].iter().zip(others) {
                assert!(pair.scalar.expose() == other.scalar.expose());
                assert_eq!(pair.point, other.point);
            }
        }
    }
}

/// A pair is made of a scalar in range, and of no other.
#[test]
fn scalars_out_of_range_make_no_pair() {
    let pair =
        |curve, engine, bytes: &[u8]| ec::from_scalar(curve, engine, SecretBytes::copy_of(bytes));
    for curve in CURVES {
        for engine in engines() {
            let n = order(curve);
            for bad in [BigUint::ZERO, n.clone(), &n + 1u8, (BigUint::from(1u8) << 256u32) - 1u8] {
                assert!(matches!(pair(curve, engine, &scalar(&bad)), Ok(None)), "{bad}");
            }
            for good in [BigUint::from(1u8), &n - 1u8, &n - 256u32] {
                let pair =
                    pair(curve, engine, &scalar(&good)).expect("no fault").expect("in range");
                assert_eq!(pair.point, expected(curve, &scalar(&good)));
            }
            assert!(pair(curve, engine, &[1; 31]).is_err());
            assert!(pair(curve, engine, &[1; 64]).is_err());
        }
    }
}

/// Ten thousand pairs of a batch have as many different points.
#[test]
fn ten_thousand_points_are_different() {
    for curve in CURVES {
        let mut random = OsRandom::buffered();
        let pairs = ec::generate_many(curve, Engine::best(), 10_000, &mut random).expect("pairs");
        let points: std::collections::HashSet<_> = pairs.iter().map(|pair| pair.point).collect();
        assert_eq!(points.len(), 10_000);
    }
    assert!(OsRandom::buffered().is_operating_system());
    assert!(!HmacDrbg::new(b"", b"").is_operating_system());
}
