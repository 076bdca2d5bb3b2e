//! The numbers in many public keys, as what is compared: none may occur twice.

use ring::digest::{SHA256, digest};

use crate::drawn;
use crate::ec::POINT_LENGTH;
use crate::encode::public_number;
use crate::spec::{KeyFormat, KeyPairSpec};

/// Bytes of a hash that stand for a number: of 10^9, two that differ have the same with odds of 10^-21.
pub const DIGEST: usize = 16;

/// What public keys are expected, and what is kept of them.
#[derive(Clone, Copy)]
pub struct Wanted {
    /// The kind of pairs.
    pub spec: KeyPairSpec,
    /// Their encoding.
    pub format: KeyFormat,
    /// Whether numbers are kept beside their digests.
    pub kept: bool,
}

/// Numbers in the order of their keys; one that is not known is all zeros.
#[derive(Default)]
pub struct Numbers {
    digests: Vec<u8>,
    kept: Vec<u8>,
}

impl Numbers {
    /// How many keys there were.
    #[must_use]
    pub fn len(&self) -> usize {
        self.digests.len() / DIGEST
    }

    /// True for no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    /// [`DIGEST`] bytes for each key.
    #[must_use]
    pub fn digests(&self) -> &[u8] {
        &self.digests
    }

    /// The numbers, if they are kept, all of one length.
    #[must_use]
    pub fn kept(&self) -> &[u8] {
        &self.kept
    }

    /// Adds a key; whether it is one that this crate could have written.
    pub fn push(&mut self, wanted: Wanted, key: Option<&[u8]>) -> bool {
        let number = key.and_then(|key| public_number(wanted.spec, wanted.format, key));
        let Some(number) = number else {
            self.digests.extend([0; DIGEST]);
            if wanted.kept {
                self.kept.resize(self.kept.len() + number_length(wanted.spec), 0);
            }
            return false;
        };
        self.digests.extend_from_slice(&digest(&SHA256, &number).as_ref()[..DIGEST]);
        if wanted.kept {
            self.kept.extend_from_slice(&number);
        }
        true
    }
}

/// Digests that were there before: where one is first, and where it is again.
#[must_use]
pub fn repeated(digests: &[u8]) -> Vec<(usize, usize)> {
    let digests = digests.as_chunks::<DIGEST>().0;
    let mut order: Vec<usize> = (0..digests.len()).collect();
    order.sort_unstable_by_key(|row| (digests[*row], *row));
    let equal = order.chunk_by(|one, other| digests[*one] == digests[*other]);
    equal.flat_map(|rows| rows[1..].iter().map(|again| (rows[0], *again))).collect()
}

fn number_length(spec: KeyPairSpec) -> usize {
    match spec {
        KeyPairSpec::Rsa(size) => size.modulus_bits() / 8,
        KeyPairSpec::Ec(_) => POINT_LENGTH,
        KeyPairSpec::Drawn(kind) => drawn::public_length(kind),
    }
}
