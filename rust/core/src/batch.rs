//! Many wrapped pairs on several threads, handed over in groups as they are made.
//!
//! Memory does not depend on how many are wanted: a worker waits while the groups that nobody has
//! taken are as many as twice the workers.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::Error;
use crate::generate::{DataKeyPair, Request, wrapped};
use crate::interrupt::Interrupt;
use crate::lanes::Engine;
use crate::prepare;
use crate::random::OsRandom;
use crate::spec::{KeyFormat, KeyPairSpec};
use crate::stream::PairStream;
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
    /// Whether elliptic-curve pairs sign and verify before they leave, as RSA pairs always do.
    pub ec_pairwise_test: bool,
}

type Group = Result<Vec<DataKeyPair>, Error>;

/// A batch being made. Dropping it stops the workers and waits for them, some milliseconds.
pub struct Batch {
    groups: Mutex<Receiver<Group>>,
    progress: Arc<Progress>,
    workers: Vec<JoinHandle<()>>,
}

/// What workers share.
struct Progress {
    /// Pairs that no worker has taken on.
    unclaimed: AtomicU64,
    /// Pairs that have not been handed over.
    undelivered: AtomicU64,
    stop: AtomicBool,
}

impl Batch {
    /// Starts making `count` pairs on `workers` threads, 1 or more.
    #[must_use]
    pub fn start(order: Order, count: u64, workers: usize) -> Self {
        let progress = Arc::new(Progress {
            unclaimed: AtomicU64::new(count),
            undelivered: AtomicU64::new(count),
            stop: AtomicBool::new(false),
        });
        // Here rather than in the workers, for those who call without preparing. A failure comes up
        // again there, where it can be told.
        let _ = prepare::pair(order.spec, order.engine);
        let order = Arc::new(order);
        let (sender, receiver) = sync_channel(2 * workers);
        let start = |_| {
            let (order, progress, sender) = (order.clone(), progress.clone(), sender.clone());
            std::thread::spawn(move || work(&order, &progress, &sender))
        };
        let workers = (0..workers).map(start).collect();
        Self { groups: Mutex::new(receiver), progress, workers }
    }

    /// The next pairs, in no particular order; `None` if none was ready within `patience`; an empty
    /// group once all were handed over.
    ///
    /// # Errors
    /// What stopped a worker; and [`Error::Interrupted`] after [`Self::stop`].
    pub fn next_group(&self, patience: Duration) -> Result<Option<Vec<DataKeyPair>>, Error> {
        if self.progress.undelivered.load(Ordering::Relaxed) == 0 {
            return Ok(Some(Vec::new()));
        }
        if self.progress.requested() {
            return Err(Error::Interrupted);
        }
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        match groups.recv_timeout(patience) {
            Ok(group) => {
                let group = group?;
                self.progress.undelivered.fetch_sub(group.len() as u64, Ordering::Relaxed);
                Ok(Some(group))
            }
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Error::Worker),
        }
    }

    /// Asks the workers to end; what they have not handed over is erased.
    pub fn stop(&self) {
        self.progress.stop.store(true, Ordering::Relaxed);
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.stop();
        // A worker that waits for room in the channel wakes when the receiver is gone.
        *self.groups.get_mut().unwrap_or_else(PoisonError::into_inner) = sync_channel(0).1;
        for worker in self.workers.drain(..) {
            // One that panicked has ended too, and said so on standard error.
            let _ = worker.join();
        }
    }
}

impl Interrupt for Progress {
    fn requested(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
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
        PairStream::new(order.spec, order.engine).with_ec_pairwise_test(order.ec_pairwise_test);
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
    let pairs = stream.next(count, progress)?;
    pairs.into_iter().map(|pair| wrapped(&order.key, &request, pair, random)).collect()
}
