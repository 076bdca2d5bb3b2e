//! The self-tests pass where all is well, on every engine.

use std::collections::HashSet;

use pairsmith_core::error::Error;
use pairsmith_core::health::examine;
use pairsmith_core::lanes::Engine;
use pairsmith_core::self_test::{SelfTest, bytes, healthy};
use pairsmith_core::spec::DrawnKind;
use pairsmith_tests::for_each_engine;

for_each_engine!(every_primitive_is_right);

/// Each primitive is examined once, under a name of its own, and is right, again and again.
fn every_primitive_is_right(engine: Engine) {
    for _ in 0..2 {
        let mut names = HashSet::new();
        examine(engine, |name, passed| {
            assert!(passed, "{name} on {engine:?}");
            assert!(names.insert(name), "{name} twice");
        });
        assert_eq!(names.len(), 11 + 2 * DrawnKind::ALL.len());
    }
    assert_eq!(healthy(), Ok(()));
}

/// A test that has passed is not run again before a use, and is when it is asked for.
#[test]
fn a_test_runs_once() {
    static TEST: SelfTest = SelfTest::new("of a test");
    let mut runs = 0;
    for _ in 0..3 {
        let right = || {
            runs += 1;
            true
        };
        assert_eq!(TEST.before_use(right), Ok(()));
    }
    assert_eq!(runs, 1);
    assert!(TEST.run(|| true));
    assert_ne!(TEST.before_use(|| false), Err(Error::SelfTest));
}

/// Hexadecimal digits of known answers are read right, and only so many.
#[test]
fn digits_are_read() {
    assert_eq!(bytes::<3>("00fFa5"), [0, 0xff, 0xa5]);
    assert!(std::panic::catch_unwind(|| bytes::<2>("00ffa")).is_err());
    assert!(std::panic::catch_unwind(|| bytes::<1>("0g")).is_err());
}
