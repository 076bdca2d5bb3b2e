//! The two curves as constants: y² = x³ + ax + b over the integers modulo p, with a base point of
//! prime order n.

use super::limbs::LIMBS;
use crate::spec::Curve;

/// How products are brought back below 2p, and what stands for a number for that reason.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::lanes) enum Reduction {
    /// By multiples of p that clear the lowest limbs: x is stood for by x·2^260 mod p.
    Montgomery,
    /// By 2^260 mod p, which is small: x is stood for by itself.
    Folding,
}

/// A curve. Numbers are in limbs of 52 bits, lowest first; `ONE` to `TO_FORM` are in the form of
/// the field's elements.
pub(in crate::lanes) trait Parameters {
    const CURVE: Curve;
    const REDUCTION: Reduction;
    /// p, between 2^256 − 2^225 and 2^256.
    const PRIME: [u64; LIMBS];
    const ONE: [u64; LIMBS];
    const A: [u64; LIMBS];
    const B: [u64; LIMBS];
    /// A product with it is the form of the other factor.
    const TO_FORM: [u64; LIMBS];
    /// n, in limbs of 64 bits.
    const ORDER: [u64; 4];
}

/// NIST P-256 (SP 800-186, 3.2.1.3).
pub(in crate::lanes) struct P256;

impl Parameters for P256 {
    const CURVE: Curve = Curve::P256;
    const REDUCTION: Reduction = Reduction::Montgomery;
    const PRIME: [u64; LIMBS] =
        [0xf_ffff_ffff_ffff, 0x0_0fff_ffff_ffff, 0, 0x0_0010_0000_0000, 0xffff_ffff_0000];
    const ONE: [u64; LIMBS] =
        [0x10, 0xf_0000_0000_0000, 0xf_ffff_ffff_ffff, 0xf_feff_ffff_ffff, 0xf_ffff];
    const A: [u64; LIMBS] =
        [0xf_ffff_ffff_ffcf, 0x3_0fff_ffff_ffff, 0, 0x310_0000_0000, 0xffff_ffcf_0000];
    const B: [u64; LIMBS] = [
        0xd_f622_9c4b_ddfd,
        0xc_a884_3090_d89c,
        0x2_12ed_6acf_005c,
        0x8_3415_a220_abf7,
        0xc300_61dd_4874,
    ];
    const TO_FORM: [u64; LIMBS] =
        [0x300, 0xf_ffff_fff0_0000, 0xf_fffe_ffff_fffb, 0xf_dfff_ffff_ffff, 0x4ff_ffff];
    const ORDER: [u64; 4] =
        [0xf3b9_cac2_fc63_2551, 0xbce6_faad_a717_9e84, u64::MAX, 0xffff_ffff_0000_0000];
}

/// secp256k1 (SEC 2, 2.4.1).
pub(in crate::lanes) struct P256K;

impl Parameters for P256K {
    const CURVE: Curve = Curve::P256K;
    const REDUCTION: Reduction = Reduction::Folding;
    const PRIME: [u64; LIMBS] = [
        0xf_fffe_ffff_fc2f,
        0xf_ffff_ffff_ffff,
        0xf_ffff_ffff_ffff,
        0xf_ffff_ffff_ffff,
        0xffff_ffff_ffff,
    ];
    const ONE: [u64; LIMBS] = [1, 0, 0, 0, 0];
    const A: [u64; LIMBS] = [0; LIMBS];
    const B: [u64; LIMBS] = [7, 0, 0, 0, 0];
    const TO_FORM: [u64; LIMBS] = Self::ONE;
    const ORDER: [u64; 4] =
        [0xbfd2_5e8c_d036_4141, 0xbaae_dce6_af48_a03b, 0xffff_ffff_ffff_fffe, u64::MAX];
}
