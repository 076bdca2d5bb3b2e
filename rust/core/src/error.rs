//! Everything that can go wrong in the core, as one closed enumeration.

/// A failure of the core. No variant carries data: nothing secret can travel in an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The operating system gave no random bytes. Likely cause: a sandbox that forbids `getrandom`.
    #[error("the operating system's random number generator failed")]
    Random,
    /// The source of randomness goes in circles, or gave nothing that could be used where that is as
    /// good as impossible: it is broken, or was replaced. What it gave is not used.
    #[error("the random number generator repeats itself, or never gives what can be used")]
    BrokenRandom,
    /// A blob did not open: wrong key, version, Iv or Aad, or the blob was changed. Which of these
    /// it was is deliberately not said.
    #[error("decryption failed")]
    Decryption,
    /// A caller's argument has a size that the operation does not take.
    #[error("an argument has an invalid length")]
    InvalidLength,
    /// The caller's [`crate::interrupt::Interrupt`] asked to stop before the key pair was complete.
    #[error("the generation was interrupted")]
    Interrupted,
    /// A finished key pair failed a check of the gate that every pair passes: a hardware fault or a
    /// defect in this crate. The pair was erased.
    #[error("a generated key pair failed its consistency test and was discarded")]
    Consistency,
    /// A worker thread of a batch ended before its work did: a defect in this crate.
    #[error("a worker thread ended early")]
    Worker,
    /// The operating system gave no memory for pairs that wait.
    #[error("there is no memory for waiting pairs")]
    Memory,
    /// A primitive gave a wrong answer to a question whose answer is known: broken hardware, or a
    /// damaged or wrongly built module. Until the process ends every operation gives this error.
    #[error("a self-test of the cryptographic module failed")]
    SelfTest,
    /// A structure could not be encoded as DER or PEM: a defect in this crate.
    #[error("a key could not be encoded")]
    Encoding,
}
