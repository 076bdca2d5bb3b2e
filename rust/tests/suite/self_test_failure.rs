//! A self-test that fails stops everything, until the process ends.
//!
//! What fails stays failed, so each case is a process of its own: the same test again, which knows
//! by a variable that it is the case.

use std::process::Command;

use pairsmith_core::aead;
use pairsmith_core::batch::{Batch, Order};
use pairsmith_core::drawn;
use pairsmith_core::ec;
use pairsmith_core::error::Error;
use pairsmith_core::fault::{self, Fault, Place};
use pairsmith_core::generate::{self, DataKeyPair, Effort, Request};
use pairsmith_core::health::examine;
use pairsmith_core::interrupt::Never;
use pairsmith_core::lanes::Engine;
use pairsmith_core::pool::Pool;
use pairsmith_core::purpose::Purpose;
use pairsmith_core::random::OsRandom;
use pairsmith_core::root_key::RootKey;
use pairsmith_core::rsa;
use pairsmith_core::secret::SecretBytes;
use pairsmith_core::self_test::healthy;
use pairsmith_core::service_key::ServiceKey;
use pairsmith_core::spec::{Curve, DrawnKind, KeyFormat, KeyPairSpec, RsaSize};
use pairsmith_core::stream::PairStream;
use pairsmith_core::wrap::{Layout, Source, WrappingKey};

const CASE: &str = "PAIRSMITH_TEST_CASE";
const VERSION: &str = "key-0123456789abcdefghijk-0123456789";
const RSA: KeyPairSpec = KeyPairSpec::Rsa(RsaSize::Bits2048);

type FirstUse = fn() -> Option<Error>;

/// A primitive whose self-test fails, and the first work that relies on it.
const CASES: [(&str, FirstUse); 31] = [
    ("SHA-256", || RootKey::new(secret()).err()),
    ("HKDF-SHA256", || seal().err()),
    ("AES-256-GCM", || seal().err()),
    ("RSA keys and signatures", || generated(RSA).err()),
    ("1024-bit primes", || generated(RSA).err()),
    ("1536-bit primes", || generated(KeyPairSpec::Rsa(RsaSize::Bits3072)).err()),
    ("2048-bit primes", || generated(KeyPairSpec::Rsa(RsaSize::Bits4096)).err()),
    ("P-256", || generated(KeyPairSpec::Ec(Curve::P256)).err()),
    ("P-256 signatures", || tested(KeyPairSpec::Ec(Curve::P256))),
    ("secp256k1 signatures", || tested(KeyPairSpec::Ec(Curve::P256K))),
    ("secp256k1", || generated(KeyPairSpec::Ec(Curve::P256K)).err()),
    ("P-384", || generated(KeyPairSpec::Drawn(DrawnKind::P384)).err()),
    ("P-521", || generated(KeyPairSpec::Drawn(DrawnKind::P521)).err()),
    ("Ed25519", || generated(KeyPairSpec::Drawn(DrawnKind::Ed25519)).err()),
    ("X25519", || generated(KeyPairSpec::Drawn(DrawnKind::X25519)).err()),
    ("ML-KEM-512", || generated(KeyPairSpec::Drawn(DrawnKind::MlKem512)).err()),
    ("ML-KEM-768", || generated(KeyPairSpec::Drawn(DrawnKind::MlKem768)).err()),
    ("ML-KEM-1024", || generated(KeyPairSpec::Drawn(DrawnKind::MlKem1024)).err()),
    ("ML-DSA-44", || generated(KeyPairSpec::Drawn(DrawnKind::MlDsa44)).err()),
    ("ML-DSA-65", || generated(KeyPairSpec::Drawn(DrawnKind::MlDsa65)).err()),
    ("ML-DSA-87", || generated(KeyPairSpec::Drawn(DrawnKind::MlDsa87)).err()),
    ("P-384 signatures", || tested(KeyPairSpec::Drawn(DrawnKind::P384))),
    ("P-521 signatures", || tested(KeyPairSpec::Drawn(DrawnKind::P521))),
    ("Ed25519 signatures", || tested(KeyPairSpec::Drawn(DrawnKind::Ed25519))),
    ("X25519 agreement", || tested(KeyPairSpec::Drawn(DrawnKind::X25519))),
    ("ML-KEM-512 encapsulation", || tested(KeyPairSpec::Drawn(DrawnKind::MlKem512))),
    ("ML-KEM-768 encapsulation", || tested(KeyPairSpec::Drawn(DrawnKind::MlKem768))),
    ("ML-KEM-1024 encapsulation", || tested(KeyPairSpec::Drawn(DrawnKind::MlKem1024))),
    ("ML-DSA-44 signatures", || tested(KeyPairSpec::Drawn(DrawnKind::MlDsa44))),
    ("ML-DSA-65 signatures", || tested(KeyPairSpec::Drawn(DrawnKind::MlDsa65))),
    ("ML-DSA-87 signatures", || tested(KeyPairSpec::Drawn(DrawnKind::MlDsa87))),
];

fn secret() -> SecretBytes {
    SecretBytes::zero(32)
}

fn key() -> WrappingKey {
    WrappingKey::new(secret(), VERSION).expect("a key")
}

fn seal() -> Result<Vec<u8>, Error> {
    let sealed = key().seal(
        b"message",
        Purpose::Message,
        b"",
        Layout::Plain,
        &mut OsRandom::unbuffered(),
    )?;
    Ok(sealed.blob)
}

