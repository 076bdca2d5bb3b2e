//! Exponentiation in four lanes.

use zeroize::Zeroizing;

use super::montgomery::{Compiled, Moduli, Number, read};
use super::vector::{
    LIMB_BITS, LIMB_MASK, Lanes, WIDTH, add, bits_at, carry_of, choose, equal, lanes, limb_of,
    number_of, splat,
};
use crate::natural::Natural;

/// Exponent bits that one table look-up consumes; they must not straddle words.
const WINDOW: usize = 4;

/// See [`crate::lanes::Engine::base2_fermat`]; one to four candidates.
///
/// What is computed is 2^(−(n−1)), which is 1 when 2^(n−1) is: its Montgomery form can begin at a
/// bare power of two. The first `leading` bits of n make the exponent's head h = ⌊n/2^s⌋ + 1, and
/// 2^(28·L − h) is the Montgomery form of 2^(−h). Each squaring then doubles the exponent, and a
/// doubling where n has a clear bit takes one off: after all s of them it is h·2^s less the
/// complement of n's tail, which is n + 1. A shift by two in the last step makes that n − 1.
///
/// For h = 1 the power is R/2, more than the arithmetic allows for. But then n's leading bits are
/// clear; squares of R/2, doubled, are R/2 exactly, with no multiple of n added, until n's highest
/// bit makes R/4 of it.
pub(super) fn base2_fermat<const L: usize>(candidates: &[&Natural], compiled: Compiled<L>) -> u8 {
    let mut moduli = Moduli::<L>::new(candidates, compiled);
    let limbs = candidates[0].limbs().len();
    let (bits, leading) = (64 * limbs, leading_bits(limbs));
    let head = bits_at(candidates, bits - leading, leading);
    let highest = (LIMB_BITS * L - 1) as u64;
    let mut x = Zeroizing::new([splat(0); L]);
    power_of_two(&mut x, lanes(|lane| highest.wrapping_sub(head.0[lane])));
    for bit in (0..bits - leading).rev() {
        let set = bits_at(candidates, bit, 1);
        let shift = if bit == 0 { splat(2) } else { lanes(|lane| set.0[lane] ^ 1) };
        moduli.square(&mut x, shift);
    }
    moduli.divide_by_r(&mut x);
    // At most n, in limbs none of which is negative: there is one way to write 1.
    x[0] = lanes(|lane| x[0].0[lane] ^ 1);
    let difference: [u64; WIDTH] = x.iter().fold([0; WIDTH], |difference, limb| {
        std::array::from_fn(|lane| difference[lane] | limb.0[lane])
    });
    (0..candidates.len()).fold(0, |passed, lane| passed | u8::from(difference[lane] == 0) << lane)
}

/// How many bits of a candidate the exponent's head takes: a power of two with any such exponent
/// stays below R. Candidates of 1024, 1536 and 2048 bits have an R of 1036, 1540 and 2072.
pub(in crate::lanes) fn leading_bits(limbs: usize) -> usize {
    (64 * limbs).ilog2() as usize
}

/// See [`crate::lanes::Engine::power`]; one to four lanes.
pub(super) fn power<const L: usize>(
    numbers: &[&Natural],
    bases: &[&Natural],
    exponents: &[&Natural],
    compiled: Compiled<L>,
) -> Vec<Natural> {
    let mut moduli = Moduli::<L>::new(numbers, compiled);
    let table = powers(&mut moduli, numbers, bases);
    let words = numbers[0].limbs().len();
    let mut x = Zeroizing::new(table[0]);
    for low_bit in (0..64 * words).step_by(WINDOW).rev() {
        for _ in 0..WINDOW {
            moduli.square(&mut x, splat(0));
        }
        let digit = bits_at(exponents, low_bit, WINDOW);
        moduli.multiply(&mut x, &table, digit);
    }
    moduli.divide_by_r(&mut x);
    normalise(&mut x, 0);
    subtract_if_not_below(&mut x, moduli.n());
    (0..numbers.len()).map(|lane| number_of(&*x, lane, words)).collect()
}

