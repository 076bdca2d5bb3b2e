//! Known answers of each kind, before its first use: a public key, and what its halves make of an
//! input. What they are from stands with each.

use ring::digest::{SHA256, digest};

use super::arithmetic;
use crate::error::Error;
use crate::secret::SecretBytes;
use crate::self_test::SelfTest;
use crate::spec::DrawnKind;

const KINDS: usize = DrawnKind::ALL.len();

static PUBLIC_KEYS: [SelfTest; KINDS] = [
    SelfTest::new("P-384"),
    SelfTest::new("P-521"),
    SelfTest::new("Ed25519"),
    SelfTest::new("X25519"),
    SelfTest::new("ML-KEM-512"),
    SelfTest::new("ML-KEM-768"),
    SelfTest::new("ML-KEM-1024"),
    SelfTest::new("ML-DSA-44"),
    SelfTest::new("ML-DSA-65"),
    SelfTest::new("ML-DSA-87"),
];
static PAIRWISE: [SelfTest; KINDS] = [
    SelfTest::new("P-384 signatures"),
    SelfTest::new("P-521 signatures"),
    SelfTest::new("Ed25519 signatures"),
    SelfTest::new("X25519 agreement"),
    SelfTest::new("ML-KEM-512 encapsulation"),
    SelfTest::new("ML-KEM-768 encapsulation"),
    SelfTest::new("ML-KEM-1024 encapsulation"),
    SelfTest::new("ML-DSA-44 signatures"),
    SelfTest::new("ML-DSA-65 signatures"),
    SelfTest::new("ML-DSA-87 signatures"),
];

/// The test of a kind's public keys.
pub(crate) fn self_test(kind: DrawnKind) -> &'static SelfTest {
    &PUBLIC_KEYS[kind as usize]
}

/// The test of what a kind's pairwise test relies on.
pub(crate) fn pairwise_self_test(kind: DrawnKind) -> &'static SelfTest {
    &PAIRWISE[kind as usize]
}

/// Passes the test of a kind's public keys.
///
/// # Errors
/// [`Error::SelfTest`] if it or any other fails.
pub(crate) fn before_use(kind: DrawnKind) -> Result<(), Error> {
    self_test(kind).before_use(|| are_right(kind))
}

/// Passes the test of what a kind's pairwise test relies on.
///
/// # Errors
/// As [`before_use`].
pub(crate) fn pairwise_before_use(kind: DrawnKind) -> Result<(), Error> {
    pairwise_self_test(kind).before_use(|| pairwise_is_right(kind))
}

/// Whether the known private key gives its public key.
pub(crate) fn are_right(kind: DrawnKind) -> bool {
    let (arithmetic, known) = (arithmetic(kind), arithmetic(kind).known());
    let public = arithmetic.prepare().ok().and_then(|()| arithmetic.public_key(known.secret));
    public.is_some_and(|public| hash(&public) == known.public && arithmetic.is_sound(&public))
}

/// Whether the known halves give their answer, and a half that is another pair's is refused.
pub(crate) fn pairwise_is_right(kind: DrawnKind) -> bool {
    fits(kind) == Some(true)
}

fn fits(kind: DrawnKind) -> Option<bool> {
    let (arithmetic, known) = (arithmetic(kind), arithmetic(kind).known());
    arithmetic.prepare().ok()?;
    let public = arithmetic.public_key(known.secret)?;
    let answer = arithmetic.tried_on_each_other(known.secret, &public, known.input)?;
    let mut other = SecretBytes::copy_of(known.secret);
    // Where no kind's form fixes a bit, and in that half of an ML-KEM seed that its public key comes from.
    other.expose_mut()[known.secret.len() / 4] ^= 1;
    let refused = arithmetic.tried_on_each_other(other.expose(), &public, known.input).is_none();
    Some(refused && hash(&answer) == known.answer)
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}
