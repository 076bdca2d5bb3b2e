//! RSA keys: the relations of RFC 8017 and FIPS 186-5, the rare paths of the search; in `gate` the gate.

mod gate;

use std::sync::atomic::{AtomicUsize, Ordering};

use num_bigint::BigUint;
use num_integer::Integer as _;
use num_traits::One as _;
use pairsmith_core::error::Error;
use pairsmith_core::generate::{self, Effort};
use pairsmith_core::interrupt::{Interrupt, Never};
use pairsmith_core::lanes::Engine;
use pairsmith_core::random::{HmacDrbg, OsRandom, RandomSource};
use pairsmith_core::rsa::RsaKeyPair;
use pairsmith_core::spec::{KeyPairSpec, RsaSize};
use pairsmith_tests::{Scripted, base2_pseudoprime, big, for_each_engine, natural, prime_from};

for_each_engine!(a_failing_source_is_reported, interrupts_are_obeyed, questions_are_frequent);

fn key_of(size: RsaSize, candidates: &mut (impl RandomSource + Send)) -> Result<RsaKeyPair, Error> {
    let effort = Effort::of(Engine::best());
    let mut bases = OsRandom::buffered();
    Ok(generate::rsa_key_pair(size, effort, candidates, &mut bases, &Never)?.0)
}

/// The relations between the seven numbers of a key, and the bounds on them, hold.
fn assert_relations(key: &RsaKeyPair, bits: u64) {
    let numbers = [&key.n, &key.d, &key.p, &key.q, &key.dp, &key.dq, &key.q_inv];
    let [n, d, p, q, dp, dq, q_inv] = numbers.map(big);
    let e = BigUint::from(65537u32);
    let (p1, q1): (BigUint, BigUint) = (&p - 1u8, &q - 1u8);
    let lambda = p1.lcm(&q1);
    assert_eq!(n, &p * &q);
    assert_eq!(n.bits(), bits);
    assert_eq!((p.bits(), q.bits()), (bits / 2, bits / 2));
    assert_eq!(&d * &e % &lambda, BigUint::one());
    assert!(d < lambda && d.bits() > bits / 2);
    assert_eq!((dp, dq), (&d % &p1, &d % &q1));
    assert_eq!(&q_inv * &q % &p, BigUint::one());
    assert!(q_inv < p);
    assert!(p1.gcd(&q1).bits() <= 32);
    assert!(p.abs_diff(&q).bits() > bits / 2 - 100);
}

trait AbsDiff {
    fn abs_diff(&self, other: &Self) -> Self;
}

impl AbsDiff for BigUint {
    fn abs_diff(&self, other: &Self) -> Self {
        if self > other { self - other } else { other - self }
    }
}

/// Every key of every size keeps the relations, whichever of its primes is the larger.
#[test]
fn relations_hold() {
    for (size, keys) in RsaSize::ALL.into_iter().zip([12, 4, 2]) {
        for _ in 0..keys {
            let key = key_of(size, &mut OsRandom::buffered()).expect("a key");
            assert_relations(&key, size.modulus_bits() as u64);
        }
    }
}

/// Two primes of 1024 bits, far apart, and the smaller one drawn first: q must be reduced modulo p.
fn ordinary_primes() -> [BigUint; 2] {
    [0b110u8, 0b111].map(|top| prime_from((BigUint::from(top) << 1021u32) + 7u8, 8, 16))
}

/// The primes that come out for these draws, with the draws left over.
fn primes_of(draws: &[&BigUint]) -> Result<([BigUint; 2], usize), Error> {
    let mut source = Scripted::numbers(128, draws.iter().copied());
    // Fixed bases: what a composite's Miller–Rabin rounds say is the same in every run.
    let mut bases = HmacDrbg::new(b"bases", b"");
    let effort = Effort::of(Engine::Scalar);
    let (key, _) =
        generate::rsa_key_pair(RsaSize::Bits2048, effort, &mut source, &mut bases, &Never)?;
    assert_relations(&key, 2048);
    Ok(([big(&key.p), big(&key.q)], source.0.len()))
}

/// The first prime drawn is p and the second q, and nothing more is drawn.
#[test]
fn primes_are_taken_in_the_order_drawn() {
    let [a, b] = &ordinary_primes();
    assert_eq!(primes_of(&[a, b]), Ok(([a.clone(), b.clone()], 0)));
    assert_eq!(primes_of(&[b, a, a]), Ok(([b.clone(), a.clone()], 1)));
    assert_eq!(primes_of(&[a]), Err(Error::Random));
}

/// A composite that passes trial division and the base-2 test falls to Miller–Rabin, in any place,
/// and the next prime takes its place.
#[test]
fn a_pseudoprime_is_passed_over() {
    let [a, b] = &ordinary_primes();
    let composite = &base2_pseudoprime();
    let passed = Engine::Scalar.base2_fermat(&[&natural(composite, 16)]);
    assert_eq!(passed, 1, "it does pass the base-2 test");
    for draws in [
        [composite, a, b].as_slice(),
        &[a, composite, b],
        &[composite, composite, a, b],
        &[composite, a, composite, b],
    ] {
        assert_eq!(primes_of(draws), Ok(([a.clone(), b.clone()], 0)));
    }
}

