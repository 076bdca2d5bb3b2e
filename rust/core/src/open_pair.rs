//! Opening the private half of a pair: only if it is one, and the one of the public half at hand.

use pkcs8::der::pem;

use crate::drawn;
use crate::ec;
use crate::encode::EncodedPair;
use crate::error::Error;
use crate::lanes::Engine;
use crate::purpose::Purpose;
use crate::rsa;
use crate::secret::{SecretBytes, equal};
use crate::spec::{KeyFormat, KeyPairSpec};
use crate::stack;
use crate::wrap::{Opened, Source, WrappingKey};

/// What a record says of the pair whose private half it keeps.
#[derive(Clone, Copy)]
pub struct Claim<'a> {
    /// The kind of pair.
    pub spec: KeyPairSpec,
    /// The encoding of both halves.
    pub format: KeyFormat,
    /// `SubjectPublicKeyInfo`, in that encoding.
    pub public_key: &'a [u8],
}

/// Opens a private half, after it was seen to sign what the public half verifies, or to give the public
/// half where it determines it. A blob that does not state its purpose passes by that alone.
///
/// # Errors
/// [`Error::Decryption`] whatever does not fit: blob, Iv, Aad, key, purpose, or the two halves;
/// [`Error::SelfTest`].
pub fn open_pair(
    key: &WrappingKey,
    source: Source<'_>,
    claim: Claim<'_>,
    engine: Engine,
) -> Result<Opened, Error> {
    let opened = key.open(source)?;
    require_pair(&opened, claim, engine)?;
    Ok(opened)
}

/// Refuses what is not the private half of the pair.
///
/// # Errors
/// [`Error::Decryption`]; [`Error::SelfTest`].
pub(crate) fn require_pair(opened: &Opened, claim: Claim<'_>, engine: Engine) -> Result<(), Error> {
    let stated = Purpose::Pair(claim.spec, claim.format);
    if ![stated, Purpose::Unstated].contains(&opened.purpose) {
        return Err(Error::Decryption);
    }
    let compare = || belong_together(&opened.plaintext, claim, engine);
    match claim.spec {
        KeyPairSpec::Drawn(kind) => drawn::erased_after(kind, compare),
        _ => stack::erased_after::<{ stack::DEEP }, _>(compare),
    }
}

fn belong_together(
    private_key: &SecretBytes,
    claim: Claim<'_>,
    engine: Engine,
) -> Result<(), Error> {
    let pair = EncodedPair {
        private_key: der(private_key.expose(), claim.format, "PRIVATE KEY")?,
        public_key: der(claim.public_key, claim.format, "PUBLIC KEY")?.expose().to_vec(),
    };
    let (pkcs8, spki) = (pair.private_key.expose(), pair.public_key.as_slice());
    let tested = match claim.spec {
        KeyPairSpec::Rsa(size) => rsa::pairwise_consistency_test(engine, pkcs8, spki)
            .and_then(|()| rsa::require_size(size, spki)),
        KeyPairSpec::Ec(curve) => ec::pairwise_consistency_test(curve, pkcs8, spki),
        KeyPairSpec::Drawn(kind) => drawn::require_halves(kind, pkcs8, spki),
    };
    tested.map_err(|error| if error == Error::SelfTest { error } else { Error::Decryption })?;
    // Written as it was made: a reader of PEM takes other line ends, too.
    let (private, public) = pair.into_format(claim.format)?;
    if equal(private.expose(), private_key.expose()) && public == claim.public_key {
        Ok(())
    } else {
        Err(Error::Decryption)
    }
}

/// The document inside either encoding.
fn der(document: &[u8], format: KeyFormat, label: &str) -> Result<SecretBytes, Error> {
    match format {
        KeyFormat::Der => Ok(SecretBytes::copy_of(document)),
        KeyFormat::Pem => {
            let mut buffer = SecretBytes::zero(document.len());
            let (found, der) =
                pem::decode(document, buffer.expose_mut()).map_err(|_| Error::Decryption)?;
            if found == label { Ok(SecretBytes::copy_of(der)) } else { Err(Error::Decryption) }
        }
    }
}
