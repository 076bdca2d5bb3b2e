//! After a preparation nothing is left that a process makes once: no child of a fork meets it half
//! made.
//!
//! Tables are made once, so each case is a process of its own: the same test again, which knows by a
//! variable that it is the case.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use pairsmith_core::batch::{Batch, Order};
use pairsmith_core::generate::{self, Effort};
use pairsmith_core::health::examine;
use pairsmith_core::interrupt::Never;
use pairsmith_core::lanes::Engine;
use pairsmith_core::once::{Count, count};
use pairsmith_core::pool::Pool;
use pairsmith_core::prepare;
use pairsmith_core::random::OsRandom;
use pairsmith_core::secret::SecretBytes;
use pairsmith_core::seeded;
use pairsmith_core::spec::{KeyFormat, KeyPairSpec, RsaSize};
use pairsmith_core::stream::PairStream;
use pairsmith_core::wrap::{Layout, WrappingKey};
use pairsmith_tests::engines;

const CASE: &str = "PAIRSMITH_PREPARE_CASE";
const PATIENCE: Duration = Duration::from_secs(120);

/// Every way to pairs of a kind, and both curves' pairwise tests.
fn work(spec: KeyPairSpec, engine: Engine) {
    // RSA pairs have no such option.
    let options = if matches!(spec, KeyPairSpec::Rsa(_)) { &[false][..] } else { &[false, true] };
    for &pairwise_test in options {
        let effort = Effort { threads: 2, pairwise_test, ..Effort::of(engine) };
        let mut candidates = OsRandom::buffered();
        generate::key_pair(spec, effort, &mut candidates, &Never).expect("a pair");
        seeded::key_pair(spec, effort, &[7; 16], &Never).expect("a pair");
        let mut stream = PairStream::new(spec, engine).with_pairwise_test(pairwise_test);
        stream.next(1, &Never).expect("pairs");
        let pool = Pool::start(&[(spec, 1)], engine, pairwise_test).expect("memory");
        assert!(pool.wait_full(PATIENCE));
        let key = WrappingKey::new(SecretBytes::zero(32), &"v".repeat(36)).expect("a key");
        let order = Order {
            key: Arc::new(key),
            spec,
            format: KeyFormat::Pem,
            aad: vec![],
            layout: Layout::Advance,
            with_plaintext: true,
            engine,
            pairwise_test,
        };
        let batch = Batch::start(order, 2, 2);
        let mut left = 2;
        while left > 0 {
            left -= batch.next_group(PATIENCE).expect("no failure").expect("in time").len();
        }
    }
}

/// Whatever is done with pairs of a kind after its preparation makes nothing more, by any engine.
#[test]
fn nothing_is_left_to_be_made() {
    // The larger sizes take long without lanes, and go the same way.
    let is_quick = |&(spec, engine): &(KeyPairSpec, Engine)| {
        let large = [RsaSize::Bits3072, RsaSize::Bits4096].map(KeyPairSpec::Rsa);
        engine == Engine::best() || !large.contains(&spec)
    };
    let all = engines().flat_map(|engine| KeyPairSpec::ALL.map(|spec| (spec, engine)));
    let cases: Vec<(KeyPairSpec, Engine)> = all.filter(is_quick).collect();
    let Ok(case) = std::env::var(CASE) else {
        return (0..cases.len()).for_each(|case| again("nothing_is_left_to_be_made", case));
    };
    let (spec, engine) = cases[case.parse::<usize>().expect("a number")];
    prepare::pair(spec, engine).expect("prepared");
    let prepared = count();
    // Libraries of curves over 2^255 − 19 and of lattices make no tables.
    assert!(prepared.made > 0 || matches!(spec, KeyPairSpec::Drawn(_)));
    work(spec, engine);
    assert_eq!(count(), Count { late: 0, ..prepared }, "{spec:?} {engine:?}");
}

/// After a preparation of everything the self-tests make nothing; without one they do, and that is
/// counted.
#[test]
fn self_tests_make_nothing_more() {
    let Ok(case) = std::env::var(CASE) else {
        return (0..2).for_each(|case| again("self_tests_make_nothing_more", case));
    };
    let engine = Engine::best();
    if case == "0" {
        let _ = prepare::everything(engine);
    }
    let before = count();
    examine(engine, |name, passed| assert!(passed, "{name}"));
    assert_eq!(count().late > 0, case == "1");
    assert_eq!(count() == before, case == "0");
}

fn again(test: &str, case: usize) {
    let program = std::env::current_exe().expect("this program");
    let test = format!("{}::{test}", module_path!().split_once("::").expect("a module").1);
    let arguments = ["--exact", &test, "--nocapture"];
    let case = case.to_string();
    let output =
        Command::new(program).args(arguments).env(CASE, &case).output().expect("a process");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{case}: {said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "{said}");
}
