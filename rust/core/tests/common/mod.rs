//! What several tests share: where the published vectors are, and num-bigint's numbers.

// Every test is a crate of its own and uses what it needs.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use num_bigint::BigUint;
use pairsmith_core::natural::Natural;

/// A file of `../shared/vectors`, or of the folder that `PAIRSMITH_VECTORS` names; `None`, said
/// aloud, where neither exists.
pub fn vectors(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let folder = std::env::var_os("PAIRSMITH_VECTORS").map_or(beside, PathBuf::from);
    let file = folder.join(name);
    if file.is_file() {
        return Some(file);
    }
    eprintln!("skipped: no vectors at {}; set PAIRSMITH_VECTORS", folder.display());
    None
}

/// The parsed JSON of such a file.
pub fn vectors_json(name: &str) -> Option<serde_json::Value> {
    let text = std::fs::read_to_string(vectors(name)?).expect("the vectors can be read");
    Some(serde_json::from_str(&text).expect("the vectors are JSON"))
}

/// A number of ours as one of num-bigint.
pub fn big(number: &Natural) -> BigUint {
    let limbs = number.limbs().iter().rev();
    limbs.fold(BigUint::ZERO, |value, &limb| (value << 64u32) | BigUint::from(limb))
}

/// A number of num-bigint as one of ours, which it must fit.
pub fn natural(value: &BigUint, limbs: usize) -> Natural {
    assert!(value.bits() <= 64 * limbs as u64, "{limbs} limbs for {} bits", value.bits());
    let mut number = Natural::zero(limbs);
    for (limb, digit) in number.limbs_mut().iter_mut().zip(value.iter_u64_digits()) {
        *limb = digit;
    }
    number
}

/// The bytes that hexadecimal digits stand for.
pub fn decode_hex(digits: &str) -> Vec<u8> {
    hex::decode(digits).expect("hexadecimal digits")
}