/// See [`crate::lanes::Engine::square_repeatedly`]; one to four lanes.
pub(super) fn square_repeatedly<const L: usize>(
    numbers: &[&Natural],
    times: usize,
    compiled: Compiled<L>,
) {
    let mut moduli = Moduli::<L>::new(numbers, compiled);
    let mut x = Zeroizing::new([splat(2); L]);
    x[L - 1] = splat(0);
    for _ in 0..times {
        moduli.square(&mut x, splat(1));
    }
    std::hint::black_box(&x);
}

/// The Montgomery forms of base^0 to base^15.
fn powers<const L: usize>(
    moduli: &mut Moduli<L>,
    numbers: &[&Natural],
    bases: &[&Natural],
) -> Zeroizing<Vec<Number<L>>> {
    let mut table = Zeroizing::new(vec![[splat(0); L]; 1 << WINDOW]);
    one(&mut table[0], numbers, moduli.n());
    // The Montgomery form of R is 2^(28·L) times that of one: by squaring and doubling.
    table[1] = table[0];
    let exponent = LIMB_BITS * L;
    for bit in (0..=exponent.ilog2()).rev() {
        moduli.square(&mut table[1], splat((exponent >> bit & 1) as u64));
    }
    let mut base = Zeroizing::new([[splat(0); L]]);
    read(&mut base[0], bases);
    moduli.multiply(&mut table[1], &*base, splat(0));
    base[0] = table[1];
    for digit in 2..1 << WINDOW {
        table[digit] = table[digit - 1];
        moduli.multiply(&mut table[digit], &*base, splat(0));
    }
    table
}

/// one = R mod n, the Montgomery form of one: by doubling from a power of two below every modulus.
fn one<const L: usize>(one: &mut Number<L>, numbers: &[&Natural], n: &Number<L>) {
    let least_bits = numbers.iter().map(|n| crate::lanes::bit_length(n.limbs())).min();
    let start = least_bits.expect("at least one lane") - 1;
    power_of_two(one, splat(start as u64));
    for _ in start..LIMB_BITS * L {
        normalise(one, 1);
        subtract_if_not_below(one, n);
    }
}

/// x = 2^exponent in each lane.
fn power_of_two<const L: usize>(x: &mut Number<L>, exponent: Lanes) {
    for (index, limb) in x.iter_mut().enumerate() {
        // A count outside the limb is one from 28 on: two to that has no bit among the lowest 28.
        let count = |lane: usize| {
            exponent.0[lane].wrapping_sub((LIMB_BITS * index) as u64).min(LIMB_BITS as u64)
        };
        *limb = limb_of(lanes(|lane| 1 << count(lane)));
    }
}

/// x = x·2^shift with limbs of 28 bits and no more.
fn normalise<const L: usize>(x: &mut Number<L>, shift: usize) {
    let mut carry = splat(0);
    for limb in x.iter_mut() {
        let sum = add(lanes(|lane| limb.0[lane] << shift), carry);
        *limb = limb_of(sum);
        carry = carry_of(sum);
    }
}

/// x = x − n in the lanes where x ≥ n.
fn subtract_if_not_below<const L: usize>(x: &mut Number<L>, n: &Number<L>) {
    let mut difference = Zeroizing::new([splat(0); L]);
    // One where nothing is borrowed: limb by limb, x − n is x + (2^28 − 1 − n) + 1.
    let mut carry = splat(1);
    for (difference, (x, n)) in difference.iter_mut().zip(x.iter().zip(n)) {
        let sum = add(add(*x, lanes(|lane| n.0[lane] ^ LIMB_MASK)), carry);
        *difference = limb_of(sum);
        carry = carry_of(sum);
    }
    let not_below = std::hint::black_box(equal(carry, splat(1)));
    for (limb, &difference) in x.iter_mut().zip(&*difference) {
        *limb = choose(not_below, difference, *limb);
    }
}
