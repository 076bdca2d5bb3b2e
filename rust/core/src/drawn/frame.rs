//! What stands around the keys in both documents. All lengths are fixed, so keys go into the gaps of a
//! frame, and come out of them.

use crate::secret::equal;

/// The constant bytes of a kind's documents.
pub(crate) struct Frame {
    /// PKCS#8 (RFC 5208) up to the private key.
    pub(crate) before_secret: &'static [u8],
    /// Between private and public key in PKCS#8, where it has both.
    pub(crate) before_point: Option<&'static [u8]>,
    /// `SubjectPublicKeyInfo` (RFC 5280) up to the public key.
    pub(crate) before_public: &'static [u8],
    /// Bytes of the private key.
    pub(crate) secret_length: usize,
    /// Bytes of the public key.
    pub(crate) public_length: usize,
}

impl Frame {
    /// Private and public key of two documents; `None` if they are anything but what we write.
    pub(super) fn split<'a>(
        &self,
        pkcs8: &'a [u8],
        spki: &'a [u8],
    ) -> Option<(&'a [u8], &'a [u8])> {
        let public = spki.strip_prefix(self.before_public)?;
        let (secret, rest) =
            pkcs8.strip_prefix(self.before_secret)?.split_at_checked(self.secret_length)?;
        let point_fits = match self.before_point {
            None => rest.is_empty(),
            Some(between) => rest.strip_prefix(between).is_some_and(|point| equal(point, public)),
        };
        (point_fits && public.len() == self.public_length).then_some((secret, public))
    }
}