/// Where e divides p − 1 or q − 1, or the two have a factor of 33 bits in common, or are the same
/// prime, both primes are discarded and the search goes on (det-keygen, steps 20 and 23).
#[test]
fn unfit_pairs_are_discarded_together() {
    let [a, b] = &ordinary_primes();
    let start = |top: u8, factor: u64| {
        let multiple = (BigUint::from(top) << 1021u32) / (8 * factor) * (8 * factor);
        // 1 modulo the factor and 7 modulo 8.
        (0..8).map(|i| &multiple + factor * i + 1u8).find(|n| (n % 8u8) == 7u8.into())
    };
    let prime =
        |top, factor: u64| prime_from(start(top, factor).expect("an odd factor"), 8 * factor, 16);
    let divisible = &prime(0b110, 65537);
    let factor = (1 << 33) - 9;
    let (left, right) = (&prime(0b110, factor), &prime(0b111, factor));
    for draws in [
        [divisible, b, a, b].as_slice(),
        &[a, divisible, a, b],
        &[left, right, a, b],
        &[a, a, a, b],
    ] {
        assert_eq!(primes_of(draws), Ok(([a.clone(), b.clone()], 0)));
    }
    // A common factor of 24 bits is no reason.
    let (left, right) = (prime(0b110, (1 << 24) - 3), prime(0b111, (1 << 24) - 3));
    assert_eq!(primes_of(&[&left, &right, a, b]), Ok(([left, right], 2)));
}

/// Primes too close to each other do not pass the gate: FIPS 186-5 A.1.3, step 5.4.
#[test]
fn neighbours_fail_the_gate() {
    let [a, _] = &ordinary_primes();
    let neighbour = &prime_from(a + 8u8, 8, 16);
    assert_eq!(primes_of(&[a, neighbour]), Err(Error::Consistency));
    // 2^924 apart is too close still; 2^925 is not.
    let distance = |bits: u32| prime_from(a + (BigUint::one() << bits), 8, 16);
    assert!(primes_of(&[a, &distance(925)]).is_ok());
    assert_eq!(primes_of(&[a, &distance(923)]), Err(Error::Consistency));
}

/// A failing source ends the search with its error.
fn a_failing_source_is_reported(engine: Engine) {
    struct Failing;
    impl RandomSource for Failing {
        fn fill(&mut self, _: &mut [u8]) -> Result<(), Error> {
            Err(Error::Random)
        }
    }
    let spec = KeyPairSpec::Rsa(RsaSize::Bits2048);
    let outcome = generate::key_pair(spec, Effort::of(engine), &mut Failing, &Never);
    assert_eq!(outcome.err(), Some(Error::Random));
    let mut good = OsRandom::buffered();
    let outcome = generate::rsa_key_pair(
        RsaSize::Bits2048,
        Effort::of(engine),
        &mut good,
        &mut Failing,
        &Never,
    );
    assert_eq!(outcome.err(), Some(Error::Random), "no bases for Miller–Rabin");
}

/// Asks to stop at the n-th question.
struct After(AtomicUsize);

impl Interrupt for After {
    fn requested(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) == 1
    }
}

/// A request to stop is obeyed at once, at the first question or later.
fn interrupts_are_obeyed(engine: Engine) {
    let mut composite = Composite::new();
    for questions in [1, 2, 5] {
        let spec = KeyPairSpec::Rsa(RsaSize::Bits4096);
        let interrupt = After(AtomicUsize::new(questions));
        let outcome = generate::key_pair(spec, Effort::of(engine), &mut composite, &interrupt);
        assert_eq!(outcome.err(), Some(Error::Interrupted));
        assert_eq!(interrupt.0.into_inner(), 0, "stopped at the question");
    }
}

/// The same composite at every draw: it has no small factor and passes no test.
struct Composite(Vec<u8>);

impl Composite {
    fn new() -> Self {
        let start = |low: u8| (BigUint::from(0b111u8) << 1021u32) + low;
        // 7 · 1 ≡ 7 modulo 8.
        let product = prime_from(start(7), 8, 16) * prime_from(start(1), 8, 16);
        Self(product.to_bytes_be())
    }
}

impl RandomSource for Composite {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        out.copy_from_slice(&self.0);
        Ok(())
    }
}

/// A search asks whether it should stop before every batch of its engine: it draws no more candidates
/// from one question to the next than a batch and its trial division take.
fn questions_are_frequent(engine: Engine) {
    let spec = KeyPairSpec::Rsa(RsaSize::Bits3072);
    let drawn = AtomicUsize::new(0);
    let watch = Watch { drawn: &drawn, most: AtomicUsize::new(0) };
    let mut source = Counted { drawn: &drawn, source: HmacDrbg::new(b"questions", b"") };
    generate::key_pair(spec, Effort::of(engine), &mut source, &watch).expect("a key");
    let most = watch.most.into_inner();
    // One draw in eleven survives the division; of a few hundred batches the unluckiest counts.
    assert!(most <= 40 * engine.width().max(2), "{most} draws between two questions");
}

/// A source that counts its draws.
struct Counted<'a> {
    drawn: &'a AtomicUsize,
    source: HmacDrbg,
}

impl RandomSource for Counted<'_> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.drawn.fetch_add(1, Ordering::Relaxed);
        self.source.fill(out)
    }
}

/// Never asks to stop; the most draws that were made between two of its questions.
struct Watch<'a> {
    drawn: &'a AtomicUsize,
    most: AtomicUsize,
}

impl Interrupt for Watch<'_> {
    fn requested(&self) -> bool {
        self.most.fetch_max(self.drawn.swap(0, Ordering::Relaxed), Ordering::Relaxed);
        false
    }
}
