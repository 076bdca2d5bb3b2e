//! Memory for secrets that wait: locked, so that it is never swapped out, and kept out of core dumps
//! and of forked children, where the system lets it.

use memmap2::{Advice, MmapMut};
use zeroize::Zeroize;

use crate::error::Error;
use crate::secret::SecretBytes;

/// The most bytes that a page holds, and what it counts against the limit of locked memory.
pub const PAGE: usize = 4096;

/// Pages of its own for one secret at a time; erased when the secret is taken, and when dropped.
///
/// In a forked child the memory does not exist: whoever holds one there leaves it alone, its drop
/// included.
pub struct LockedPage {
    memory: MmapMut,
    locked: bool,
}

impl LockedPage {
    /// An empty page. What the system refuses is to be seen by [`Self::is_locked`] and no error:
    /// the limit of locked memory (`ulimit -l`) is often small.
    ///
    /// # Errors
    /// [`Error::Memory`] if there is none at all.
    pub fn new() -> Result<Self, Error> {
        let memory = MmapMut::map_anon(PAGE).map_err(|_| Error::Memory)?;
        let locked = memory.lock().is_ok() & kept_from_dumps_and_children(&memory);
        Ok(Self { memory, locked })
    }

    /// Whether the system locked the page, keeps it out of core dumps and out of forked children.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.locked
    }

    /// Keeps a copy of `secret`, whose owner remains responsible for the original.
    ///
    /// # Panics
    /// If it is longer than [`PAGE`]: a defect of the caller.
    pub fn put(&mut self, secret: &[u8]) {
        self.memory[..secret.len()].copy_from_slice(secret);
    }

    /// Gives back the first `length` bytes and erases them here.
    ///
    /// # Panics
    /// If `length` is more than [`PAGE`]: a defect of the caller.
    pub fn take(&mut self, length: usize) -> SecretBytes {
        let kept = &mut self.memory[..length];
        let secret = SecretBytes::copy_of(kept);
        kept.zeroize();
        secret
    }
}

impl Drop for LockedPage {
    fn drop(&mut self) {
        self.memory.zeroize();
    }
}

#[cfg(target_os = "linux")]
fn kept_from_dumps_and_children(memory: &MmapMut) -> bool {
    memory.advise(Advice::DontDump).is_ok() & memory.advise(Advice::DontFork).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn kept_from_dumps_and_children(_: &MmapMut) -> bool {
    false
}
