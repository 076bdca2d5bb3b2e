//! Many wrapped pairs on several threads, handed over in groups as they are made.
//!
//! Memory does not depend on how many are wanted: a worker waits while enough groups are there that
//! nobody has taken. If the machine is known to have been copied, what was made
//! and drawn before is erased, and the workers begin anew with what is left to make.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::columns::PairColumns;
use crate::error::Error;
use crate::generate::{Request, wrapped};
use crate::interrupt::Interrupt;
use crate::lanes::Engine;
use crate::prepare;
use crate::random::OsRandom;
use crate::spec::{KeyFormat, KeyPairSpec};
use crate::stream::PairStream;
use crate::surroundings::{StandingStill, Surroundings};
use crate::wrap::{Layout, WrappingKey};

/// What is asked for, owned by the workers; as [`Request`].
pub struct Order {
    /// The key that wraps.
    pub key: Arc<WrappingKey>,
    /// The kind of pairs.
    pub spec: KeyPairSpec,
    /// The encoding of both halves.
    pub format: KeyFormat,
    /// Bound to every blob.
    pub aad: Vec<u8>,
    /// The layout of the blobs.
    pub layout: Layout,
    /// Whether the private keys are wanted beside the blobs.
    pub with_plaintext: bool,
    /// Who does the arithmetic.
    pub engine: Engine,
    /// Whether the halves of pairs are tried on each other before they leave, as RSA pairs always are.
    pub pairwise_test: bool,
}

/// Groups of a worker that make a table worth its costs: 2,048 pairs of curves, 64 of RSA.
const GROUPS: usize = 16;

type Group = Result<PairColumns, Error>;

/// A batch being made. Dropping it stops the workers and waits for them, some milliseconds.
pub struct Batch {
    order: Arc<Order>,
    workers: usize,
    surroundings: Arc<dyn Surroundings>,
    /// Pairs that have not been handed over.
    undelivered: AtomicU64,
    stop: Arc<AtomicBool>,
    run: Mutex<Run>,
}

/// Workers with what they have made.
struct Run {
    generation: u64,
    groups: Receiver<Group>,
    /// What has come out of the channel and was not handed over.
    received: PairColumns,
    progress: Arc<Progress>,
    workers: Vec<JoinHandle<()>>,
}

/// What workers share.
struct Progress {
    /// Pairs that no worker has taken on.
    unclaimed: AtomicU64,
    /// For all runs, and for this one.
    stop: Arc<AtomicBool>,
    over: AtomicBool,
}

impl Batch {
    /// As [`Self::start_in`], on a machine that nobody copies.
    #[must_use]
    pub fn start(order: Order, count: u64, workers: usize) -> Self {
        Self::start_in(order, count, workers, Arc::new(StandingStill))
    }

    /// Starts making `count` pairs on `workers` threads, 1 or more.
    #[must_use]
    pub fn start_in(
        order: Order,
        count: u64,
        workers: usize,
        surroundings: Arc<dyn Surroundings>,
    ) -> Self {
        // Here rather than in the workers, for those who call without preparing. A failure comes up
        // again there, where it can be told.
        let _ = prepare::pair(order.spec, order.engine);
        let (order, stop) = (Arc::new(order), Arc::new(AtomicBool::new(false)));
        let run = Run::start(&order, count, workers, surroundings.generation(), stop.clone());
        let undelivered = AtomicU64::new(count);
        Self { order, workers, surroundings, undelivered, stop, run: Mutex::new(run) }
    }

    /// The next pairs, in no particular order; `None` if none was ready within `patience`; an empty
    /// group once all were handed over.
    ///
    /// # Errors
    /// What stopped a worker; and [`Error::Interrupted`] after [`Self::stop`].
    pub fn next_group(&self, patience: Duration) -> Result<Option<PairColumns>, Error> {
        self.next_of(1, usize::MAX, patience)
    }

    /// As [`Self::next_group`], but exactly `count` pairs, and fewer only at the end. What is there
    /// when patience ends is kept for the next call; so it is after some hundredths of a second, to let
    /// a caller who wants many look around.
    ///
    /// # Errors
    /// As [`Self::next_group`].
    pub fn next_rows(
        &self,
        count: usize,
        patience: Duration,
    ) -> Result<Option<PairColumns>, Error> {
        self.next_of(count, count, patience)
    }

    /// How many pairs make a group that is worth handing on by itself.
    #[must_use]
    pub fn worthwhile(&self) -> usize {
        GROUPS * PairStream::group(self.order.spec)
    }

    /// How many groups come within some hundredths of a second.
    fn brisk(&self) -> usize {
        match self.order.spec {
            KeyPairSpec::Rsa(_) => 1,
            KeyPairSpec::Ec(_) | KeyPairSpec::Drawn(_) => GROUPS,
        }
    }

