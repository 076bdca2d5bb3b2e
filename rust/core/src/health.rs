//! Every self-test at once, for whoever wants to know before work begins.

use crate::aead;
use crate::drawn;
use crate::ec;
use crate::lanes::Engine;
use crate::primes;
use crate::root_key;
use crate::rsa;
use crate::seal;
use crate::self_test::SelfTest;
use crate::spec::{Curve, DrawnKind, RsaSize};

/// Runs the self-test of each primitive that an engine's pairs rely on, whether or not it has run,
/// and tells after each its name and whether the answers were right. Ones that were not stop the
/// module: see [`crate::error::Error::SelfTest`].
pub fn examine(engine: Engine, mut tell: impl FnMut(&'static str, bool)) {
    let mut one = |test: &SelfTest, known_answers: &dyn Fn() -> bool| {
        tell(test.name(), test.run(known_answers));
    };
    one(&root_key::SELF_TEST, &root_key::known_answer_is_right);
    one(&seal::SELF_TEST, &seal::known_answers_are_right);
    one(&aead::SELF_TEST, &aead::known_answers_are_right);
    one(rsa::known_answers::self_test(engine), &|| rsa::known_answers::are_right(engine));
    for size in RsaSize::ALL {
        use primes::known_answers::{are_right, self_test};
        let limbs = size.prime_bits() / 64;
        one(self_test(engine, limbs), &|| are_right(engine, limbs));
    }
    for curve in [Curve::P256, Curve::P256K] {
        use ec::known_answers as known;
        one(known::self_test(curve, engine), &|| known::are_right(curve, engine));
        one(known::signature_self_test(curve), &|| known::signatures_are_right(curve));
    }
    for kind in DrawnKind::ALL {
        use drawn::known_answers as known;
        one(known::self_test(kind), &|| known::are_right(kind));
        one(known::pairwise_self_test(kind), &|| known::pairwise_is_right(kind));
    }
}
