//! `Natural` against num-bigint, which shares no code with it.

use num_bigint::{BigInt, BigUint};
use num_integer::Integer as _;
use num_traits::One as _;
use pairsmith_core::natural::Natural;
use pairsmith_tests::{big, natural};
use proptest::prelude::*;

const SIZES: [usize; 6] = [1, 2, 3, 16, 24, 32];

/// Numbers of any bit length whose limbs are often all zeros or all ones, where carries go wrong.
fn number(limbs: usize) -> impl Strategy<Value = BigUint> {
    let limb = prop_oneof![Just(0), Just(u64::MAX), Just(1), any::<u64>(), any::<u64>()];
    (prop::collection::vec(limb, limbs), 0..128 * limbs as u64).prop_map(|(limbs, cut)| {
        let value =
            limbs.iter().fold(BigUint::ZERO, |value, &limb| value << 64u32 | big_word(limb));
        // Half of the numbers keep their full length.
        value >> cut.saturating_sub(64 * limbs.len() as u64)
    })
}

fn odd(limbs: usize) -> impl Strategy<Value = BigUint> {
    number(limbs).prop_map(|value| value | BigUint::one())
}

fn big_word(word: u64) -> BigUint {
    BigUint::from(word)
}

fn any_size<S: Strategy>(
    strategy: fn(usize) -> S,
) -> impl Strategy<Value = (usize, (S::Value, S::Value))> {
    prop::sample::select(&SIZES[..])
        .prop_flat_map(move |limbs| (Just(limbs), (strategy(limbs), strategy(limbs))))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// The greatest common divisor is num-bigint's, whatever the lengths of the two numbers.
    #[test]
    fn gcd_agrees((limbs, (a, b)) in any_size(odd)) {
        let gcd = Natural::gcd_of_odd(&natural(&a, limbs), &natural(&b, limbs));
        prop_assert_eq!(big(&gcd), a.gcd(&b));
    }

    /// Numbers that share a large factor, or hardly differ, have the divisor that num-bigint finds.
    #[test]
    fn gcd_of_related_numbers_agrees(
        factor in odd(8), (a, b) in (odd(8), odd(8)), distance in 0u64..1000
    ) {
        let (left, right) = (&factor * a, &factor * b);
        let gcd = Natural::gcd_of_odd(&natural(&left, 16), &natural(&right, 16));
        prop_assert_eq!(big(&gcd), left.gcd(&right));
        let near = &left + 2 * distance;
        let gcd = Natural::gcd_of_odd(&natural(&left, 17), &natural(&near, 17));
        prop_assert_eq!(big(&gcd), left.gcd(&near));
    }

    /// The inverse is num-bigint's, for even and odd numbers.
    #[test]
    fn inverse_agrees((limbs, (m, x)) in any_size(odd), even in any::<bool>()) {
        let m = m.max(BigUint::from(3u8));
        let x = if even { x << 1u8 } else { x } % &m;
        prop_assume!(x.gcd(&m).is_one());
        let inverse = natural(&x, limbs).inverse_modulo_odd(&natural(&m, limbs));
        prop_assert_eq!(Some(big(&inverse)), x.modinv(&m));
    }

    /// Sums, products, shifts, remainders and comparisons are num-bigint's.
    #[test]
    fn arithmetic_agrees((limbs, (a, b)) in any_size(number), word in any::<u64>()) {
        let (x, y) = (natural(&a, limbs), natural(&b, limbs));
        prop_assert_eq!(big(&Natural::product(&x, &y)), &a * &b);
        prop_assert_eq!(big(&x.times_word_plus(word, 0)), &a * word);
        prop_assert_eq!(big(&x.times_word_plus(word, u64::MAX)), &a * word + u64::MAX);
        prop_assert_eq!(big(&x.half()), &a >> 1u8);
        prop_assert_eq!(big(&x.half().double()), (&a >> 1u8) << 1u8);
        prop_assert_eq!(big(&x.shifted_right_vartime(5)), &a >> 5u8);
        prop_assert_eq!(x.modulo_65537(), u64::try_from(&a % 65537u32).expect("small"));
        let difference = BigInt::from(a.clone()) - BigInt::from(b.clone());
        prop_assert_eq!(&big(&x.distance(&y)), difference.magnitude());
        prop_assert_eq!(x.is_less_than(&y), a < b);
        prop_assert_eq!(x.equals(&y), a == b);
        prop_assert!(x.equals(&natural(&a, limbs)));
        prop_assert_eq!(x.is_zero(), a == BigUint::ZERO);
        prop_assert_eq!(x.is_one(), a.is_one());
        prop_assert_eq!(x.bit_length_vartime() as u64, a.bits());
        prop_assert_eq!(
            u64::from(x.trailing_zeros_vartime()),
            a.trailing_zeros().unwrap_or(64 * limbs as u64)
        );
        let reduced = if a >= b { &a - &b } else { a };
        prop_assert_eq!(big(&x.reduced_once_by(&y)), reduced);
    }

    /// Exact division undoes a multiplication.
    #[test]
    fn exact_division_agrees((limbs, (a, _)) in any_size(number), divisor in any::<u64>()) {
        let divisor = divisor | 1;
        let product = natural(&(&a * divisor), limbs + 1);
        prop_assert_eq!(big(&product.divided_exactly_by(divisor, limbs)), a);
    }

    /// Sums wrap around, and differences modulo a number above both do not.
    #[test]
    fn sums_and_differences_agree((limbs, (a, b)) in any_size(number), (_, (n, _)) in any_size(odd)) {
        let range = BigUint::one() << (64 * limbs);
        let (x, y) = (natural(&a, limbs), natural(&b, limbs));
        prop_assert_eq!(big(&x.plus(&y)), (&a + &b) % &range);
        let n = (n % &range) | BigUint::one();
        let (a, b) = (a % &n, b % &n);
        let difference = natural(&a, limbs).minus_modulo(&natural(&b, limbs), &natural(&n, limbs));
        prop_assert_eq!(big(&difference), (&a + &n - &b) % &n);
    }

    /// Bytes go in and come out the same.
    #[test]
    fn bytes_come_back(bytes in prop::collection::vec(any::<u8>(), 1..300)) {
        let bytes = &bytes[..bytes.len() & !7];
        let number = Natural::from_be_bytes(bytes);
        prop_assert_eq!(big(&number), BigUint::from_bytes_be(bytes));
        let mut written = vec![0; bytes.len()];
        number.write_be_bytes(&mut written);
        prop_assert_eq!(written, bytes);
    }
}

