//! A data key pair from end to end: generate, encode, wrap.

use crate::drawn;
use crate::ec::{self, SCALAR_LENGTH};
use crate::encode::EncodedPair;
use crate::error::Error;
#[cfg(feature = "fault-injection")]
use crate::fault::{self, Place};
use crate::interrupt::Interrupt;
use crate::lanes::Engine;
use crate::natural::Natural;
use crate::primes::search::PrimeSearch;
use crate::primes::{miller_rabin, proof};
use crate::purpose::Purpose;
use crate::random::{OsRandom, RandomSource};
use crate::rsa::{self, RsaKeyPair};
use crate::secret::SecretBytes;
use crate::self_test;
use crate::spec::{Curve, DrawnKind, KeyFormat, KeyPairSpec, RsaSize};
use crate::stack;
use crate::wrap::{self, IV_LENGTH, Layout, Sealed, WrappingKey};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The kind of pair.
    pub spec: KeyPairSpec,
    /// The encoding of both halves.
    pub format: KeyFormat,
    /// Bound to the blob; needed again to open it.
    pub aad: &'a [u8],
    /// The layout of the blob.
    pub layout: Layout,
    /// Whether the caller wants the private key itself beside the blob.
    pub with_plaintext: bool,
}

/// What a search may use. Neither changes what a seed gives.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Who does the arithmetic.
    pub engine: Engine,
    /// Threads for one RSA pair, 1 or more; the caller's is one of them.
    pub threads: usize,
    /// Whether the halves of pairs are tried on each other before they leave, as RSA pairs always are.
    pub pairwise_test: bool,
}

impl Effort {
    /// One thread, and no test that is an option.
    #[must_use]
    pub const fn of(engine: Engine) -> Self {
        Self { engine, threads: 1, pairwise_test: false }
    }
}

/// A data key pair whose private half is wrapped.
pub struct DataKeyPair {
    /// `SubjectPublicKeyInfo` in the format asked for.
    pub public_key: Vec<u8>,
    /// The nonce, needed to open a plain blob.
    pub iv: [u8; IV_LENGTH],
    /// The wrapped private key.
    pub blob: Vec<u8>,
    /// PKCS#8 in the format asked for; only if it was asked for.
    pub private_key: Option<SecretBytes>,
}

/// Generates a pair from the operating system's randomness and wraps its private half.
///
/// # Errors
/// [`Error::Random`], [`Error::BrokenRandom`], [`Error::Interrupted`], and for faults
/// [`Error::Consistency`], [`Error::SelfTest`] and [`Error::Encoding`].
pub fn data_key_pair(
    key: &WrappingKey,
    request: &Request<'_>,
    effort: Effort,
    interrupt: &dyn Interrupt,
) -> Result<DataKeyPair, Error> {
    let mut random = match request.spec {
        KeyPairSpec::Rsa(_) => OsRandom::buffered(),
        // The scalar, Iv and salt, in one call to the system.
        KeyPairSpec::Ec(_) => OsRandom::in_blocks_of(SCALAR_LENGTH + wrap::SEAL_RANDOMNESS),
        KeyPairSpec::Drawn(kind) => {
            OsRandom::in_blocks_of(drawn::secret_length(kind) + wrap::SEAL_RANDOMNESS)
        }
    };
    let pair = key_pair(request.spec, effort, &mut random, interrupt)?;
    wrapped(key, request, pair, &mut random)
}

/// Wraps the private half of a pair; `random` gives Iv and salt.
///
/// # Errors
/// [`Error::Random`], and for a defect in this crate [`Error::Encoding`].
pub fn wrapped(
    key: &WrappingKey,
    request: &Request<'_>,
    pair: EncodedPair,
    random: &mut impl RandomSource,
) -> Result<DataKeyPair, Error> {
    let (private_key, public_key) =
        stack::erased_after::<{ stack::SHALLOW }, _>(|| pair.into_format(request.format))?;
    let purpose = Purpose::Pair(request.spec, request.format);
    let Sealed { iv, blob } =
        key.seal(private_key.expose(), purpose, request.aad, request.layout, random)?;
    let private_key = request.with_plaintext.then_some(private_key);
    Ok(DataKeyPair { public_key, iv, blob, private_key })
}

