//! Moving a sealed message from one key version to another: opened and sealed again in one call, so
//! that its plaintext exists in erasing memory alone, and only for as long as that takes.

use crate::error::Error;
use crate::random::RandomSource;
use crate::wrap::{Layout, Sealed, WrappingKey};

/// A blob as it is stored, with all that opening it takes besides the key.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// How the blob is laid out.
    pub layout: Layout,
    /// The blob.
    pub blob: &'a [u8],
    /// The Iv beside a plain blob; an Advance blob has its own, and this is not looked at.
    pub iv: &'a [u8],
    /// What the blob is bound to.
    pub aad: &'a [u8],
}

/// What the new blob is to be.
#[derive(Clone, Copy)]
pub struct Destination<'a> {
    /// How it is to be laid out.
    pub layout: Layout,
    /// What it is to be bound to.
    pub aad: &'a [u8],
}

/// Opens `source` under `old` and seals what was inside under `new`, which may be the same key: Iv
/// and salt are fresh, drawn from `random`.
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
    let message = match source.layout {
        Layout::Plain => old.open(source.blob, source.iv, source.aad),
        Layout::Advance => old.open_advance(source.blob, source.aad),
    }?;
    new.seal(message.expose(), destination.aad, destination.layout, random)
}