/// Neighbours in Fibonacci's sequence and pairs of extreme lengths, the slowest cases of Euclid's
/// algorithm, end within the fixed number of steps.
#[test]
fn gcd_ends_in_the_worst_cases() {
    let (mut a, mut b) = (BigUint::one(), BigUint::one());
    while b.bits() <= 1024 {
        if a.is_odd() && b.is_odd() {
            let gcd = Natural::gcd_of_odd(&natural(&a, 16), &natural(&b, 16));
            assert!(gcd.is_one(), "{a}, {b}");
        }
        (a, b) = (b.clone(), a + b);
    }
    let all_ones = (BigUint::one() << 2048u32) - 1u8;
    for length in (1..=2048u32).step_by(13) {
        let other = (BigUint::one() << length) - 1u8;
        for (a, b) in [(&all_ones, &other), (&other, &all_ones)] {
            let gcd = Natural::gcd_of_odd(&natural(a, 32), &natural(b, 32));
            assert_eq!(big(&gcd), a.gcd(b), "{length}");
        }
        let other = (BigUint::one() << (length - 1)) | BigUint::one();
        let gcd = Natural::gcd_of_odd(&natural(&other, 32), &natural(&all_ones, 32));
        assert_eq!(big(&gcd), all_ones.gcd(&other), "{length}");
    }
}
