//! Inverses modulo a prime by division steps (D. J. Bernstein, B.-Y. Yang, "Fast constant-time gcd
//! computation and modular inversion", 2019), in the variant that begins at δ = 1/2, for which 590
//! steps are proven to be enough for 256 bits (P. Wuille, 2021).
//!
//! Ten rounds of 59 steps, each on the lowest words of f and g alone, whose matrix is then applied
//! to the whole. The number of steps and every address are fixed.

use zeroize::{Zeroize, ZeroizeOnDrop};

const ROUNDS: usize = 10;
const STEPS: usize = 59;
const BITS: u32 = 62;
const MASK: u64 = (1 << BITS) - 1;
const WORDS: usize = 5;

/// A signed number in words of 62 bits, of which the highest carries the sign.
#[derive(Zeroize, ZeroizeOnDrop)]
struct Signed([i64; WORDS]);

/// 2^62·(f, g) after the steps is this matrix times (f, g) before: [u v; q r].
#[derive(Zeroize, ZeroizeOnDrop)]
struct Matrix {
    u: i64,
    v: i64,
    q: i64,
    r: i64,
}

/// 1/x modulo an odd prime p between 2^255 and 2^256, and 0 for 0; x below p. Limbs are of 64 bits.
pub(super) fn inverse(x: &[u64; 4], p: &[u64; 4]) -> [u64; 4] {
    let modulus = Signed::of(p);
    let p_inverse = crate::lanes::inverse(p[0]);
    let (mut f, mut g) = (Signed::of(p), Signed::of(x));
    // f = d·x and g = e·x modulo p, but for the power of two that each round divides by.
    let (mut d, mut e) = (Signed([0; WORDS]), Signed([1, 0, 0, 0, 0]));
    let mut zeta = -1;
    for _ in 0..ROUNDS {
        let steps = Matrix::of_steps(&mut zeta, f.0[0], g.0[0]);
        steps.apply(&mut f, &mut g);
        steps.apply_modulo(&mut d, &mut e, &modulus, p_inverse);
    }
    // g is 0 now, and f is 1 or −1: d has the same sign as the inverse or the other.
    d.normalise(f.0[WORDS - 1] >> 63, &modulus);
    d.limbs()
}

/// What the steps see of f and g: as many of the lowest bits as there are steps to come.
#[derive(Zeroize, ZeroizeOnDrop)]
struct State {
    zeta: i64,
    f: u64,
    g: u64,
}

impl State {
    /// `COUNT` division steps, at most 30; the matrix is scaled by 2^`COUNT`.
    fn step<const COUNT: usize>(&mut self) -> Matrix {
        let Self { zeta, f, g } = self;
        // u + v·2^32 and q + r·2^32: what is done to them is linear, so it is done to both at once.
        let (mut uv, mut qr) = (1u64, 1u64 << 32);
        for _ in 0..COUNT {
            // All ones if δ > 0, and if g is odd.
            let positive = (*zeta >> 63).cast_unsigned();
            let odd = (*g & 1).wrapping_neg();
            let exchange = positive & odd;
            *zeta = (*zeta ^ exchange.cast_signed()).wrapping_sub(1);
            // (f, g) becomes (g, g − f), (f, g + f) or stays; then g is halved.
            let (sum, other) = (negated_if(positive, *f) & odd, *f ^ *g);
            *f ^= other & exchange;
            *g = g.wrapping_add(sum) >> 1;
            let (sum, other) = (negated_if(positive, uv) & odd, uv ^ qr);
            uv = (uv ^ other & exchange) << 1;
            qr = qr.wrapping_add(sum);
        }
        let parts = |pair: u64| {
            let low = i64::from(pair as i32);
            (low, pair.wrapping_sub(low.cast_unsigned()).cast_signed() >> 32)
        };
        let ((u, v), (q, r)) = (parts(uv), parts(qr));
        Matrix { u, v, q, r }
    }
}

impl Matrix {
    /// 59 division steps. `zeta` is −(δ + 1/2).
    fn of_steps(zeta: &mut i64, f: i64, g: i64) -> Self {
        let mut state = State { zeta: *zeta, f: f.cast_unsigned(), g: g.cast_unsigned() };
        let first = state.step::<{ STEPS / 2 }>();
        let second = state.step::<{ STEPS - STEPS / 2 }>();
        *zeta = state.zeta;
        // Scaled by 2^62 and not 2^59, so that the words are divided by a whole word.
        let entry = |a: i64, b: i64, c: i64, d: i64| {
            a.wrapping_mul(b).wrapping_add(c.wrapping_mul(d)) << (BITS as usize - STEPS)
        };
        Self {
            u: entry(second.u, first.u, second.v, first.q),
            v: entry(second.u, first.v, second.v, first.r),
            q: entry(second.q, first.u, second.r, first.q),
            r: entry(second.q, first.v, second.r, first.r),
        }
    }