/// Generates a pair of what `candidates` gives: primes of an RSA pair, which then passes the gate,
/// or a scalar or a seed.
///
/// # Errors
/// As [`data_key_pair`].
pub fn key_pair(
    spec: KeyPairSpec,
    effort: Effort,
    candidates: &mut (impl RandomSource + Send),
    interrupt: &dyn Interrupt,
) -> Result<EncodedPair, Error> {
    match spec {
        KeyPairSpec::Rsa(size) => stack::erased_after::<{ stack::DEEP }, _>(|| {
            let mut bases = OsRandom::buffered();
            Ok(rsa_key_pair(size, effort, candidates, &mut bases, interrupt)?.1)
        }),
        KeyPairSpec::Ec(curve) => {
            let run = || {
                let pair = EncodedPair::from_ec(&ec::generate(curve, effort.engine, candidates)?)?;
                if effort.pairwise_test { ec_pair_tested(curve, pair) } else { Ok(pair) }
            };
            // Where neither ring nor a curve's crate is called there is less to overwrite.
            if effort.engine == Engine::Avx512 && !effort.pairwise_test {
                stack::erased_after::<{ stack::LANES }, _>(run)
            } else {
                stack::erased_after::<{ stack::DEEP }, _>(run)
            }
        }
        KeyPairSpec::Drawn(kind) => {
            drawn::erased_after(kind, || drawn_key_pair(kind, effort.pairwise_test, candidates))
        }
    }
}

/// A pair of a kind that is drawn, and through what such a pair has to pass.
pub(crate) fn drawn_key_pair(
    kind: DrawnKind,
    tested: bool,
    random: &mut impl RandomSource,
) -> Result<EncodedPair, Error> {
    let pair = EncodedPair::from_drawn(&drawn::generate(kind, random)?)?;
    #[cfg(feature = "fault-injection")]
    let pair = pair_with_faults(pair);
    drawn::check(kind, pair.private_key.expose(), &pair.public_key, tested)?;
    Ok(pair)
}

/// The same pair, if its halves sign and verify.
pub(crate) fn ec_pair_tested(curve: Curve, pair: EncodedPair) -> Result<EncodedPair, Error> {
    #[cfg(feature = "fault-injection")]
    let pair = pair_with_faults(pair);
    ec::pairwise_consistency_test(curve, pair.private_key.expose(), &pair.public_key)?;
    Ok(pair)
}

/// Pairs of primes, one after the other, that may be turned down: by Miller–Rabin with odds below
/// 2^-100, or at the gate with odds of 2^-15 (det-keygen, steps 20 and 23), so all of them below
/// 2^-120. A source that gives the same two numbers for ever ends here if nowhere before.
pub(crate) const ROUNDS: usize = 8;

/// An RSA key, as numbers and encoded, by FIPS 186-5 A.1.3 and det-keygen: `candidates` alone
/// determines it. Miller–Rabin takes its bases from a source of its own.
///
/// # Errors
/// As [`data_key_pair`].
pub fn rsa_key_pair(
    size: RsaSize,
    effort: Effort,
    candidates: &mut (impl RandomSource + Send),
    bases: &mut (impl RandomSource + Send),
    interrupt: &dyn Interrupt,
) -> Result<(RsaKeyPair, EncodedPair), Error> {
    let Effort { engine, threads, .. } = effort;
    let mut search = PrimeSearch::new(engine, threads, size.prime_bits(), candidates);
    for _ in 0..ROUNDS {
        let (p, q) = search.next_pair(interrupt)?;
        let primes = [[p, q]];
        let [[p, q]] = &primes;
        let rounds = miller_rabin::rounds(size.prime_bits());
        // What the second makes of numbers that the first turns down is thrown away.
        let (proofs, pair) = side_by_side(
            threads,
            || proof::passes(engine, &[p, q], rounds, bases),
            || through_the_gate(engine, &primes),
        );
        let [[p, q]] = primes;
        match proofs?[..] {
            [true, true] => {
                if let Some(Some(pair)) = pair?.pop() {
                    return Ok(pair);
                }
            }
            // A composite that passed the base-2 test: odds below 2^-100, but then order rules.
            [true, false] => search.put_back(p),
            [false, true] => search.put_back(q),
            _ => {}
        }
    }
    Err(Error::BrokenRandom)
}

