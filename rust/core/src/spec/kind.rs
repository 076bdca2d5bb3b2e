//! The table of kinds: what the core knows of each beside its arithmetic.
//!
//! A new kind is a variant of [`crate::spec::DrawnKind`], a row here, a row in the table of the Python
//! package (`kinds.py`, which has its names elsewhere), and its arithmetic in a module of `drawn`. A test walks
//! the table and asks for each kind wherever kinds are served.

use crate::spec::{Curve, DrawnKind, KeyPairSpec, RsaSize};

/// One kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The kind.
    pub spec: KeyPairSpec,
    /// Its name at the border, which is the one of our own wires.
    pub name: &'static str,
    /// What stands for it in the purpose of a blob: for ever, for stored blobs have it.
    pub code: u8,
    /// Curve or parameter set, and its standard.
    pub parameters: &'static str,
    /// Bits of security against classical attacks (SP 800-57 Part 1 Rev. 5, table 2); of lattices those of
    /// AES with the strength of their category.
    pub strength_bits: u16,
    /// What is inside PKCS#8.
    pub private_form: PrivateForm,
    /// What its pairwise consistency test does (FIPS 140-3 IG 10.3.A).
    pub pairwise: Pairwise,
    /// What a pair passes before it leaves.
    pub checked: Checked,
    /// The personalization string under which a seed determines a pair: of C2SP det-keygen where it has
    /// one, else our own.
    pub personalization: &'static [u8],
    /// How many pairs are best made at a time. Four RSA pairs have eight primes, which fill the lanes of
    /// Miller–Rabin; of our own curves as many as share an inversion; of the others what takes a
    /// millisecond or two, after which a thread looks whether it is to stop.
    pub group: usize,
}

/// How PKCS#8 has the private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrivateForm {
    /// `RSAPrivateKey` (RFC 8017).
    RsaPrivateKey,
    /// `ECPrivateKey` with its public point (RFC 5915).
    EcPrivateKey,
    /// `CurvePrivateKey` (RFC 8410).
    CurvePrivateKey,
    /// The seed d ‖ z alone (RFC 9935).
    MlKemSeed,
    /// The seed ξ alone (RFC 9881).
    MlDsaSeed,
}

/// How two halves are tried on each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairwise {
    /// The one signs, the other verifies.
    SignVerify,
    /// The other encapsulates, the one decapsulates the same secret.
    EncapsulateDecapsulate,
    /// Both ways of an agreement with a fresh peer give the same secret.
    Agreement,
}

/// What a pair passes before it leaves; `docs/decisions/key-kinds.md` has the reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// The pairwise test, always.
    Always,
    /// The pairwise test, if it is asked for.
    IfAsked,
    /// It is made again from its finished document, and both must be the same (FIPS 203, 7.1: seed
    /// consistency); and the pairwise test, if it is asked for.
    MadeAgain,
}

