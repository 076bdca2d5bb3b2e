//! Secrets are gone from memory when their owners are: an allocator looks into every block that is
//! given back, before it goes, for pieces of the secrets that a test has registered.

use std::alloc::{GlobalAlloc, Layout as Block, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pairsmith_core::drawn;
use pairsmith_core::ec;
use pairsmith_core::encode::EncodedPair;
use pairsmith_core::generate::{self, Effort, Request};
use pairsmith_core::interrupt::Never;
use pairsmith_core::lanes::Engine;
use pairsmith_core::locked::{LockedPage, PAGE};
use pairsmith_core::natural::Natural;
use pairsmith_core::primes::candidate::Candidates;
use pairsmith_core::primes::proof;
use pairsmith_core::primes::search::PrimeSearch;
use pairsmith_core::purpose::Purpose;
use pairsmith_core::random::{HmacDrbg, OsRandom, RandomSource};
use pairsmith_core::root_key::RootKey;
use pairsmith_core::rsa;
use pairsmith_core::secret::SecretBytes;
use pairsmith_core::service_key::ServiceKey;
use pairsmith_core::spec::{Curve, DrawnKind, KeyFormat, KeyPairSpec};
use pairsmith_core::wrap::{Layout, Source, WrappingKey};

/// Bytes of a secret that must not be found: long enough never to be met by chance.
const PIECE: usize = 16;
const PIECES: usize = 64;

/// What is looked for. A fixed array: the allocator must not allocate.
static WANTED: [[AtomicUsize; PIECE / 8]; PIECES] =
    [const { [const { AtomicUsize::new(0) }; PIECE / 8] }; PIECES];
static COUNT: AtomicUsize = AtomicUsize::new(0);
static WATCHING: AtomicBool = AtomicBool::new(false);
static FOUND: AtomicUsize = AtomicUsize::new(0);
static LOOKED_AT: AtomicUsize = AtomicUsize::new(0);
/// One test at a time: what is looked for belongs to all.
static TURN: Mutex<()> = Mutex::new(());

struct Inspecting;

#[global_allocator]
static ALLOCATOR: Inspecting = Inspecting;

#[expect(
    unsafe_code,
    reason = "an allocator is unsafe to write; this one only reads before it frees"
)]
// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Inspecting {
    unsafe fn alloc(&self, block: Block) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`, which is the system's.
        // Zeroed, so that no block that is given back was never written to.
        unsafe { System.alloc_zeroed(block) }
    }

    unsafe fn dealloc(&self, start: *mut u8, block: Block) {
        if WATCHING.load(Ordering::Relaxed) {
            // SAFETY: the caller owns the block until it is freed, and `alloc` has initialised it.
            inspect(unsafe { std::slice::from_raw_parts(start, block.size()) });
        }
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(start, block) }
    }
}

fn inspect(block: &[u8]) {
    LOOKED_AT.fetch_add(1, Ordering::Relaxed);
    for window in block.windows(PIECE) {
        let word =
            |i: usize| usize::from_ne_bytes(std::array::from_fn(|byte| window[8 * i + byte]));
        let (first, second) = (word(0), word(1));
        for piece in &WANTED[..COUNT.load(Ordering::Relaxed)] {
            if piece[0].load(Ordering::Relaxed) == first
                && piece[1].load(Ordering::Relaxed) == second
            {
                FOUND.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Looks for this secret from now on, as it is and in the reversed order of a number's bytes.
fn watch(secret: &[u8]) {
    assert!(secret.len() >= PIECE);
    let middle = &secret[secret.len() / 2 - PIECE / 2..][..PIECE];
    let reversed: [u8; PIECE] = std::array::from_fn(|i| middle[PIECE - 1 - i]);
    for piece in [middle, &reversed] {
        let slot = COUNT.load(Ordering::Relaxed);
        for (word, bytes) in WANTED[slot].iter().zip(piece.chunks_exact(8)) {
            let bytes = std::array::from_fn(|i| bytes[i]);
            word.store(usize::from_ne_bytes(bytes), Ordering::Relaxed);
        }
        COUNT.store(slot + 1, Ordering::Relaxed);
    }
}

/// How many pieces of watched secrets were in the blocks that `work` and the drop of its result
/// gave back.
fn found_after<T>(work: impl FnOnce() -> T) -> usize {
    FOUND.store(0, Ordering::Relaxed);
    LOOKED_AT.store(0, Ordering::Relaxed);
    WATCHING.store(true, Ordering::Relaxed);
    drop(work());
    WATCHING.store(false, Ordering::Relaxed);
    COUNT.store(0, Ordering::Relaxed);
    assert!(LOOKED_AT.load(Ordering::Relaxed) > 0, "something was given back");
    FOUND.load(Ordering::Relaxed)
}

fn turn() -> std::sync::MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Secret bytes that no other test has.
fn secret_of(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    OsRandom::unbuffered().fill(&mut bytes).expect("random bytes");
    bytes
}

/// The allocator does find a secret in memory that nobody erased: the other tests can fail.
#[test]
fn an_ordinary_vector_is_found_out() {
    let _turn = turn();
    let secret = secret_of(100);
    watch(&secret);
    assert!(found_after(|| secret.clone()) > 0);
    watch(&secret);
    assert!(found_after(|| secret.iter().rev().copied().collect::<Vec<u8>>()) > 0);
}

/// Secret bytes, numbers and what is computed from them leave nothing.
#[test]
fn bytes_and_numbers_leave_nothing() {
    let _turn = turn();
    let secret = secret_of(128);
    watch(&secret);
    assert_eq!(found_after(|| SecretBytes::copy_of(&secret)), 0);
    watch(&secret);
    assert_eq!(found_after(|| Natural::from_be_bytes(&secret)), 0);
    watch(&secret);
    let left = found_after(|| {
        let mut odd = Natural::from_be_bytes(&secret);
        odd.limbs_mut()[0] |= 1;
        let other = odd.with_low_bit_cleared().half().double();
        let gcd = Natural::gcd_of_odd(&odd, &odd);
        (Natural::product(&odd, &other), odd.distance(&other), gcd, odd)
    });
    assert_eq!(left, 0);
}

/// Sources of randomness and candidates leave nothing of what they handed out.
#[test]
fn sources_leave_nothing() {
    let _turn = turn();
    let mut drawn = [0; 32];
    HmacDrbg::new(b"seed", b"").fill(&mut drawn).expect("never fails");
    watch(&drawn);
    let left = found_after(|| {
        let mut drbg = HmacDrbg::new(b"seed", b"");
        drbg.fill(&mut [0; 32]).expect("never fails");
        drbg
    });
    assert_eq!(left, 0);

    let mut first = SecretBytes::zero(128);
    HmacDrbg::new(b"seed", b"").fill(first.expose_mut()).expect("never fails");
    watch(first.expose());
    let left = found_after(|| {
        let mut drbg = HmacDrbg::new(b"seed", b"");
        let mut candidates = Candidates::new(1024);
        let drawn = candidates.draw(&mut drbg).expect("a candidate");
        (drawn, candidates)
    });
    assert_eq!(left, 0);
}

/// Keys that wrap leave nothing of their material, and an opened message nothing of itself.
#[test]
fn wrapping_keys_leave_nothing() {
    const VERSION: &str = "key-0123456789abcdefghijk-0123456789";
    let _turn = turn();
    let (secret, message) = (secret_of(32), secret_of(200));
    watch(&secret);
    watch(&message);
    let left = found_after(|| {
        let random = &mut OsRandom::unbuffered();
        let key = WrappingKey::new(SecretBytes::copy_of(&secret), VERSION).expect("a key");
        let sealed =
            key.seal(&message, Purpose::Message, b"", Layout::Plain, random).expect("seals");
        let opened = key.open(Source::plain(&sealed.blob, &sealed.iv, b"")).expect("opens");
        assert!(opened.plaintext.expose() == message);
        assert!(key.open(Source::plain(&sealed.blob, &sealed.iv, b"other")).is_err());
        let root = RootKey::new(SecretBytes::copy_of(&secret)).expect("a root key");
        let row = root.create_version("key", VERSION, random).expect("a row");
        let service = ServiceKey::new(SecretBytes::copy_of(&secret), VERSION).expect("a key");
        let mac = service.mac("place", &message);
        assert!(service.verify("place", &message, &mac));
        (key, root.open_version(&row, "key", VERSION), root, row, service)
    });
    assert_eq!(left, 0);
}

/// An RSA pair leaves none of its six secret numbers, nor its document in PEM, from the first
/// candidate to the encoding. ring, at the gate, does leave its own copies on the heap; the Python
/// package's allocator erases whatever is freed, and `tests/test_memory.py` looks there.
#[test]
fn rsa_pairs_leave_nothing_of_ours() {
    let _turn = turn();
    // A seed makes the same key each time: once to know what to look for, then to look.
    let generate = |engine| {
        let mut candidates = HmacDrbg::new(b"zeroing", b"");
        let mut bases = HmacDrbg::new(b"bases", b"");
        let mut search = PrimeSearch::new(engine, 1, 1024, &mut candidates);
        let (p, q) = search.next_pair(&Never).expect("two primes");
        let passed = proof::passes(engine, &[&p, &q], 5, &mut bases);
        assert_eq!(passed, Ok(vec![true, true]));
        rsa::assemble(Engine::best(), &p, &q).expect("no fault").expect("a fit pair")
    };
    let known = generate(Engine::best());
    let numbers = [&known.d, &known.p, &known.q, &known.dp, &known.dq, &known.q_inv];
    for number in numbers {
        let mut bytes = SecretBytes::zero(8 * number.limbs().len());
        number.write_be_bytes(bytes.expose_mut());
        watch(bytes.expose());
    }
    let pem = EncodedPair::from_rsa(&known).expect("encodes").into_format(KeyFormat::Pem);
    watch(pem.expect("encodes").0.expose());
    for engine in Engine::ALL.into_iter().filter(|engine| engine.available()) {
        let left = found_after(|| {
            let key = generate(engine);
            let pair = EncodedPair::from_rsa(&key).expect("encodes");
            (pair.into_format(KeyFormat::Pem).expect("encodes"), key)
        });
        assert_eq!(left, 0, "{}", engine.name());
    }
}

/// An elliptic-curve pair leaves nothing of its scalar, nor of its PEM.
#[test]
fn ec_pairs_leave_nothing() {
    struct Fixed([u8; 32]);
    impl RandomSource for Fixed {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), pairsmith_core::error::Error> {
            out.copy_from_slice(&self.0);
            Ok(())
        }
    }
    let _turn = turn();
    let scalar: [u8; 32] = std::array::from_fn(|i| 3 * i as u8 + 1);
    watch(&scalar);
    for curve in [Curve::P256, Curve::P256K] {
        let left = found_after(|| {
            let key = ec::generate(curve, Engine::best(), &mut Fixed(scalar)).expect("a pair");
            let others = ec::generate_many(curve, Engine::best(), 9, &mut Fixed(scalar));
            let pair = EncodedPair::from_ec(&key).expect("encodes");
            (pair.into_format(KeyFormat::Pem).expect("encodes"), key, others.expect("pairs"))
        });
        assert_eq!(left, 0);
        watch(&scalar);
    }
}

/// A pair of a library leaves nothing of its scalar or seed, nor of its documents; checked and tested.
#[test]
fn drawn_pairs_leave_nothing() {
    let _turn = turn();
    for kind in DrawnKind::ALL {
        let generate =
            || drawn::generate(kind, &mut HmacDrbg::new(b"zeroing", b"")).expect("a pair");
        // Tables are made, and what self-tests know is erased by nobody: it is published.
        let known = generate();
        watch(known.secret.expose());
        let pem = EncodedPair::from_drawn(&known).expect("encodes").into_format(KeyFormat::Pem);
        watch(pem.expect("encodes").0.expose());
        let left = found_after(|| {
            let key = generate();
            let pair = EncodedPair::from_drawn(&key).expect("encodes");
            let (private, public) = (pair.private_key.expose(), &pair.public_key);
            assert_eq!(drawn::require_halves(kind, private, public), Ok(()));
            assert_eq!(drawn::pairwise_consistency_test(kind, private, public), Ok(()));
            (pair.into_format(KeyFormat::Pem).expect("encodes"), key)
        });
        assert_eq!(left, 0, "{kind:?}");
    }
}

/// A pair that was asked for without plaintext leaves nothing that opening its blob gives.
#[test]
fn data_key_pairs_leave_nothing_of_ours() {
    let _turn = turn();
    let secret = secret_of(32);
    let version = "key-0123456789abcdefghijk-0123456789";
    for format in [KeyFormat::Der, KeyFormat::Pem] {
        let key = WrappingKey::new(SecretBytes::copy_of(&secret), version).expect("a key");
        let request = Request {
            spec: KeyPairSpec::Ec(Curve::P256),
            format,
            aad: b"",
            layout: Layout::Plain,
            with_plaintext: true,
        };
        let pair = generate::data_key_pair(&key, &request, Effort::of(Engine::best()), &Never);
        let pair = pair.expect("a pair");
        watch(pair.private_key.as_ref().expect("asked for").expose());
        let left = found_after(|| {
            let opened = key.open(Source::plain(&pair.blob, &pair.iv, b"")).expect("opens");
            (opened, pair, key)
        });
        assert_eq!(left, 0);
    }
}

/// A page erases what is taken from it: what was there is zero afterwards.
#[test]
fn a_locked_page_keeps_nothing() {
    let mut page = LockedPage::new().expect("memory");
    let secret = secret_of(PAGE);
    page.put(&secret);
    assert!(page.take(PAGE).expose() == secret);
    assert!(page.take(PAGE).expose() == [0; PAGE]);
}