fn generated(spec: KeyPairSpec) -> Result<DataKeyPair, Error> {
    let request = Request {
        spec,
        format: KeyFormat::Pem,
        aad: b"",
        layout: Layout::Plain,
        with_plaintext: true,
    };
    generate::data_key_pair(&key(), &request, Effort::of(Engine::best()), &Never)
}

/// A pair with the test that is an option.
fn tested(spec: KeyPairSpec) -> Option<Error> {
    let effort = Effort { pairwise_test: true, ..Effort::of(Engine::best()) };
    generate::key_pair(spec, effort, &mut OsRandom::buffered(), &Never).err()
}

/// A batch of one pair, started now.
fn batch(spec: KeyPairSpec) -> Batch {
    let order = Order {
        key: key().into(),
        spec,
        format: KeyFormat::Der,
        aad: vec![],
        layout: Layout::Plain,
        with_plaintext: false,
        engine: Engine::best(),
        pairwise_test: false,
    };
    Batch::start(order, 1, 1)
}

/// What every operation of the core says.
fn everything(root: Option<&RootKey>) -> Vec<Option<Error>> {
    let specs = KeyPairSpec::ALL;
    let mut said = vec![
        healthy().err(),
        RootKey::new(secret()).err(),
        seal().err(),
        key().open(Source::plain(&[1; 80], &[0; 12], b"")).err(),
        aead::seal(&[0; 32], [0; 12], b"", &mut [0; 5]).err(),
        aead::open(&[0; 32], [0; 12], b"", &mut [0; 25]).err(),
        generate::random_bytes(4).err(),
        ServiceKey::new(secret(), VERSION).err(),
        generate::data_key(&key(), 32, b"", Layout::Advance).err(),
        rsa::pairwise_consistency_test(Engine::best(), b"", b"").err(),
        ec::pairwise_consistency_test(Curve::P256, b"", b"").err(),
        drawn::pairwise_consistency_test(DrawnKind::MlDsa44, b"", b"").err(),
        drawn::require_halves(DrawnKind::MlKem512, b"", b"").err(),
    ];
    for spec in specs {
        let patience = std::time::Duration::from_secs(60);
        said.push(generated(spec).err());
        said.push(PairStream::new(spec, Engine::best()).next(1, &Never).err());
        said.push(batch(spec).next_group(patience).err());
        said.push(Pool::start(&[(spec, 1)], Engine::best(), false).err());
    }
    if let Some(root) = root {
        let random = &mut OsRandom::unbuffered();
        said.push(root.create_version("key", VERSION, random).err());
        said.push(root.create_service_version(VERSION, random).err());
        said.push(root.open_version(&[2; 100], "key", VERSION).err());
        said.push(root.open_service_version(&[2; 100], VERSION).err());
        said.push(root.open_version_1(&[1; 100], "key", VERSION).err());
    }
    said
}

/// The case that this process is for; `None` in the process that starts the others.
fn case() -> Option<String> {
    std::env::var(CASE).ok()
}

/// Runs the test of this name again, in another process, for one case.
fn again(test: &str, case: &str) {
    let program = std::env::current_exe().expect("this program");
    let test = format!("{}::{test}", module_path!().split_once("::").expect("a module").1);
    let arguments = ["--exact", &test, "--nocapture"];
    let output = Command::new(program).args(arguments).env(CASE, case).output().expect("a process");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{case}: {said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "{said}");
}

/// Whichever primitive is wrong: its first use is refused, and so is everything from then on.
#[test]
fn a_failure_stops_everything() {
    let Some(case) = case() else {
        return CASES.iter().for_each(|(name, _)| again("a_failure_stops_everything", name));
    };
    let (name, first_use) = CASES.into_iter().find(|(name, _)| *name == case).expect("a case");
    // A root key that is there already must stop as well.
    let root = if name == "SHA-256" { None } else { RootKey::new(secret()).ok() };
    assert_eq!(healthy(), Ok(()));
    let fault = Fault { place: Place::SelfTest(name), bit: 0, after: 0 };
    assert_eq!(fault::with(&[fault], first_use), (Some(Error::SelfTest), 0));
    for (i, said) in everything(root.as_ref()).into_iter().enumerate() {
        assert_eq!(said, Some(Error::SelfTest), "{name}: operation {i}");
    }
    // The answers are right again, and nothing goes on all the same.
    examine(Engine::best(), |name, passed| assert!(passed, "{name}"));
    assert_eq!(healthy(), Err(Error::SelfTest));
}

/// A failure that comes while a pool is full: what waits is not handed out.
#[test]
fn a_failure_stops_a_full_pool() {
    if case().is_none() {
        return again("a_failure_stops_a_full_pool", "pool");
    }
    let pool = Pool::start(&[(RSA, 2)], Engine::best(), false).expect("memory");
    assert!(pool.wait_full(std::time::Duration::from_secs(60)));
    let fault = Fault { place: Place::SelfTest("P-256"), bit: 0, after: 0 };
    let mut wrong = vec![];
    let note = |name, passed: bool| wrong.extend((!passed).then_some(name));
    let ((), missed) = fault::with(&[fault], || examine(Engine::best(), note));
    assert_eq!((missed, wrong), (0, vec!["P-256"]));
    assert!(pool.take(RSA).is_none());
    assert_eq!(generated(RSA).err(), Some(Error::SelfTest));
}