    /// (f, g) = matrix·(f, g) / 2^62, which is exact.
    fn apply(&self, f: &mut Signed, g: &mut Signed) {
        let (mut carry_f, mut carry_g) = (0, 0);
        for i in 0..WORDS {
            let (fi, gi) = (f.0[i], g.0[i]);
            carry_f = sum(carry_f, product(self.u, fi), product(self.v, gi));
            carry_g = sum(carry_g, product(self.q, fi), product(self.r, gi));
            if i > 0 {
                f.0[i - 1] = word(carry_f);
                g.0[i - 1] = word(carry_g);
            }
            carry_f >>= BITS;
            carry_g >>= BITS;
        }
        f.0[WORDS - 1] = carry_f as i64;
        g.0[WORDS - 1] = carry_g as i64;
    }

    /// (d, e) = matrix·(d, e) / 2^62 modulo p; both stay between −2p and p.
    fn apply_modulo(&self, d: &mut Signed, e: &mut Signed, p: &Signed, p_inverse: u64) {
        // A negative d or e is taken as d + p or e + p; then as much of p as clears the lowest word.
        let (sign_d, sign_e) = (d.0[WORDS - 1] >> 63, e.0[WORDS - 1] >> 63);
        let offset_d = (self.u & sign_d).wrapping_add(self.v & sign_e);
        let offset_e = (self.q & sign_d).wrapping_add(self.r & sign_e);
        let (first_d, first_e) = (d.0[0], e.0[0]);
        let low_d = sum(product(self.u, first_d), product(self.v, first_e), 0);
        let low_e = sum(product(self.q, first_d), product(self.r, first_e), 0);
        let times_d = clearing(low_d, offset_d, p_inverse);
        let times_e = clearing(low_e, offset_e, p_inverse);
        let (mut carry_d, mut carry_e) = (0i128, 0i128);
        for i in 0..WORDS {
            let (di, ei) = (d.0[i], e.0[i]);
            carry_d = sum(carry_d, product(self.u, di), product(self.v, ei));
            carry_d = sum(carry_d, product(times_d, p.0[i]), 0);
            carry_e = sum(carry_e, product(self.q, di), product(self.r, ei));
            carry_e = sum(carry_e, product(times_e, p.0[i]), 0);
            if i > 0 {
                d.0[i - 1] = word(carry_d);
                e.0[i - 1] = word(carry_e);
            }
            carry_d >>= BITS;
            carry_e >>= BITS;
        }
        d.0[WORDS - 1] = carry_d as i64;
        e.0[WORDS - 1] = carry_e as i64;
    }
}

/// How many p to add to a number with these low bits and `offset` times p, so that its lowest word
/// becomes 0: from `offset` − 2^62 + 1 to `offset`.
fn clearing(low: i128, offset: i64, p_inverse: u64) -> i64 {
    // −low/p is what must be added in all, modulo 2^62.
    let excess =
        (low.cast_unsigned() as u64).wrapping_mul(p_inverse).wrapping_add(offset.cast_unsigned())
            & MASK;
    offset.wrapping_sub(excess.cast_signed())
}

impl Signed {
    fn of(x: &[u64; 4]) -> Self {
        let [a, b, c, d] = *x;
        let words =
            [a, a >> 62 | b << 2, b >> 60 | c << 4, c >> 58 | d << 6, d >> 56].map(|w| w & MASK);
        Self(words.map(u64::cast_signed))
    }

    fn limbs(&self) -> [u64; 4] {
        let [a, b, c, d, e] = self.0.map(i64::cast_unsigned);
        [a | b << 62, b >> 2 | c << 60, c >> 4 | d << 58, d >> 6 | e << 56]
    }

    /// Negates if `sign` is all ones, and brings into 0 .. p what was between −2p and p.
    fn normalise(&mut self, sign: i64, p: &Self) {
        self.add_if(self.0[WORDS - 1] >> 63, p);
        for word in &mut self.0 {
            *word = (*word ^ sign).wrapping_sub(sign);
        }
        self.carry();
        self.add_if(self.0[WORDS - 1] >> 63, p);
    }

    fn add_if(&mut self, mask: i64, p: &Self) {
        for (word, p) in self.0.iter_mut().zip(&p.0) {
            *word = word.wrapping_add(p & mask);
        }
        self.carry();
    }

    fn carry(&mut self) {
        for i in 1..WORDS {
            self.0[i] = self.0[i].wrapping_add(self.0[i - 1] >> BITS);
            self.0[i - 1] &= MASK.cast_signed();
        }
    }
}

fn negated_if(mask: u64, x: u64) -> u64 {
    (x ^ mask).wrapping_sub(mask)
}

// The factors are below 2^62 in size, but for sums of two entries of a matrix: below 2^63. So three
// products and a carry stay below 2^127; wrapping says that nothing has to be checked.

fn product(a: i64, b: i64) -> i128 {
    i128::from(a).wrapping_mul(i128::from(b))
}

fn sum(a: i128, b: i128, c: i128) -> i128 {
    a.wrapping_add(b).wrapping_add(c)
}

fn word(x: i128) -> i64 {
    (x.cast_unsigned() as u64 & MASK).cast_signed()
}
