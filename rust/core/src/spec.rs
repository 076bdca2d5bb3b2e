//! What can be asked for: closed enumerations, with no knowledge of the names on any wire.

pub mod kind;

use kind::{KINDS, Kind};

/// The size of an RSA modulus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RsaSize {
    /// 2048-bit modulus, two 1024-bit primes.
    Bits2048,
    /// 3072-bit modulus, two 1536-bit primes.
    Bits3072,
    /// 4096-bit modulus, two 2048-bit primes.
    Bits4096,
}

impl RsaSize {
    /// Every size, smallest first.
    pub const ALL: [Self; 3] = [Self::Bits2048, Self::Bits3072, Self::Bits4096];

    /// Bits of the modulus n.
    #[must_use]
    pub const fn modulus_bits(self) -> usize {
        match self {
            Self::Bits2048 => 2048,
            Self::Bits3072 => 3072,
            Self::Bits4096 => 4096,
        }
    }

    /// Bits of each prime factor.
    #[must_use]
    pub const fn prime_bits(self) -> usize {
        self.modulus_bits() / 2
    }
}

/// An elliptic curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Curve {
    /// NIST P-256, also called secp256r1 and prime256v1 (SP 800-186).
    P256,
    /// secp256k1 (SEC 2).
    P256K,
}

impl Curve {
    /// Every curve.
    pub const ALL: [Self; 2] = [Self::P256, Self::P256K];
}

/// A kind whose private key is one short draw, a scalar or a seed, of which a library makes the
/// public key. [`Curve`] has those whose arithmetic is our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DrawnKind {
    /// NIST P-384, also called secp384r1 (SP 800-186).
    P384,
    /// NIST P-521, also called secp521r1 (SP 800-186).
    P521,
    /// Signatures on edwards25519 (RFC 8032).
    Ed25519,
    /// Agreement on curve25519 (RFC 7748).
    X25519,
    /// ML-KEM-512 (FIPS 203).
    MlKem512,
    /// ML-KEM-768 (FIPS 203).
    MlKem768,
    /// ML-KEM-1024 (FIPS 203).
    MlKem1024,
    /// ML-DSA-44 (FIPS 204).
    MlDsa44,
    /// ML-DSA-65 (FIPS 204).
    MlDsa65,
    /// ML-DSA-87 (FIPS 204).
    MlDsa87,
}

impl DrawnKind {
    /// Every one.
    pub const ALL: [Self; 10] = [
        Self::P384,
        Self::P521,
        Self::Ed25519,
        Self::X25519,
        Self::MlKem512,
        Self::MlKem768,
        Self::MlKem1024,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
    ];
}

/// The kind of a data key pair; what is to be known of each stands in [`crate::spec::kind::KINDS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyPairSpec {
    /// RSA with public exponent 65537.
    Rsa(RsaSize),
    /// An elliptic curve in short Weierstrass form, by arithmetic of our own.
    Ec(Curve),
    /// Any other, by a library.
    Drawn(DrawnKind),
}

impl KeyPairSpec {
    /// Every kind, in the order of the table.
    pub const ALL: [Self; KINDS.len()] = {
        let mut all = [Self::Ec(Curve::P256); KINDS.len()];
        let mut i = 0;
        while i < all.len() {
            all[i] = KINDS[i].spec;
            i += 1;
        }
        all
    };

    /// Its row of the table.
    #[must_use]
    pub fn kind(self) -> &'static Kind {
        &KINDS[self.place()]
    }

    /// Its place in [`Self::ALL`].
    #[must_use]
    pub const fn place(self) -> usize {
        match self {
            Self::Rsa(size) => size as usize,
            Self::Ec(curve) => RsaSize::ALL.len() + curve as usize,
            Self::Drawn(kind) => RsaSize::ALL.len() + Curve::ALL.len() + kind as usize,
        }
    }
}

/// How the two halves of a pair are encoded: PKCS#8 (RFC 5208) for the private key,
/// `SubjectPublicKeyInfo` (RFC 5280) for the public one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyFormat {
    /// RFC 7468 text: 64 columns, LF, final newline.
    Pem,
    /// The binary encoding.
    Der,
}
