//! Key pairs as the wire wants them: PKCS#8 (RFC 5208) for the private half, `SubjectPublicKeyInfo`
//! (RFC 5280) for the public one, in DER or PEM (RFC 7468).

pub mod base64;
mod ec_frame;
mod pem;
mod public_number;

use pkcs1::UintRef;
use pkcs8::der::Encode;
use pkcs8::der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef};
use pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use crate::drawn::{self, DrawnPair};
use crate::ec::EcKeyPair;
use crate::error::Error;
use crate::natural::Natural;
use crate::rsa::{PUBLIC_EXPONENT, RsaKeyPair};
use crate::secret::SecretBytes;
use crate::spec::KeyFormat;

pub use public_number::public_number;

/// RFC 8017, appendix A.1.
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// Both halves of a key pair in DER.
pub struct EncodedPair {
    /// PKCS#8.
    pub private_key: SecretBytes,
    /// `SubjectPublicKeyInfo`.
    pub public_key: Vec<u8>,
}

impl EncodedPair {
    /// Encodes an RSA key pair.
    ///
    /// # Errors
    /// [`Error::Encoding`] for a defect in this crate.
    pub fn from_rsa(key: &RsaKeyPair) -> Result<Self, Error> {
        let (private_key, public_key) = rsa_documents(key)?;
        let algorithm =
            AlgorithmIdentifierRef { oid: RSA_ENCRYPTION, parameters: Some(AnyRef::NULL) };
        Self::from_inner(algorithm, &private_key, &public_key)
    }

    /// Encodes an elliptic-curve key pair; the private half carries its public point. All lengths
    /// are fixed, so scalar and point go into the gaps of a frame.
    ///
    /// # Errors
    /// [`Error::Encoding`] for a defect in this crate.
    pub fn from_ec(key: &EcKeyPair) -> Result<Self, Error> {
        let frame = ec_frame::of(key.curve);
        let pieces = [frame.before_scalar, key.scalar.expose(), ec_frame::BEFORE_POINT, &key.point];
        Ok(Self {
            private_key: filled(frame.private_length(), &pieces)?,
            public_key: [frame.before_public_point, &key.point].concat(),
        })
    }

    /// Encodes a pair whose private key was drawn; on the curves of NIST the private half carries its
    /// public point.
    ///
    /// # Errors
    /// [`Error::Encoding`] for a defect in this crate.
    pub fn from_drawn(pair: &DrawnPair) -> Result<Self, Error> {
        let frame = drawn::frame(pair.kind);
        let point = frame.before_point.map_or([b"".as_slice(); 2], |bytes| [bytes, &pair.public]);
        let pieces = [frame.before_secret, pair.secret.expose(), point[0], point[1]];
        let length = pieces.iter().map(|piece| piece.len()).sum();
        Ok(Self {
            private_key: filled(length, &pieces)?,
            public_key: [frame.before_public, &pair.public].concat(),
        })
    }

    /// Both halves in the format asked for: private, public.
    ///
    /// # Errors
    /// [`Error::Encoding`] for a defect in this crate.
    pub fn into_format(self, format: KeyFormat) -> Result<(SecretBytes, Vec<u8>), Error> {
        match format {
            KeyFormat::Der => Ok((self.private_key, self.public_key)),
            KeyFormat::Pem => {
                let (label, der) = ("PRIVATE KEY", self.private_key.expose());
                let mut private_key = SecretBytes::zero(pem::length(label, der.len()));
                pem::write(label, der, private_key.expose_mut());
                let (label, der) = ("PUBLIC KEY", &self.public_key);
                let mut public_key = vec![0; pem::length(label, der.len())];
                pem::write(label, der, &mut public_key);
                Ok((private_key, public_key))
            }
        }
    }

    fn from_inner(
        algorithm: AlgorithmIdentifierRef<'_>,
        private_key: &SecretBytes,
        public_key: &[u8],
    ) -> Result<Self, Error> {
        let octets = OctetStringRef::new(private_key.expose()).map_err(|_| Error::Encoding)?;
        let bits = BitStringRef::from_bytes(public_key).map_err(|_| Error::Encoding)?;
        let public = SubjectPublicKeyInfoRef { algorithm, subject_public_key: bits };
        Ok(Self {
            private_key: der_of(&pkcs8::PrivateKeyInfoRef::new(algorithm, octets))?,
            public_key: public.to_der().map_err(|_| Error::Encoding)?,
        })
    }
}

/// The pieces, one after the other, which have that length together.
fn filled(length: usize, pieces: &[&[u8]]) -> Result<SecretBytes, Error> {
    let mut bytes = SecretBytes::zero(length);
    let mut rest = bytes.expose_mut();
    for piece in pieces {
        let (start, after) = rest.split_at_mut_checked(piece.len()).ok_or(Error::Encoding)?;
        start.copy_from_slice(piece);
        rest = after;
    }
    if rest.is_empty() { Ok(bytes) } else { Err(Error::Encoding) }
}

/// `RSAPrivateKey` and `RSAPublicKey` (RFC 8017, appendix A.1).
fn rsa_documents(key: &RsaKeyPair) -> Result<(SecretBytes, Vec<u8>), Error> {
    let numbers = [&key.n, &key.d, &key.p, &key.q, &key.dp, &key.dq, &key.q_inv];
    let bytes = numbers.map(big_endian);
    let exponent = PUBLIC_EXPONENT.to_be_bytes();
    let (modulus, public_exponent) = (unsigned(bytes[0].expose())?, unsigned(&exponent)?);
    let private_key = der_of(&pkcs1::RsaPrivateKeyRef {
        modulus,
        public_exponent,
        private_exponent: unsigned(bytes[1].expose())?,
        prime1: unsigned(bytes[2].expose())?,
        prime2: unsigned(bytes[3].expose())?,
        exponent1: unsigned(bytes[4].expose())?,
        exponent2: unsigned(bytes[5].expose())?,
        coefficient: unsigned(bytes[6].expose())?,
        other_prime_infos: None,
    })?;
    let public_key = pkcs1::RsaPublicKeyRef { modulus, public_exponent };
    Ok((private_key, public_key.to_der().map_err(|_| Error::Encoding)?))
}

fn unsigned(big_endian: &[u8]) -> Result<UintRef<'_>, Error> {
    UintRef::new(big_endian).map_err(|_| Error::Encoding)
}

fn big_endian(number: &Natural) -> SecretBytes {
    let mut bytes = SecretBytes::zero(8 * number.limbs().len());
    number.write_be_bytes(bytes.expose_mut());
    bytes
}

/// Encodes into memory of the exact size, so that no growing buffer leaves a piece behind.
fn der_of(message: &impl Encode) -> Result<SecretBytes, Error> {
    let length = message.encoded_len().map_err(|_| Error::Encoding)?;
    let mut bytes = SecretBytes::zero(usize::try_from(length).map_err(|_| Error::Encoding)?);
    let written = message.encode_to_slice(bytes.expose_mut()).map_err(|_| Error::Encoding)?.len();
    if written == bytes.len() { Ok(bytes) } else { Err(Error::Encoding) }
}
