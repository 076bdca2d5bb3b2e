//! ML-KEM by libcrux (FIPS 203; documents by RFC 9935, the private key as its seed d ‖ z).

use super::arithmetic::{Arithmetic, Known};
use super::frame::Frame;
use crate::secret::equal;
use crate::self_test::bytes;

/// ML-KEM-512.
pub(super) struct MlKem512;
/// ML-KEM-768.
pub(super) struct MlKem768;
/// ML-KEM-1024.
pub(super) struct MlKem1024;

/// The seed of Wycheproof's first test of key generation, which is the round 3 submission's first.
const SEED: &[u8] = &bytes::<64>(
    "7c9935a0b07694aa0c6d10e4db6b1add2fd81a25ccb148032dcd739936737f2d\
     8626ed79d451140800e03b59b956f8210e556067407d13dc90fa9e8b872bfb8f",
);
const MESSAGE: &[u8] = b"pairsmith known answer of ML-KEM";

macro_rules! arithmetic {
    (
        $set:ident, $library:ident,
        $before_secret:literal, $before_public:literal, $public_length:literal,
        $public:literal, $answer:literal
    ) => {
        impl Arithmetic for $set {
            fn frame(&self) -> &'static Frame {
                static FRAME: Frame = Frame {
                    before_secret: &bytes::<22>($before_secret),
                    before_point: None,
                    before_public: &bytes::<22>($before_public),
                    secret_length: 64,
                    public_length: $public_length,
                };
                &FRAME
            }

            fn known(&self) -> &'static Known {
                static KNOWN: Known = Known {
                    secret: SEED,
                    public: bytes($public),
                    input: MESSAGE,
                    answer: bytes($answer),
                };
                &KNOWN
            }

            fn public_key(&self, secret: &[u8]) -> Option<Vec<u8>> {
                let pair = libcrux_ml_kem::$library::generate_key_pair(secret.try_into().ok()?);
                Some(pair.pk().to_vec())
            }

            /// The modulus check of FIPS 203, 7.2.
            fn is_sound(&self, public: &[u8]) -> bool {
                libcrux_ml_kem::MlKemPublicKey::try_from(public)
                    .is_ok_and(|public| libcrux_ml_kem::$library::validate_public_key(&public))
            }

            /// A public key that is another's is found before: two of them may decapsulate alike.
            fn tried_on_each_other(
                &self,
                secret: &[u8],
                public: &[u8],
                input: &[u8],
            ) -> Option<Vec<u8>> {
                use libcrux_ml_kem::$library::{decapsulate, encapsulate, generate_key_pair};
                let pair = generate_key_pair(secret.try_into().ok()?);
                let public = libcrux_ml_kem::MlKemPublicKey::try_from(public).ok()?;
                let (ciphertext, theirs) = encapsulate(&public, input.try_into().ok()?);
                let ours = decapsulate(pair.private_key(), &ciphertext);
                let fits = equal(pair.pk(), public.as_slice()) && equal(&ours, &theirs);
                fits.then(|| [ciphertext.as_slice().as_slice(), &ours].concat())
            }
        }
    };
}

arithmetic!(
    MlKem512,
    mlkem512,
    "3054020100300b060960864801650304040104428040",
    "30820332300b06096086480165030404010382032100",
    800,
    "852523749efd2b78d1074e5de629060312cd9397933a19ddb7482cfda5e92614",
    "6e5c473ae4bbe64875b89e49f462fc1ddab3e7136bce006ff394651b49b96d3f"
);
arithmetic!(
    MlKem768,
    mlkem768,
    "3054020100300b060960864801650304040204428040",
    "308204b2300b0609608648016503040402038204a100",
    1184,
    "86adbca81f4fee893e2fb58fb98aa2fe188f501fed268d7f4056f8c05c4e53c4",
    "17f747da9ce38cd233a2e682d2a4127d6044e19bc3cab5fc75c64468436855d6"
);
arithmetic!(
    MlKem1024,
    mlkem1024,
    "3054020100300b060960864801650304040304428040",
    "30820632300b06096086480165030404030382062100",
    1568,
    "61b95ec8c32ae85ad7a17ae5b9c2dfb083e05f767da3ba9a0a8092ea6b4cbf7a",
    "8db5fc9991a748046b6df69b4f60fc24482419360e9886e147aff9e3d8b81c8f"
);
