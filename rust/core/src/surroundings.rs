//! What secrets that wait are told of the world outside: how much time has gone by, and whether the
//! machine was copied.
//!
//! A snapshot of a virtual machine copies its memory. Each machine that goes on from it would hand out
//! the same waiting pairs, and make the same ones of what its searches have drawn ahead.

use std::time::Duration;

/// A moment by two clocks. Each goes on where the other may stand still or be set back: one that counts
/// since the machine was started, which a snapshot stops, and the calendar, which somebody sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moment {
    /// Since any fixed moment of this machine's run.
    pub running: Duration,
    /// Since any fixed date.
    pub calendar: Duration,
}

impl Moment {
    /// The time from `earlier` to here by the clock that counted more of it; none where both went back.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let running = self.running.saturating_sub(earlier.running);
        running.max(self.calendar.saturating_sub(earlier.calendar))
    }
}

/// Whoever knows the world outside.
pub trait Surroundings: Send + Sync {
    /// Now.
    fn now(&self) -> Moment;

    /// How often the machine is known to have been copied or set back since somebody looks.
    fn generation(&self) -> u64;
}

/// A world where time stands still and no machine is copied.
#[derive(Debug, Clone, Copy, Default)]
pub struct StandingStill;

impl Surroundings for StandingStill {
    fn now(&self) -> Moment {
        Moment::default()
    }

    fn generation(&self) -> u64 {
        0
    }
}