/// Every kind. The order is the one of [`KeyPairSpec::place`].
pub const KINDS: [Kind; 15] = [
    Kind {
        spec: KeyPairSpec::Rsa(RsaSize::Bits2048),
        name: "RSA_2048",
        code: 1,
        parameters: "RSA with a modulus of 2048 bits (FIPS 186-5)",
        strength_bits: 112,
        private_form: PrivateForm::RsaPrivateKey,
        pairwise: Pairwise::SignVerify,
        checked: Checked::Always,
        personalization: b"det RSA key gen\x08\x00",
        group: 4,
    },
    Kind {
        spec: KeyPairSpec::Rsa(RsaSize::Bits3072),
        name: "RSA_3072",
        code: 2,
        parameters: "RSA with a modulus of 3072 bits (FIPS 186-5)",
        strength_bits: 128,
        private_form: PrivateForm::RsaPrivateKey,
        pairwise: Pairwise::SignVerify,
        checked: Checked::Always,
        personalization: b"det RSA key gen\x0c\x00",
        group: 4,
    },
    Kind {
        spec: KeyPairSpec::Rsa(RsaSize::Bits4096),
        name: "RSA_4096",
        code: 3,
        parameters: "RSA with a modulus of 4096 bits (FIPS 186-5)",
        strength_bits: 152,
        private_form: PrivateForm::RsaPrivateKey,
        pairwise: Pairwise::SignVerify,
        checked: Checked::Always,
        personalization: b"det RSA key gen\x10\x00",
        group: 4,
    },
    Kind {
        spec: KeyPairSpec::Ec(Curve::P256),
        name: "EC_P256",
        code: 4,
        parameters: "NIST P-256 (SP 800-186)",
        strength_bits: 128,
        private_form: PrivateForm::EcPrivateKey,
        pairwise: Pairwise::SignVerify,
        checked: Checked::IfAsked,
        personalization: b"det ECDSA key gen P-256",
        group: 128,
    },
    Kind {
        spec: KeyPairSpec::Ec(Curve::P256K),
        name: "EC_P256K",
        code: 5,
        parameters: "secp256k1 (SEC 2)",
        strength_bits: 128,
        private_form: PrivateForm::EcPrivateKey,
        pairwise: Pairwise::SignVerify,
        checked: Checked::IfAsked,
        personalization: b"det ECDSA key gen secp256k1",
        group: 128,
    },
    Kind {
        spec: KeyPairSpec::Drawn(DrawnKind::P384),
        name: "EC_P384",
        code: 6,
        parameters: "NIST P-384 (SP 800-186)",
        strength_bits: 192,
        private_form: PrivateForm::EcPrivateKey,
        pairwise: Pairwise::SignVerify,
        checked: Checked::IfAsked,
        personalization: b"det ECDSA key gen P-384",
        group: 16,
    },
    Kind {
        spec: KeyPairSpec::Drawn(DrawnKind::P521),
        name: "EC_P521",
        code: 7,
        parameters: "NIST P-521 (SP 800-186)",
        strength_bits: 256,
        private_form: PrivateForm::EcPrivateKey,
        pairwise: Pairwise::SignVerify,
        checked: Checked::IfAsked,
        personalization: b"det ECDSA key gen P-521",
        group: 16,
    },
    Kind {
        spec: KeyPairSpec::Drawn(DrawnKind::Ed25519),
        name: "ED25519",
        code: 8,
        parameters: "Ed25519 (RFC 8032)",
        strength_bits: 128,
        private_form: PrivateForm::CurvePrivateKey,
        pairwise: Pairwise::SignVerify,
        checked: Checked::IfAsked,
        personalization: b"pairsmith det key gen Ed25519",
        group: 64,
    },
    Kind {
        spec: KeyPairSpec::Drawn(DrawnKind::X25519),
        name: "X25519",
        code: 9,
        parameters: "X25519 (RFC 7748)",
        strength_bits: 128,
        private_form: PrivateForm::CurvePrivateKey,
        pairwise: Pairwise::Agreement,
        checked: Checked::IfAsked,
        personalization: b"pairsmith det key gen X25519",
        group: 64,
    },
    Kind {
        spec: KeyPairSpec::Drawn(DrawnKind::MlKem512),
        name: "ML_KEM_512",
        code: 10,
        parameters: "ML-KEM-512 (FIPS 203)",
        strength_bits: 128,
        private_form: PrivateForm::MlKemSeed,
        pairwise: Pairwise::EncapsulateDecapsulate,
        checked: Checked::MadeAgain,
        personalization: b"pairsmith det key gen ML-KEM-512",
        group: 32,
    },
    Kind {
        spec: KeyPairSpec::Drawn(DrawnKind::MlKem768),
        name: "ML_KEM_768",
        code: 11,
        parameters: "ML-KEM-768 (FIPS 203)",
        strength_bits: 192,
        private_form: PrivateForm::MlKemSeed,
        pairwise: Pairwise::EncapsulateDecapsulate,
        checked: Checked::MadeAgain,
        personalization: b"pairsmith det key gen ML-KEM-768",
        group: 32,
    },
    Kind {
        spec: KeyPairSpec::Drawn(DrawnKind::MlKem1024),
        name: "ML_KEM_1024",
        code: 12,
        parameters: "ML-KEM-1024 (FIPS 203)",
        strength_bits: 256,
        private_form: PrivateForm::MlKemSeed,
        pairwise: Pairwise::EncapsulateDecapsulate,
        checked: Checked::MadeAgain,
        personalization: b"pairsmith det key gen ML-KEM-1024",
        group: 32,
    },
    Kind {
        spec: KeyPairSpec::Drawn(DrawnKind::MlDsa44),
        name: "ML_DSA_44",
        code: 13,
        parameters: "ML-DSA-44 (FIPS 204)",
        strength_bits: 128,
        private_form: PrivateForm::MlDsaSeed,
        pairwise: Pairwise::SignVerify,
        checked: Checked::MadeAgain,
        personalization: b"pairsmith det key gen ML-DSA-44",
        group: 16,
    },
    Kind {
        spec: KeyPairSpec::Drawn(DrawnKind::MlDsa65),
        name: "ML_DSA_65",
        code: 14,
        parameters: "ML-DSA-65 (FIPS 204)",
        strength_bits: 192,
        private_form: PrivateForm::MlDsaSeed,
        pairwise: Pairwise::SignVerify,
        checked: Checked::MadeAgain,
        personalization: b"pairsmith det key gen ML-DSA-65",
        group: 16,
    },
    Kind {
        spec: KeyPairSpec::Drawn(DrawnKind::MlDsa87),
        name: "ML_DSA_87",
        code: 15,
        parameters: "ML-DSA-87 (FIPS 204)",
        strength_bits: 256,
        private_form: PrivateForm::MlDsaSeed,
        pairwise: Pairwise::SignVerify,
        checked: Checked::MadeAgain,
        personalization: b"pairsmith det key gen ML-DSA-87",
        group: 16,
    },
];
