//! Core dumps and tracing of this process, which would show every secret in its memory.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Forbids both for this process, until it executes another program; the limit of core dumps is
/// inherited by those.
///
/// On Linux the files below `/proc/PID` that show memory belong to root from then on, and neither
/// another process of the same user nor a handler of core dumps gets at it. Elsewhere only the limit
/// is set.
///
/// # Errors
/// What the system says where it refuses.
pub fn forbid() -> std::io::Result<()> {
    // The limit alone is not enough: handlers that core_pattern pipes to do not heed it.
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};

        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    }
    Ok(())
}
