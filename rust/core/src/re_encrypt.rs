//! Moving a sealed message from one key version to another: opened and sealed again in one call, so
//! that its plaintext exists in erasing memory alone, and only for as long as that takes.

use crate::error::Error;
use crate::lanes::Engine;
use crate::open_pair::{Claim, require_pair};
use crate::purpose::Purpose;
use crate::random::RandomSource;
use crate::secret::SecretBytes;
use crate::wrap::{Layout, Opened, Sealed, Source, WrappingKey};

/// What the new blob is to be.
#[derive(Clone, Copy)]
pub struct Destination<'a> {
    /// How it is to be laid out.
    pub layout: Layout,
    /// What it is to be bound to.
    pub aad: &'a [u8],
}

/// Opens `source` under `old` and seals what was inside under `new`, which may be the same key: Iv
/// and salt are fresh, drawn from `random`. The purpose stays; one that was not stated is not made
/// up.
///
/// # Errors
/// [`Error::Decryption`] whatever does not fit in the source: blob, Iv, Aad or key. [`Error::Random`]
/// if there was no randomness.
pub fn re_encrypt(
    old: &WrappingKey,
    source: Source<'_>,
    new: &WrappingKey,
    destination: Destination<'_>,
    random: &mut impl RandomSource,
) -> Result<Sealed, Error> {
    let Opened { plaintext, purpose, .. } = old.open(source)?;
    sealed(&plaintext, purpose, new, destination, random)
}

/// The same for the private half of a pair. A blob that does not state its purpose is opened as
/// [`crate::open_pair`] does it, by that engine, and the new one states it.
///
/// # Errors
/// As [`re_encrypt`], and [`Error::Decryption`] for what is no private half of such a pair.
pub fn re_encrypt_pair(
    old: &WrappingKey,
    source: Source<'_>,
    (claim, engine): (Claim<'_>, Engine),
    new: &WrappingKey,
    destination: Destination<'_>,
    random: &mut impl RandomSource,
) -> Result<Sealed, Error> {
    let purpose = Purpose::Pair(claim.spec, claim.format);
    let opened = old.open(source)?;
    // What was sealed as such a pair was one when it was made, and nobody is shown it here.
    if opened.purpose != purpose {
        require_pair(&opened, claim, engine)?;
    }
    sealed(&opened.plaintext, purpose, new, destination, random)
}

fn sealed(
    plaintext: &SecretBytes,
    purpose: Purpose,
    new: &WrappingKey,
    destination: Destination<'_>,
    random: &mut impl RandomSource,
) -> Result<Sealed, Error> {
    new.seal(plaintext.expose(), purpose, destination.aad, destination.layout, random)
}
