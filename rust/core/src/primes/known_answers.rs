//! Primes of the sizes that are searched for, published long ago, and numbers beside them that are
//! none: through the same arithmetic that a candidate goes through.

use crate::error::Error;
use crate::lanes::Engine;
use crate::natural::Natural;
use crate::primes::miller_rabin;
use crate::random::HmacDrbg;
use crate::self_test::{SelfTest, bytes};

const SIZES: [usize; 3] = [16, 24, 32];

static SELF_TESTS: [[SelfTest; SIZES.len()]; Engine::ALL.len()] = [const {
    [
        SelfTest::new("1024-bit primes"),
        SelfTest::new("1536-bit primes"),
        SelfTest::new("2048-bit primes"),
    ]
}; Engine::ALL.len()];

/// The test of an engine for numbers of 16, 24 or 32 limbs.
///
/// # Panics
///
/// For any other limb count.
pub(crate) fn self_test(engine: Engine, limbs: usize) -> &'static SelfTest {
    let size = SIZES.iter().position(|size| *size == limbs).expect("1024, 1536 or 2048 bits");
    &SELF_TESTS[engine as usize][size]
}

/// Passes the test.
///
/// # Errors
/// [`Error::SelfTest`] if it or any other fails.
pub(crate) fn before_use(engine: Engine, limbs: usize) -> Result<(), Error> {
    self_test(engine, limbs).before_use(|| are_right(engine, limbs))
}

/// Whether Fermat's and Miller–Rabin's tests tell the prime from the composite, in every lane.
pub(crate) fn are_right(engine: Engine, limbs: usize) -> bool {
    let prime = Natural::from_be_bytes(match limbs {
        16 => &PRIME_1024,
        24 => &PRIME_1536,
        _ => &PRIME_2048,
    });
    let mut composite = prime.copy();
    // The prime less 8, which three divides: 7 mod 8 as well.
    composite.limbs_mut()[0] -= 8;
    let is_prime = [true, false, false, true, false, true, true, false];
    let is_prime = &is_prime[..engine.width().max(2)];
    let numbers = is_prime.iter().map(|is| if *is { &prime } else { &composite });
    let numbers: Vec<&Natural> = numbers.collect();
    let mut bases = HmacDrbg::new(b"pairsmith self-test", b"");
    let proofs = miller_rabin::rounds_passed(engine, &numbers, 1, &mut bases);
    // One or two numbers take another way in some engines.
    let pair = miller_rabin::rounds_passed(engine, &numbers[..2], 1, &mut bases);
    let passed = engine.base2_fermat(&numbers);
    proofs.is_ok_and(|proofs| proofs == is_prime)
        && pair.is_ok_and(|proofs| proofs == is_prime[..2])
        && is_prime.iter().enumerate().all(|(i, is)| (passed >> i & 1 == 1) == *is)
}

/// RFC 2409, 6.2.
const PRIME_1024: [u8; 128] = bytes(
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22\
    514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6\
    f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381\
    ffffffffffffffff",
);
/// RFC 3526, 2.
const PRIME_1536: [u8; 192] = bytes(
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22\
    514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6\
    f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3d\
    c2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb\
    9ed529077096966d670c354e4abc9804f1746c08ca237327ffffffffffffffff",
);
/// RFC 3526, 3.
const PRIME_2048: [u8; 256] = bytes(
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22\
    514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6\
    f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3d\
    c2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb\
    9ed529077096966d670c354e4abc9804f1746c08ca18217c32905e462e36ce3be39e772c180e8603\
    9b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183995497cea956ae515d2261898fa0510\
    15728e5a8aacaa68ffffffffffffffff",
);
