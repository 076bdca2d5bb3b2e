//! The machine as the core's waiting secrets see it: its clocks, and whether it was copied.
//!
//! Two things tell, neither of which every machine has:
//!
//! - the page of the device vmclock (Linux 6.13, 7.0), where the hypervisor counts disruptions, and
//!   snapshots by themselves, before the machine goes on. A live migration is a disruption as well: then
//!   pairs are made anew without need. The device must be there and readable (`/dev/vmclock0`);
//! - a uevent of the device vmgenid with `NEW_VMGENID=1`, which Linux 6.8 sends, as do the kernels of
//!   some vendors; Linux 6.9 took it back. It comes some moments after the machine goes on, and not into the
//!   network namespaces of most containers. Anybody may listen.
//!
//! Where neither tells, the time that pairs may wait is the only bound.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pairsmith_core::surroundings::{Moment, Surroundings};
use rustix::time::{ClockId, clock_gettime};

/// What a test has had happen: milliseconds that went by, and copies.
static PRETENDED_MS: AtomicU64 = AtomicU64::new(0);
static PRETENDED_COPIES: AtomicU64 = AtomicU64::new(0);

/// Lets time go by, and copies the machine, in the eyes of whoever asks from here on.
pub fn pretend(seconds: f64, copies: u64) {
    let milliseconds = Duration::try_from_secs_f64(seconds).unwrap_or_default().as_millis();
    PRETENDED_MS.fetch_add(milliseconds as u64, Ordering::Relaxed);
    PRETENDED_COPIES.fetch_add(copies, Ordering::Relaxed);
}

/// This machine, watched from when it was made. It belongs to one process: a forked child would take
/// its parent's news away.
pub struct Machine {
    /// `None` where there is nobody to listen to, and no such device.
    events: Option<OwnedFd>,
    clock: Option<File>,
    seen: Mutex<Seen>,
}

/// What is known of copies.
struct Seen {
    copies: u64,
    counters: Option<Counters>,
}

/// What the device counts: disruptions, snapshots.
type Counters = [[u8; 8]; 2];

impl Machine {
    pub fn watched() -> Self {
        let clock = File::open(Path::new("/dev/vmclock0")).ok();
        let counters = clock.as_ref().and_then(counters);
        Self { events: listen(), clock, seen: Mutex::new(Seen { copies: 0, counters }) }
    }
}

impl Surroundings for Machine {
    fn now(&self) -> Moment {
        let pretended = Duration::from_millis(PRETENDED_MS.load(Ordering::Relaxed));
        Moment {
            running: clock(ClockId::Boottime) + pretended,
            calendar: clock(ClockId::Realtime) + pretended,
        }
    }

    /// A system call for each of the two.
    fn generation(&self) -> u64 {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(copied) = self.events.as_ref().and_then(next) {
            seen.copies += u64::from(copied);
        }
        let counters = self.clock.as_ref().and_then(counters);
        if counters != seen.counters {
            seen.counters = counters;
            seen.copies += 1;
        }
        seen.copies + PRETENDED_COPIES.load(Ordering::Relaxed)
    }
}

/// Of `struct vmclock_abi` (include/uapi/linux/vmclock-abi.h): `disruption_marker`, and
/// `vm_generation_counter`, which stays as it is, whatever it is, where the device does not have it.
fn counters(clock: &File) -> Option<Counters> {
    const DISRUPTIONS: usize = 16;
    const SNAPSHOTS: usize = 104;
    let mut page = [0; SNAPSHOTS + 8];
    // Older devices end before the second.
    let length = clock.read_at(&mut page, 0).ok()?;
    if length < DISRUPTIONS + 8 {
        return None;
    }
    let (words, _) = page.as_chunks::<8>();
    Some([words[DISRUPTIONS / 8], words[SNAPSHOTS / 8]])
}

fn clock(id: ClockId) -> Duration {
    let time = clock_gettime(id);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(target_os = "linux")]
use linux::{listen, next};

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::OwnedFd;

    use rustix::io::Errno;
    use rustix::net::netlink::{KOBJECT_UEVENT, SocketAddrNetlink};
    use rustix::net::{
        AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recvfrom, socket_with,
    };

    /// The group to which the kernel itself speaks; udev's has another.
    const KERNEL: u32 = 1;
    /// The kernel's longest.
    const EVENT_BYTES: usize = 4096;

    /// A socket of what the kernel tells about its devices.
    pub fn listen() -> Option<OwnedFd> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let protocol = Some(KOBJECT_UEVENT);
        let socket =
            socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, protocol).ok()?;
        bind(&socket, &SocketAddrNetlink::new(0, KERNEL)).ok()?;
        Some(socket)
    }

    /// Whether the next event says that the machine was copied; `None` if there is none.
    pub fn next(events: &OwnedFd) -> Option<bool> {
        let mut event = [0; EVENT_BYTES];
        match recvfrom(events, &mut event, RecvFlags::DONTWAIT) {
            Ok((length, _, sender)) => {
                let sender = sender.and_then(|sender| SocketAddrNetlink::try_from(sender).ok());
                let by_kernel = sender.is_some_and(|sender| sender.pid() == 0);
                Some(by_kernel && says_copied(&event[..length]))
            }
            // Some were lost, and this may have been among them.
            Err(Errno::NOBUFS) => Some(true),
            Err(Errno::INTR) => Some(false),
            Err(_) => None,
        }
    }

    /// Variables that end with zero bytes, after the name of the event.
    fn says_copied(event: &[u8]) -> bool {
        event.split(|byte| *byte == 0).any(|variable| variable.starts_with(b"NEW_VMGENID="))
    }
}

#[cfg(not(target_os = "linux"))]
fn listen() -> Option<OwnedFd> {
    None
}

#[cfg(not(target_os = "linux"))]
fn next(_: &OwnedFd) -> Option<bool> {
    None
}
