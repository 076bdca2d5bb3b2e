//! Many pairs from one searcher.
//!
//! A search goes on from one pair to the next, so that no candidate that was sifted or tested is
//! lost, and Miller–Rabin takes the primes of several pairs together, so that its lanes are full.
//! Every candidate is still a draw of its own: pairs share lanes, never history.

use crate::drawn;
use crate::ec;
use crate::encode::EncodedPair;
use crate::error::Error;
use crate::generate::{ROUNDS, drawn_key_pair, ec_pair_tested, through_the_gate};
use crate::interrupt::Interrupt;
use crate::lanes::Engine;
use crate::natural::Natural;
use crate::primes::search::PrimeSearch;
use crate::primes::{miller_rabin, proof};
use crate::random::OsRandom;
use crate::spec::{Curve, DrawnKind, KeyPairSpec, RsaSize};
use crate::stack;

/// An endless source of pairs of one kind, for one thread.
pub struct PairStream(Kind);

enum Kind {
    Rsa(Box<RsaStream>),
    Ec(EcStream),
    Drawn(DrawnStream),
}

impl PairStream {
    /// A source that draws from the operating system.
    #[must_use]
    pub fn new(spec: KeyPairSpec, engine: Engine) -> Self {
        Self(match spec {
            KeyPairSpec::Rsa(size) => Kind::Rsa(Box::new(RsaStream::new(size, engine))),
            KeyPairSpec::Ec(curve) => Kind::Ec(EcStream::new(curve, engine)),
            KeyPairSpec::Drawn(kind) => Kind::Drawn(DrawnStream::new(kind)),
        })
    }

    /// The same, with the option that the halves of pairs are tried on each other before they leave.
    #[must_use]
    pub fn with_pairwise_test(mut self, tested: bool) -> Self {
        match &mut self.0 {
            Kind::Rsa(_) => {}
            Kind::Ec(stream) => stream.tested = tested,
            Kind::Drawn(stream) => stream.tested = tested,
        }
        self
    }

    /// How many pairs are best made at a time.
    #[must_use]
    pub fn group(spec: KeyPairSpec) -> usize {
        spec.kind().group
    }

    /// The next `count` pairs, each of which has passed the gate.
    ///
    /// # Errors
    /// As [`crate::generate::data_key_pair`].
    pub fn next(
        &mut self,
        count: usize,
        interrupt: &dyn Interrupt,
    ) -> Result<Vec<EncodedPair>, Error> {
        match &mut self.0 {
            Kind::Rsa(stream) => {
                stack::erased_after::<{ stack::DEEP }, _>(|| stream.next(count, interrupt))
            }
            Kind::Ec(stream) => {
                stack::erased_after::<{ stack::DEEP }, _>(|| stream.next(count, interrupt))
            }
            Kind::Drawn(stream) => {
                drawn::erased_after(stream.kind, || stream.next(count, interrupt))
            }
        }
    }
}

struct RsaStream {
    engine: Engine,
    prime_bits: usize,
    search: PrimeSearch<OsRandom>,
    bases: OsRandom,
}

impl RsaStream {
    fn new(size: RsaSize, engine: Engine) -> Self {
        let prime_bits = size.prime_bits();
        let search = PrimeSearch::new(engine, 1, prime_bits, OsRandom::buffered());
        Self { engine, prime_bits, search, bases: OsRandom::buffered() }
    }

    fn next(&mut self, count: usize, interrupt: &dyn Interrupt) -> Result<Vec<EncodedPair>, Error> {
        let mut pairs = Vec::with_capacity(count);
        // Rounds that gave nothing.
        let mut idle = 0;
        while pairs.len() < count {
            let before = pairs.len();
            let primes = self.proven_primes(count - pairs.len(), interrupt)?;
            let made = through_the_gate(self.engine, &primes)?;
            pairs.extend(made.into_iter().flatten().map(|(_, pair)| pair));
            idle = if pairs.len() > before { 0 } else { idle + 1 };
            if idle == ROUNDS {
                return Err(Error::BrokenRandom);
            }
        }
        Ok(pairs)
    }

    /// The primes of `pairs` pairs; fewer if a composite was among them, with odds below 2^-100.
    fn proven_primes(
        &mut self,
        pairs: usize,
        interrupt: &dyn Interrupt,
    ) -> Result<Vec<[Natural; 2]>, Error> {
        let mut probable = Vec::with_capacity(2 * pairs);
        for _ in 0..pairs {
            let (p, q) = self.search.next_pair(interrupt)?;
            probable.extend([p, q]);
        }
        let rounds = miller_rabin::rounds(self.prime_bits);
        let numbers: Vec<&Natural> = probable.iter().collect();
        let proofs = proof::passes(self.engine, &numbers, rounds, &mut self.bases)?;
        let proven = probable.into_iter().zip(proofs).filter(|(_, proof)| *proof);
        let mut primes = proven.map(|(prime, _)| prime);
        Ok(std::iter::from_fn(|| Some([primes.next()?, primes.next()?])).collect())
    }
}

struct EcStream {
    engine: Engine,
    curve: Curve,
    tested: bool,
    random: OsRandom,
}

impl EcStream {
    fn new(curve: Curve, engine: Engine) -> Self {
        Self { engine, curve, tested: false, random: OsRandom::buffered() }
    }

    fn next(&mut self, count: usize, interrupt: &dyn Interrupt) -> Result<Vec<EncodedPair>, Error> {
        if interrupt.requested() {
            return Err(Error::Interrupted);
        }
        let pairs = ec::generate_many(self.curve, self.engine, count, &mut self.random)?;
        let encoded = pairs.iter().map(EncodedPair::from_ec);
        if !self.tested {
            return encoded.collect();
        }
        encoded.map(|pair| ec_pair_tested(self.curve, pair?)).collect()
    }
}

struct DrawnStream {
    kind: DrawnKind,
    tested: bool,
    random: OsRandom,
}

impl DrawnStream {
    fn new(kind: DrawnKind) -> Self {
        Self { kind, tested: false, random: OsRandom::buffered() }
    }

    fn next(&mut self, count: usize, interrupt: &dyn Interrupt) -> Result<Vec<EncodedPair>, Error> {
        let one = |_| {
            if interrupt.requested() {
                return Err(Error::Interrupted);
            }
            drawn_key_pair(self.kind, self.tested, &mut self.random)
        };
        (0..count).map(one).collect()
    }
}
