//! Key pairs as the wire wants them: PKCS#8 (RFC 5208) for the private half, `SubjectPublicKeyInfo`
//! (RFC 5280) for the public one, in DER or PEM (RFC 7468).

use pem_rfc7468::LineEnding;
use pkcs1::UintRef;
use pkcs8::der::Encode;
use pkcs8::der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef};
use pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use crate::ec::EcKeyPair;
use crate::error::Error;
use crate::natural::Natural;
use crate::rsa::{PUBLIC_EXPONENT, RsaKeyPair};
use crate::secret::SecretBytes;
use crate::spec::{Curve, KeyFormat};

/// RFC 8017, appendix A.1.
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// RFC 5480, section 2.1.1.
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// RFC 5480, section 2.1.1.1.
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// SEC 2, section 2.4.1.
const SECP256K1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.10");

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

    /// Encodes an elliptic-curve key pair; the private half carries its public point.
    ///
    /// # Errors
    /// [`Error::Encoding`] for a defect in this crate.
    pub fn from_ec(key: &EcKeyPair) -> Result<Self, Error> {
        let private_key = der_of(&sec1::EcPrivateKey {
            private_key: key.scalar.expose(),
            parameters: None,
            public_key: Some(&key.point),
        })?;
        let curve = match key.curve {
            Curve::P256 => &SECP256R1,
            Curve::P256K => &SECP256K1,
        };
        let algorithm =
            AlgorithmIdentifierRef { oid: EC_PUBLIC_KEY, parameters: Some(curve.into()) };
        Self::from_inner(algorithm, &private_key, &key.point)
    }

    /// Both halves in the format asked for: private, public.
    ///
    /// # Errors
    /// [`Error::Encoding`] for a defect in this crate.
    pub fn into_format(self, format: KeyFormat) -> Result<(SecretBytes, Vec<u8>), Error> {
        match format {
            KeyFormat::Der => Ok((self.private_key, self.public_key)),
            KeyFormat::Pem => Ok((
                pem("PRIVATE KEY", self.private_key.expose())?,
                pem("PUBLIC KEY", &self.public_key)?.expose().to_vec(),
            )),
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

/// 64 columns, LF, final newline; Base64 in constant time (base64ct).
fn pem(label: &str, der: &[u8]) -> Result<SecretBytes, Error> {
    let length =
        pem_rfc7468::encoded_len(label, LineEnding::LF, der).map_err(|_| Error::Encoding)?;
    let mut text = SecretBytes::zero(length);
    let written = pem_rfc7468::encode(label, LineEnding::LF, der, text.expose_mut())
        .map_err(|_| Error::Encoding)?
        .len();
    if written == length { Ok(text) } else { Err(Error::Encoding) }
}
