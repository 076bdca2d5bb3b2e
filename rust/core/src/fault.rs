//! Faults on request: a test names places where a bit shall flip, then generates a key.
//!
//! Compiled with the feature `fault-injection` only, which `rust/tests` turns on, and never without
//! debug assertions: no build that leaves this project has it. A plan belongs to one thread, so a search on one thread meets it; the
//! threads of a pool start with copies of the plan of whoever starts the pool.

use std::cell::RefCell;

use crate::error::Error;
use crate::natural::Natural;
use crate::secret::SecretBytes;

#[cfg(not(debug_assertions))]
compile_error!("fault-injection is for tests: it must not be in a build that is shipped");

/// Where a bit flips.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the answer of Fermat's test: one lane says the opposite.
    Lanes,
    /// In p as the search hands it over, before its proof.
    FoundP,
    /// In q as the search hands it over, before its proof.
    FoundQ,
    /// In Miller–Rabin's answer: bit i for number i, so 0 for p and 1 for q.
    Proof,
    /// In p after its proof, on its way into the key.
    GateP,
    /// In q after its proof, on its way into the key.
    GateQ,
    /// In a number of the finished key, in the order of RFC 8017 without e: n, d, p, q, dp, dq, `q_inv`.
    Key(usize),
    /// In a number that the consistency test has read back, in the order p, q, dp, dq, `q_inv`.
    Read(usize),
    /// In the signature modulo p (0) or q (1).
    Power(usize),
    /// In the signature, before it is verified.
    Signature,
    /// In a multiple of a curve's base point, before it is brought to two coordinates: in the words of
    /// x, y and z of eight lanes, 64 bits for each word, lane after lane.
    Multiple,
    /// In the private key of a kind that is drawn, once its public key is computed.
    DrawnSecret,
    /// In the public key of a kind that is drawn, as its library gives it.
    DrawnPublic,
    /// In the encoded private key.
    PrivateDocument,
    /// In the answers of the self-test of this name.
    SelfTest(&'static str),
    /// In the encoded public key.
    PublicDocument,
}

/// What the operating system gives in a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum System {
    /// Random bytes.
    #[default]
    Works,
    /// The first so many bytes of each thread, again and again.
    Repeats(usize),
    /// Random bytes, then the last eight of so many for ever.
    SticksAfter(usize),
    /// So many bytes, then an error.
    FailsAfter(usize),
    /// The same byte for ever.
    Constant(u8),
}

/// One bit that flips once.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// Which bit, counted from the least significant; in a document, from its first byte.
    pub bit: usize,
    /// How many passages through the place are spared before.
    pub after: usize,
}

thread_local! {
    static PLAN: RefCell<Vec<Fault>> = const { RefCell::new(vec![]) };
    static SYSTEM: RefCell<(System, Vec<u8>)> = const { RefCell::new((System::Works, vec![])) };
}

/// What `work` returns when it meets the faults, and how many of them it did not meet.
pub fn with<T>(faults: &[Fault], work: impl FnOnce() -> T) -> (T, usize) {
    PLAN.with_borrow_mut(|plan| *plan = faults.to_vec());
    let result = work();
    (result, PLAN.take().len())
}

/// What `work` returns where the system is such.
pub fn with_system<T>(system: System, work: impl FnOnce() -> T) -> T {
    SYSTEM.set((system, vec![]));
    let result = work();
    SYSTEM.take();
    result
}

/// What the system gives in place of `out`, which it has filled.
pub(crate) fn in_randomness(out: &mut [u8]) -> Result<(), Error> {
    SYSTEM.with_borrow_mut(|(system, given)| {
        for byte in out {
            *byte = match *system {
                System::Works => return Ok(()),
                System::Constant(byte) => byte,
                System::Repeats(after) if given.len() >= after => given[given.len() - after],
                System::SticksAfter(after) if given.len() >= after => given[given.len() - 8],
                System::FailsAfter(after) if given.len() >= after => return Err(Error::Random),
                _ => *byte,
            };
            given.push(*byte);
        }
        Ok(())
    })
}

/// The plan of this thread, for one that it starts.
pub(crate) fn plan() -> (Vec<Fault>, System) {
    (PLAN.with_borrow(Clone::clone), SYSTEM.with_borrow(|(system, _)| *system))
}

/// Goes by this plan from now on.
pub(crate) fn adopt((faults, system): (Vec<Fault>, System)) {
    PLAN.set(faults);
    SYSTEM.set((system, vec![]));
}

/// The bits that flip at this passage; `bits` are how many there are.
fn strikes(place: Place, bits: usize) -> Vec<usize> {
    PLAN.with_borrow_mut(|plan| {
        let mut struck = vec![];
        plan.retain_mut(|fault| {
            if fault.place != place {
                return true;
            }
            if fault.after > 0 {
                fault.after -= 1;
                return true;
            }
            struck.push(fault.bit % bits);
            false
        });
        struck
    })
}

pub(crate) fn in_self_test(name: &'static str) -> bool {
    !strikes(Place::SelfTest(name), 1).is_empty()
}

pub(crate) fn in_lanes(passed: u8) -> u8 {
    strikes(Place::Lanes, 8).into_iter().fold(passed, |mask, bit| mask ^ 1 << bit)
}

pub(crate) fn in_proofs(mut proofs: Vec<bool>) -> Vec<bool> {
    for number in strikes(Place::Proof, proofs.len()) {
        proofs[number] ^= true;
    }
    proofs
}

pub(crate) fn in_number(place: Place, mut number: Natural) -> Natural {
    for bit in strikes(place, 64 * number.limbs().len()) {
        number.limbs_mut()[bit / 64] ^= 1 << (bit % 64);
    }
    number
}

pub(crate) fn in_secret(place: Place, mut secret: SecretBytes) -> SecretBytes {
    flip(place, secret.expose_mut());
    secret
}

pub(crate) fn in_bytes(place: Place, mut bytes: Vec<u8>) -> Vec<u8> {
    flip(place, &mut bytes);
    bytes
}

pub(crate) fn in_words<'a>(place: Place, words: impl ExactSizeIterator<Item = &'a mut u64>) {
    let struck = strikes(place, 64 * words.len());
    for (i, word) in words.enumerate() {
        struck.iter().filter(|bit| *bit / 64 == i).for_each(|bit| *word ^= 1 << (bit % 64));
    }
}

fn flip(place: Place, bytes: &mut [u8]) {
    for bit in strikes(place, 8 * bytes.len()) {
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}
