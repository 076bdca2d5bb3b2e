//! What a kind brings.

use super::frame::Frame;
use crate::error::Error;

/// The arithmetic of one kind. Lengths are those of the frame: whoever calls has seen to it.
pub(super) trait Arithmetic: Sync {
    /// What stands around both keys in their documents.
    fn frame(&self) -> &'static Frame;

    /// The published answers.
    fn known(&self) -> &'static Known;

    /// Makes whatever tables the library makes once, unless they are made.
    fn prepare(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Brings a draw into the form of a private key.
    fn shape(&self, _draw: &mut [u8]) {}

    /// Whether a string is a private key.
    fn is_private_key(&self, _secret: &[u8]) -> bool {
        true
    }

    /// The public key of a private key, in a time that does not depend on it.
    fn public_key(&self, secret: &[u8]) -> Option<Vec<u8>>;

    /// Whether a public key satisfies what every one does and few other strings do, if that takes much
    /// less than a pair.
    fn is_sound(&self, _public: &[u8]) -> bool {
        true
    }

    /// The signature of `input`, if it verifies; the ciphertext and the secret that `input` gives, if
    /// they are decapsulated to the same; or what is agreed on with the peer of that private key. `None` if the
    /// halves do not fit. The same input gives the same answer.
    fn tried_on_each_other(&self, secret: &[u8], public: &[u8], input: &[u8]) -> Option<Vec<u8>>;
}

/// A private key, and what is published of it.
pub(super) struct Known {
    pub(super) secret: &'static [u8],
    /// SHA-256 of its public key.
    pub(super) public: [u8; 32],
    pub(super) input: &'static [u8],
    /// SHA-256 of what both halves make of the input.
    pub(super) answer: [u8; 32],
}
