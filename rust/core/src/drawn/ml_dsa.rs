//! ML-DSA by libcrux (FIPS 204; documents by RFC 9881, the private key as its seed ξ).

use super::arithmetic::{Arithmetic, Known};
use super::frame::Frame;
use crate::secret::equal;
use crate::self_test::bytes;

/// ML-DSA-44.
pub(super) struct MlDsa44;
/// ML-DSA-65.
pub(super) struct MlDsa65;
/// ML-DSA-87.
pub(super) struct MlDsa87;

/// Seed and message of Wycheproof's first tests of signing from seeds; the signature is the
/// deterministic one.
const SEED: &[u8] = &[0x2a; 32];
const MESSAGE: &[u8] = b"Hello world";

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
                    secret_length: 32,
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
                let pair = libcrux_ml_dsa::$library::generate_key_pair(secret.try_into().ok()?);
                Some(pair.verification_key.as_slice().to_vec())
            }

            /// Signs by the deterministic variant; a public key that is another's is found before.
            fn tried_on_each_other(
                &self,
                secret: &[u8],
                public: &[u8],
                input: &[u8],
            ) -> Option<Vec<u8>> {
                use libcrux_ml_dsa::$library::{generate_key_pair, sign, verify};
                let pair = generate_key_pair(secret.try_into().ok()?);
                let public = libcrux_ml_dsa::MLDSAVerificationKey::new(public.try_into().ok()?);
                if !equal(pair.verification_key.as_slice(), public.as_slice()) {
                    return None;
                }
                let signature = sign(&pair.signing_key, input, b"", [0; 32]).ok()?;
                verify(&public, input, b"", &signature).ok()?;
                Some(signature.as_slice().to_vec())
            }
        }
    };
}

arithmetic!(
    MlDsa44,
    ml_dsa_44,
    "3034020100300b060960864801650304031104228020",
    "30820532300b06096086480165030403110382052100",
    1312,
    "d87f8ca136ac1aa55e2d6c4521680efb3a378cbb9bc0bfb446e9c60893931ea3",
    "8cd6fc03daa72e87210a4e721523e84c14f27733789075e65736744d4787fdd5"
);
arithmetic!(
    MlDsa65,
    ml_dsa_65,
    "3034020100300b060960864801650304031204228020",
    "308207b2300b0609608648016503040312038207a100",
    1952,
    "b7acce2ddb11f8cc1aa46e2bafac6eacfa2b732ef192bd636ad8d3a56d649c66",
    "39fbbb0d97a52c79844213b325af823a7f16a174e00a5b3daeb3e6e6d1c89681"
);
arithmetic!(
    MlDsa87,
    ml_dsa_87,
    "3034020100300b060960864801650304031304228020",
    "30820a32300b060960864801650304031303820a2100",
    2592,
    "d43128fa8a8c785c1d44c9e7db538dbf9dd88fe6c8ad911a344bcec1017c6d54",
    "1ad45bd0419e694375bd38ec11d8e0c228ab9ffac2fce4adbe6218d9c949e293"
);
