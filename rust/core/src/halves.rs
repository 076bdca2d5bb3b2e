//! The two encoded halves of a pair, as its consistency test reads them.

use pkcs8::PrivateKeyInfoRef;
use pkcs8::spki::SubjectPublicKeyInfoRef;

use crate::error::Error;

/// The key in `spki`, which must name the same algorithm as `pkcs8`.
///
/// # Errors
/// [`Error::Consistency`] if it does not, or if one of them cannot be read.
pub(crate) fn public_half<'a>(pkcs8: &[u8], spki: &'a [u8]) -> Result<&'a [u8], Error> {
    let private = PrivateKeyInfoRef::try_from(pkcs8).map_err(|_| Error::Consistency)?;
    let public = SubjectPublicKeyInfoRef::try_from(spki).map_err(|_| Error::Consistency)?;
    if public.algorithm != private.algorithm {
        return Err(Error::Consistency);
    }
    public.subject_public_key.as_bytes().ok_or(Error::Consistency)
}
