//! Ed25519 and X25519 by the crates of dalek (RFC 8032, RFC 7748; documents by RFC 8410).

use curve25519_dalek::montgomery::MontgomeryPoint;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use super::arithmetic::{Arithmetic, Known};
use super::frame::Frame;
use crate::secret::equal;
use crate::self_test::bytes;

/// Signatures.
pub(super) struct Ed25519;
/// Agreement.
pub(super) struct X25519;

static ED25519_FRAME: Frame = Frame {
    before_secret: &bytes::<16>("302e020100300506032b657004220420"),
    before_point: None,
    before_public: &bytes::<12>("302a300506032b6570032100"),
    secret_length: 32,
    public_length: 32,
};

static X25519_FRAME: Frame = Frame {
    before_secret: &bytes::<16>("302e020100300506032b656e04220420"),
    before_point: None,
    before_public: &bytes::<12>("302a300506032b656e032100"),
    secret_length: 32,
    public_length: 32,
};

/// RFC 8032, 7.1, test 3.
static ED25519_KNOWN: Known = Known {
    secret: &bytes::<32>("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"),
    public: bytes("dac073e0123bdea59dd9b3bda9cf6037f63aca82627d7abcd5c4ac29dd74003e"),
    input: &bytes::<2>("af82"),
    answer: bytes("d9a913bf1632c8c001705e3f13a0f695e8c9f44a00e3a8685ea56a812e35979f"),
};

/// RFC 7748, 6.1: Alice's private key, in the form that 5 gives it, and Bob's.
static X25519_KNOWN: Known = Known {
    secret: &bytes::<32>("70076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c6a"),
    public: bytes("300c9c9603b92a4b39ed3958bf9240114804db4fd373012c0ca47432d63425ae"),
    input: &bytes::<32>("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"),
    answer: bytes("dead45a1d43d6902aa9240b43c0d75a0b5fc750660590d6d45461cbfc4010684"),
};

impl Arithmetic for Ed25519 {
    fn frame(&self) -> &'static Frame {
        &ED25519_FRAME
    }

    fn known(&self) -> &'static Known {
        &ED25519_KNOWN
    }

    fn public_key(&self, secret: &[u8]) -> Option<Vec<u8>> {
        Some(signing_key(secret)?.verifying_key().as_bytes().to_vec())
    }

    fn tried_on_each_other(&self, secret: &[u8], public: &[u8], input: &[u8]) -> Option<Vec<u8>> {
        let signature: Signature = signing_key(secret)?.try_sign(input).ok()?;
        let verifying = VerifyingKey::from_bytes(public.try_into().ok()?).ok()?;
        verifying.verify_strict(input, &signature).ok()?;
        Some(signature.to_bytes().to_vec())
    }
}

fn signing_key(secret: &[u8]) -> Option<SigningKey> {
    Some(SigningKey::from_bytes(secret.try_into().ok()?))
}

impl Arithmetic for X25519 {
    fn frame(&self) -> &'static Frame {
        &X25519_FRAME
    }

    fn known(&self) -> &'static Known {
        &X25519_KNOWN
    }

    /// RFC 7748 lets whoever uses a key bring it to this form, which changes nothing any more then: so
    /// those who forget to compute the same.
    fn shape(&self, draw: &mut [u8]) {
        let last = draw.len() - 1;
        draw[0] &= 0xf8;
        draw[last] = draw[last] & 0x7f | 0x40;
    }

    fn public_key(&self, secret: &[u8]) -> Option<Vec<u8>> {
        Some(MontgomeryPoint::mul_base_clamped(secret.try_into().ok()?).as_bytes().to_vec())
    }

    /// The highest bit counts for nobody (RFC 7748, 5), and no public key that is computed has it.
    fn is_sound(&self, public: &[u8]) -> bool {
        public.last().is_some_and(|last| last & 0x80 == 0)
    }

    fn tried_on_each_other(&self, secret: &[u8], public: &[u8], input: &[u8]) -> Option<Vec<u8>> {
        // A private key of another form would agree all the same, and is none that was drawn.
        let ([first, ..], [.., last]) = (secret, secret) else { return None };
        if first & 7 != 0 || last & 0xc0 != 0x40 || !self.is_sound(public) {
            return None;
        }
        let (ours, theirs) = (secret.try_into().ok()?, input.try_into().ok()?);
        let peer = MontgomeryPoint::mul_base_clamped(theirs);
        let here = peer.mul_clamped(ours);
        let there = MontgomeryPoint(public.try_into().ok()?).mul_clamped(theirs);
        equal(here.as_bytes(), there.as_bytes()).then(|| here.as_bytes().to_vec())
    }
}