/// The one gate that every RSA key passes: bounds, encoding, and a signature that verifies. `None`
/// where two primes are to be discarded. All pairs of primes have one size.
pub(crate) fn through_the_gate(
    engine: Engine,
    primes: &[[Natural; 2]],
) -> Result<Vec<Option<(RsaKeyPair, EncodedPair)>>, Error> {
    let encoded = |[p, q]: &[Natural; 2]| {
        #[cfg(feature = "fault-injection")]
        let (p, q) =
            (&fault::in_number(Place::GateP, p.copy()), &fault::in_number(Place::GateQ, q.copy()));
        let Some(key) = rsa::assemble(engine, p, q)? else { return Ok(None) };
        #[cfg(feature = "fault-injection")]
        let key = with_faults(key);
        let pair = EncodedPair::from_rsa(&key)?;
        #[cfg(feature = "fault-injection")]
        let pair = pair_with_faults(pair);
        Ok(Some((key, pair)))
    };
    let made = primes.iter().map(encoded).collect::<Result<Vec<_>, Error>>()?;
    let documents: Vec<(&[u8], &[u8])> = made
        .iter()
        .flatten()
        .map(|(_, pair)| (pair.private_key.expose(), pair.public_key.as_slice()))
        .collect();
    rsa::pairwise_consistency_tests(engine, &documents)?;
    Ok(made)
}

#[cfg(feature = "fault-injection")]
fn pair_with_faults(pair: EncodedPair) -> EncodedPair {
    EncodedPair {
        private_key: fault::in_secret(Place::PrivateDocument, pair.private_key),
        public_key: fault::in_bytes(Place::PublicDocument, pair.public_key),
    }
}

#[cfg(feature = "fault-injection")]
fn with_faults(key: RsaKeyPair) -> RsaKeyPair {
    let RsaKeyPair { n, d, p, q, dp, dq, q_inv } = key;
    RsaKeyPair {
        n: fault::in_number(Place::Key(0), n),
        d: fault::in_number(Place::Key(1), d),
        p: fault::in_number(Place::Key(2), p),
        q: fault::in_number(Place::Key(3), q),
        dp: fault::in_number(Place::Key(4), dp),
        dq: fault::in_number(Place::Key(5), dq),
        q_inv: fault::in_number(Place::Key(6), q_inv),
    }
}

/// Both results: one after the other on one thread, else together.
fn side_by_side<A: Send, B>(
    threads: usize,
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B,
) -> (A, B) {
    if threads == 1 {
        return (first(), second());
    }
    std::thread::scope(|scope| {
        let first = scope.spawn(first);
        let second = second();
        let first = first.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (first, second)
    })
}

/// The most random bytes that one call gives: far above what any operation asks for, and far below
/// where memory could run out, which would abort the process.
pub const MAX_RANDOM_LENGTH: usize = 1 << 20;

/// Random bytes from the operating system.
///
/// # Errors
/// [`Error::Random`] if there was no randomness; [`Error::InvalidLength`] above
/// [`MAX_RANDOM_LENGTH`]; [`Error::SelfTest`].
pub fn random_bytes(length: usize) -> Result<SecretBytes, Error> {
    self_test::healthy()?;
    if length > MAX_RANDOM_LENGTH {
        return Err(Error::InvalidLength);
    }
    let mut bytes = SecretBytes::zero(length);
    OsRandom::unbuffered().fill(bytes.expose_mut())?;
    Ok(bytes)
}

/// A symmetric data key: random bytes and their blob.
///
/// # Errors
/// As [`random_bytes`].
pub fn data_key(
    key: &WrappingKey,
    length: usize,
    aad: &[u8],
    layout: Layout,
) -> Result<(SecretBytes, Sealed), Error> {
    let plaintext = random_bytes(length)?;
    let (purpose, random) = (Purpose::DataKey, &mut wrap::randomness());
    let sealed = key.seal(plaintext.expose(), purpose, aad, layout, random)?;
    Ok((plaintext, sealed))
}
