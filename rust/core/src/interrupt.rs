//! How a caller stops a search that takes too long.

/// Asked between batches of a search, every few hundred microseconds: should it stop?
pub trait Interrupt: Sync {
    /// True once the caller no longer wants the result.
    fn requested(&self) -> bool;
}

/// A caller who always waits for the result.
#[derive(Debug, Clone, Copy, Default)]
pub struct Never;

impl Interrupt for Never {
    fn requested(&self) -> bool {
        false
    }
}
