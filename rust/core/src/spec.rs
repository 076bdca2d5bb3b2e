//! What can be asked for: closed enumerations, with no knowledge of the names on any wire.

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

/// The kind of a data key pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyPairSpec {
    /// RSA with public exponent 65537.
    Rsa(RsaSize),
    /// An elliptic curve in short Weierstrass form.
    Ec(Curve),
}

impl KeyPairSpec {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Rsa(RsaSize::Bits2048),
        Self::Rsa(RsaSize::Bits3072),
        Self::Rsa(RsaSize::Bits4096),
        Self::Ec(Curve::P256),
        Self::Ec(Curve::P256K),
    ];

    /// Its place in [`Self::ALL`].
    #[must_use]
    pub const fn place(self) -> usize {
        match self {
            Self::Rsa(size) => size as usize,
            Self::Ec(curve) => RsaSize::ALL.len() + curve as usize,
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
