//! P-384 and P-521 by their crates of `RustCrypto` (SP 800-186; FIPS 186-5).

use p384::ecdsa::signature::{Signer, Verifier};
use p384::elliptic_curve::sec1::ToSec1Point;

use super::arithmetic::{Arithmetic, Known};
use super::frame::Frame;
use crate::error::Error;
use crate::once::Once;
use crate::self_test::bytes;

/// NIST P-384.
pub(super) struct P384;
/// NIST P-521.
pub(super) struct P521;

/// The tables of the crates, which make them themselves at the first use of a curve.
static P384_TABLES: Once<()> = Once::new();
static P521_TABLES: Once<()> = Once::new();

/// `id-ecPublicKey` with secp384r1, `ECPrivateKey` (RFC 5915) of version 1, and a bit string of 97 bytes.
static P384_FRAME: Frame = Frame {
    before_secret: &bytes::<35>(
        "3081b6020100301006072a8648ce3d020106052b8104002204819e30819b0201010430",
    ),
    before_point: Some(&bytes::<5>("a164036200")),
    before_public: &bytes::<23>("3076301006072a8648ce3d020106052b81040022036200"),
    secret_length: 48,
    public_length: 97,
};

/// The same with secp521r1 and a bit string of 133 bytes.
static P521_FRAME: Frame = Frame {
    before_secret: &bytes::<35>(
        "3081ee020100301006072a8648ce3d020106052b810400230481d63081d30201010442",
    ),
    before_point: Some(&bytes::<7>("a1818903818600")),
    before_public: &bytes::<25>("30819b301006072a8648ce3d020106052b8104002303818600"),
    secret_length: 66,
    public_length: 133,
};

/// RFC 6979, A.2.6: the key, and its signature of "sample" with SHA-384.
static P384_KNOWN: Known = Known {
    secret: &bytes::<48>(
        "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d8\
         96d5724e4c70a825f872c9ea60d2edf5",
    ),
    public: bytes("c8b9a8e7f164515be2e59bce8ef78d1fe1f5d605411be6cda64ef6bc050c192b"),
    input: b"sample",
    answer: bytes("c71139de3861926393eb1666c3be110301972b19a23ebd5af4051f7d3f049f9e"),
};

/// RFC 6979, A.2.7: the key, and its signature of "sample" with SHA-512.
static P521_KNOWN: Known = Known {
    secret: &bytes::<66>(
        "00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75\
         caa896eb32f1f47c70855836a6d16fcc1466f6d8fbec67db89ec0c08b0e996b8\
         3538",
    ),
    public: bytes("079b35092f489e86fdaf26a97bafc69ff8c21c4f0df8b0d4d88a1831ee40f13c"),
    input: b"sample",
    answer: bytes("5fe3428a4e92f941e3ed5b76ccdb1f6924c61a21c7b6ff53213ef2e3ca5195e8"),
};

macro_rules! arithmetic {
    ($curve:ident, $library:ident, $frame:ident, $known:ident, $tables:ident, $excess:expr) => {
        impl Arithmetic for $curve {
            fn frame(&self) -> &'static Frame {
                &$frame
            }

            fn known(&self) -> &'static Known {
                &$known
            }

            /// A first multiplication, by a scalar that everybody knows.
            fn prepare(&self) -> Result<(), Error> {
                let first = || {
                    let key = $library::SecretKey::from_slice($known.secret);
                    let key = key.map_err(|_| Error::Consistency)?;
                    let _made = key.public_key();
                    Ok(())
                };
                $tables.get_or_make(first).copied()
            }

            fn shape(&self, draw: &mut [u8]) {
                shifted_right(draw, $excess);
            }

            fn is_private_key(&self, secret: &[u8]) -> bool {
                $library::SecretKey::from_slice(secret).is_ok()
            }

            fn public_key(&self, secret: &[u8]) -> Option<Vec<u8>> {
                self.prepare().ok()?;
                let key = $library::SecretKey::from_slice(secret).ok()?;
                Some(key.public_key().to_sec1_point(false).as_bytes().to_vec())
            }

            /// It is on the curve: what an upset of the arithmetic leaves is not.
            fn is_sound(&self, public: &[u8]) -> bool {
                $library::PublicKey::from_sec1_bytes(public).is_ok()
            }

            /// ECDSA by the deterministic nonce of RFC 6979.
            fn tried_on_each_other(
                &self,
                secret: &[u8],
                public: &[u8],
                input: &[u8],
            ) -> Option<Vec<u8>> {
                self.prepare().ok()?;
                let signing = $library::ecdsa::SigningKey::from_slice(secret).ok()?;
                let signature: $library::ecdsa::Signature = signing.try_sign(input).ok()?;
                let verifying = $library::ecdsa::VerifyingKey::from_sec1_bytes(public).ok()?;
                verifying.verify(input, &signature).ok()?;
                Some(signature.to_bytes().to_vec())
            }
        }
    };
}

arithmetic!(P384, p384, P384_FRAME, P384_KNOWN, P384_TABLES, 0);
// n has 521 bits, a draw 528: the last seven fall out (bits2int of RFC 6979, 2.3.2; C2SP det-keygen), or one draw in
// 128 would do.
arithmetic!(P521, p521, P521_FRAME, P521_KNOWN, P521_TABLES, 7);

/// Divides a big-endian number by 2^`bits`, less than 8, in a time that does not depend on it.
fn shifted_right(number: &mut [u8], bits: u32) {
    let mut above = 0;
    for byte in number {
        let both = u16::from_be_bytes([above, *byte]);
        above = *byte;
        *byte = (both >> bits) as u8;
    }
}
