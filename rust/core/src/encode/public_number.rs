//! The number in a public key that no other pair may have.

use pkcs1::RsaPublicKeyRef;
use pkcs8::der::Decode;
use pkcs8::der::asn1::AnyRef;
use pkcs8::spki::SubjectPublicKeyInfoRef;

use super::{RSA_ENCRYPTION, ec_frame, pem};
use crate::drawn;
use crate::rsa::PUBLIC_EXPONENT;
use crate::spec::{Curve, KeyFormat, KeyPairSpec, RsaSize};

/// The first byte of an uncompressed point (SEC 1, section 2.3.3).
const UNCOMPRESSED: u8 = 4;

/// The modulus, the uncompressed point, or the raw key, of a public key that this crate could have written: in its
/// encoding to the byte, of the size of the spec, a point of the curve, an odd modulus with exponent
/// 65537. `None` for whatever else, which others may still be able to read.
#[must_use]
pub fn public_number(spec: KeyPairSpec, format: KeyFormat, document: &[u8]) -> Option<Vec<u8>> {
    match format {
        KeyFormat::Der => of_der(spec, document),
        KeyFormat::Pem => of_der(spec, &pem::read_public("PUBLIC KEY", document)?),
    }
}

fn of_der(spec: KeyPairSpec, document: &[u8]) -> Option<Vec<u8>> {
    match spec {
        KeyPairSpec::Ec(curve) => point(curve, document),
        KeyPairSpec::Rsa(size) => modulus(size, document),
        KeyPairSpec::Drawn(kind) => drawn::public_number(kind, document),
    }
}

fn point(curve: Curve, document: &[u8]) -> Option<Vec<u8>> {
    let point = document.strip_prefix(ec_frame::of(curve).before_public_point)?;
    let is_on_curve = match curve {
        Curve::P256 => p256::PublicKey::from_sec1_bytes(point).is_ok(),
        Curve::P256K => k256::PublicKey::from_sec1_bytes(point).is_ok(),
    };
    (point.first() == Some(&UNCOMPRESSED) && is_on_curve).then(|| point.to_vec())
}

fn modulus(size: RsaSize, document: &[u8]) -> Option<Vec<u8>> {
    let info = SubjectPublicKeyInfoRef::from_der(document).ok()?;
    let key = RsaPublicKeyRef::from_der(info.subject_public_key.as_bytes()?).ok()?;
    let modulus = key.modulus.as_bytes();
    let exponent = key.public_exponent.as_bytes().iter();
    let exponent = exponent
        .fold(0, |value: u64, byte| value.saturating_mul(256).saturating_add(u64::from(*byte)));
    let is_ours = info.algorithm.oid == RSA_ENCRYPTION
        && info.algorithm.parameters == Some(AnyRef::NULL)
        && exponent == PUBLIC_EXPONENT
        && 8 * modulus.len() == size.modulus_bits()
        && modulus.first()? >> 7 == 1
        && modulus.last()? & 1 == 1;
    is_ours.then(|| modulus.to_vec())
}
