//! Many pairs from one search: it can be stopped like any other.

use std::sync::atomic::{AtomicUsize, Ordering};

use pairsmith_core::error::Error;
use pairsmith_core::interrupt::Interrupt;
use pairsmith_core::lanes::Engine;
use pairsmith_core::spec::{Curve, DrawnKind, KeyPairSpec, RsaSize};
use pairsmith_core::stream::PairStream;
use pairsmith_tests::for_each_engine;

for_each_engine!(a_request_to_stop_is_obeyed_at_once);

/// A request to stop ends the search at that question, between two batches.
fn a_request_to_stop_is_obeyed_at_once(engine: Engine) {
    for spec in [
        KeyPairSpec::Rsa(RsaSize::Bits4096),
        KeyPairSpec::Ec(Curve::P256),
        KeyPairSpec::Drawn(DrawnKind::P384),
    ] {
        let questions = Countdown(AtomicUsize::new(1));
        let outcome = PairStream::new(spec, engine).next(1000, &questions);
        assert_eq!(outcome.err(), Some(Error::Interrupted), "{spec:?}");
        assert_eq!(questions.0.into_inner(), 0, "one question");
    }
}

/// Asks to stop at the n-th question.
struct Countdown(AtomicUsize);

impl Interrupt for Countdown {
    fn requested(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) == 1
    }
}
