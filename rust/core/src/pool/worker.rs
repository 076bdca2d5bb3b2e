//! A thread that fills shelves whenever something lacks.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};

use crate::encode::EncodedPair;
use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::locked::LockedPage;
use crate::pool::{Filled, Shared};
use crate::spec::KeyPairSpec;
use crate::stream::PairStream;

/// The lowest priority of ordinary threads, on Linux of each for itself (setpriority(2)).
const NICE: i32 = 19;

/// Starts a thread, if the system has one to give.
pub(super) fn start(shared: &Arc<Shared>) {
    // Counted before it runs, so that nobody who closes the pool overlooks it.
    shared.lock().threads.alive += 1;
    let alive = Alive(Arc::clone(shared));
    let thread = std::thread::Builder::new().name("pairsmith-pool".to_owned());
    #[cfg(feature = "fault-injection")]
    let faults = crate::fault::plan();
    // The handle is let go: `close` waits by count, for a time, instead of joining.
    drop(thread.spawn(move || {
        #[cfg(feature = "fault-injection")]
        crate::fault::adopt(faults);
        run(&alive.0);
    }));
}

/// A thread that is counted; it is counted out however it ends, and if it never began.
struct Alive(Arc<Shared>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.lock().threads.alive -= 1;
        self.0.change.notify_all();
    }
}

fn run(shared: &Shared) {
    // Refused or not, the pool works.
    let _ = rustix::process::setpriority_process(None, NICE);
    while wait_for_work(shared) {
        fill(shared);
    }
}

/// Sleeps until something lacks and one more thread may be at work; false once the pool closes. Now
/// and then it looks whether anything must not wait any longer.
fn wait_for_work(shared: &Shared) -> bool {
    let mut state = shared.lock();
    state.threads.asleep += 1;
    loop {
        shared.look(&mut state);
        if shared.requested() || state.may_begin() {
            break;
        }
        let woken = shared.work.wait_timeout(state, shared.wait.look);
        state = woken.unwrap_or_else(PoisonError::into_inner).0;
    }
    state.threads.asleep -= 1;
    !shared.requested()
}

/// Makes pairs until nothing lacks. The searches end then: no prime that one of them has found
/// ahead waits in memory that is not locked.
fn fill(shared: &Shared) {
    let mut streams = HashMap::new();
    let mut of_generation = None;
    loop {
        let mut state = shared.lock();
        shared.look(&mut state);
        let generation = state.generation;
        let Some((shelf, pages)) = state.claim() else { return };
        let spec = state.shelves[shelf].spec();
        drop(state);
        if of_generation.replace(generation) != Some(generation) {
            // What a search has drawn and found ahead is in the copy, too.
            streams.clear();
        }
        let made = make(shared, &mut streams, spec, pages.len());
        let (filled, unused) = laid_down(made.unwrap_or_default(), pages);
        let mut state = shared.lock();
        if shared.requested() {
            // Cleared already: the pairs go with this frame.
            return;
        }
        shared.look(&mut state);
        if state.generation != generation {
            state.give_back(shelf, filled, unused);
            continue;
        }
        state.fill(shelf, filled, unused, shared.wait.surroundings.now());
        if state.is_full() {
            shared.change.notify_all();
        }
    }
}

/// Each pair in a page, and the pages for pairs that were not made.
fn laid_down(
    pairs: Vec<EncodedPair>,
    mut pages: Vec<LockedPage>,
) -> (Vec<Filled>, Vec<LockedPage>) {
    let unused = pages.split_off(pairs.len());
    (pages.into_iter().zip(pairs).map(|(page, pair)| Filled::new(page, pair)).collect(), unused)
}

/// Makes `count` pairs. A panic is a failure like any other: it takes the search down, not the
/// thread.
fn make(
    shared: &Shared,
    streams: &mut HashMap<KeyPairSpec, PairStream>,
    spec: KeyPairSpec,
    count: usize,
) -> Result<Vec<EncodedPair>, Error> {
    let stream = streams.entry(spec).or_insert_with(|| {
        PairStream::new(spec, shared.engine).with_pairwise_test(shared.pairwise_test)
    });
    let made = catch_unwind(AssertUnwindSafe(|| stream.next(count, shared)));
    let made = made.unwrap_or(Err(Error::Worker));
    if made.is_err() {
        streams.remove(&spec);
    }
    made
}
