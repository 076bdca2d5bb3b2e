//! The pairs of one kind that wait, and the pages for those that will.

use std::collections::VecDeque;

use crate::encode::EncodedPair;
use crate::error::Error;
use crate::locked::LockedPage;
use crate::spec::KeyPairSpec;
use crate::stream::PairStream;
use crate::surroundings::Moment;

/// How a shelf is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShelfStatus {
    /// The kind of its pairs.
    pub spec: KeyPairSpec,
    /// How many pairs wait.
    pub depth: usize,
    /// How many may wait.
    pub capacity: usize,
    /// Pairs that were there when they were wanted.
    pub hits: u64,
    /// Pairs that were not.
    pub misses: u64,
}

/// A page is free, with a worker who has claimed it, or holds the private key of a waiting pair:
/// there are as many as the shelf's capacity, so no more pairs can wait.
pub(super) struct Shelf {
    status: ShelfStatus,
    locked: bool,
    free: Vec<LockedPage>,
    ready: VecDeque<Waiting>,
}

/// A pair that passed the gate; its private half lies in the page.
struct Waiting {
    page: LockedPage,
    length: usize,
    public_key: Vec<u8>,
    since: Moment,
}

impl Shelf {
    pub(super) fn new(spec: KeyPairSpec, capacity: usize) -> Result<Self, Error> {
        let free = (0..capacity).map(|_| LockedPage::new()).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            status: ShelfStatus { spec, depth: 0, capacity, hits: 0, misses: 0 },
            locked: free.iter().all(LockedPage::is_locked),
            free,
            ready: VecDeque::with_capacity(capacity),
        })
    }

    pub(super) fn spec(&self) -> KeyPairSpec {
        self.status.spec
    }

    pub(super) fn status(&self) -> ShelfStatus {
        ShelfStatus { depth: self.ready.len(), ..self.status }
    }

    pub(super) fn is_full(&self) -> bool {
        self.ready.len() == self.status.capacity
    }

    /// Whether there is something to make that nobody is making.
    pub(super) fn lacks_some(&self) -> bool {
        !self.free.is_empty()
    }

    /// What is lacking, against what may be there: the order in which shelves are seen to.
    pub(super) fn lacks_more_than(&self, other: &Self) -> bool {
        self.free.len() * other.status.capacity > other.free.len() * self.status.capacity
    }

    pub(super) fn is_locked(&self) -> bool {
        self.locked
    }

    /// The pair that has waited longest; counts a hit or a miss.
    pub(super) fn take(&mut self) -> Option<EncodedPair> {
        let Some(Waiting { mut page, length, public_key, .. }) = self.ready.pop_front() else {
            self.status.misses += 1;
            return None;
        };
        self.status.hits += 1;
        let private_key = page.take(length);
        self.free.push(page);
        Some(EncodedPair { private_key, public_key })
    }

    /// Pages for the pairs that a worker is to make next: one where none waits, so that it is there
    /// soon, else as many as are best made together.
    pub(super) fn claim(&mut self) -> Vec<LockedPage> {
        let most = if self.ready.is_empty() { 1 } else { PairStream::group(self.spec()) };
        self.free.split_off(self.free.len().saturating_sub(most))
    }

    /// Takes over finished pairs in the pages that were claimed for them, and the pages that stayed
    /// empty.
    pub(super) fn fill(&mut self, filled: Vec<Filled>, unused: Vec<LockedPage>, now: Moment) {
        let waiting = |Filled(waiting)| Waiting { since: now, ..waiting };
        self.ready.extend(filled.into_iter().map(waiting));
        self.free.extend(unused);
    }

    /// Erases the pairs that came before a moment of which this is true, and says how many; others are
    /// to be made in their place.
    pub(super) fn erase(&mut self, is_over: impl Fn(Moment) -> bool) -> u64 {
        let mut erased = 0;
        while self.ready.front().is_some_and(|waiting| is_over(waiting.since)) {
            self.free.extend(self.ready.pop_front().map(|waiting| Filled(waiting).erased()));
            erased += 1;
        }
        erased
    }

    /// Erases whatever waits and gives the memory back; nothing is claimed or taken any more.
    pub(super) fn clear(&mut self) {
        self.ready.clear();
        self.free.clear();
    }
}

/// A pair moved into its page, outside of any lock.
pub(super) struct Filled(Waiting);

impl Filled {
    pub(super) fn new(mut page: LockedPage, pair: EncodedPair) -> Self {
        page.put(pair.private_key.expose());
        let length = pair.private_key.len();
        Self(Waiting { page, length, public_key: pair.public_key, since: Moment::default() })
    }

    /// The page, empty.
    pub(super) fn erased(self) -> LockedPage {
        let Self(Waiting { mut page, length, .. }) = self;
        drop(page.take(length));
        page
    }
}