    fn next_of(
        &self,
        least: usize,
        most: usize,
        patience: Duration,
    ) -> Result<Option<PairColumns>, Error> {
        let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        let left = self.undelivered.load(Ordering::Relaxed);
        if left == 0 {
            return Ok(Some(PairColumns::default()));
        }
        if self.stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let least = least.min(usize::try_from(left).unwrap_or(usize::MAX));
        let received = run.receive(least, patience, self.brisk());
        // Looked at with the pairs in hand: they may have waited for long.
        let generation = self.surroundings.generation();
        if generation != run.generation {
            let stop = self.stop.clone();
            *run = Run::start(&self.order, left, self.workers, generation, stop);
            return Ok(None);
        }
        if !received? {
            return Ok(None);
        }
        let pairs = run.received.take(most);
        self.undelivered.fetch_sub(pairs.len() as u64, Ordering::Relaxed);
        Ok(Some(pairs))
    }

    /// Asks the workers to end; what they have not handed over is erased.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Run {
    fn start(
        order: &Arc<Order>,
        count: u64,
        workers: usize,
        generation: u64,
        stop: Arc<AtomicBool>,
    ) -> Self {
        let (unclaimed, over) = (AtomicU64::new(count), AtomicBool::new(false));
        let progress = Arc::new(Progress { unclaimed, stop, over });
        let (sender, groups) = sync_channel(ahead(order.spec, workers));
        let start = |_| {
            let (order, progress, sender) = (order.clone(), progress.clone(), sender.clone());
            std::thread::spawn(move || work(&order, &progress, &sender))
        };
        let workers = (0..workers).map(start).collect();
        Self { generation, groups, received: PairColumns::default(), progress, workers }
    }

    /// Whether so many pairs are there, once some groups were taken out of the channel; waits for each no
    /// longer than `patience`.
    fn receive(&mut self, least: usize, patience: Duration, groups: usize) -> Result<bool, Error> {
        for _ in 0..groups {
            if self.received.len() >= least {
                break;
            }
            match self.groups.recv_timeout(patience) {
                Ok(group) => self.received.append(group?, least),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return Err(Error::Worker),
            }
        }
        Ok(self.received.len() >= least)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.progress.over.store(true, Ordering::Relaxed);
        // A worker that waits for room in the channel wakes when the receiver is gone.
        self.groups = sync_channel(0).1;
        for worker in self.workers.drain(..) {
            // One that panicked has ended too, and said so on standard error.
            let _ = worker.join();
        }
    }
}

/// Groups that may be there before somebody takes one. Pairs of curves are made quickly and taken in
/// thousands: so many are there that their makers go on while their taker waits for a disk, for a hundredth
/// of a second. That is 4 MB at most, or 7 where private keys are wanted, too.
fn ahead(spec: KeyPairSpec, workers: usize) -> usize {
    match spec {
        KeyPairSpec::Rsa(_) => 2 * workers,
        KeyPairSpec::Ec(_) | KeyPairSpec::Drawn(_) => (2 * workers).max(64),
    }
}

impl Interrupt for Progress {
    fn requested(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.over.load(Ordering::Relaxed)
    }
}

impl Progress {
    /// Takes on up to `most` pairs.
    fn claim(&self, most: u64) -> u64 {
        let take = |left: u64| Some(left - left.min(most));
        let before = self.unclaimed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        before.unwrap_or(0).min(most)
    }
}

/// One worker: ends when nothing is left to take on, at a failure, or when nobody listens.
fn work(order: &Order, progress: &Progress, groups: &SyncSender<Group>) {
    let mut stream =
        PairStream::new(order.spec, order.engine).with_pairwise_test(order.pairwise_test);
    let mut random = OsRandom::buffered();
    let most = PairStream::group(order.spec) as u64;
    loop {
        let count = progress.claim(most);
        if count == 0 {
            return;
        }
        let group = make(order, &mut stream, count as usize, &mut random, progress);
        let failed = group.is_err();
        if groups.send(group).is_err() || failed {
            return;
        }
    }
}

fn make(
    order: &Order,
    stream: &mut PairStream,
    count: usize,
    random: &mut OsRandom,
    progress: &Progress,
) -> Group {
    let request = Request {
        spec: order.spec,
        format: order.format,
        aad: &order.aad,
        layout: order.layout,
        with_plaintext: order.with_plaintext,
    };
    let mut columns = PairColumns::for_rows(count);
    for pair in stream.next(count, progress)? {
        columns.push(wrapped(&order.key, &request, pair, random)?);
    }
    Ok(columns)
}
