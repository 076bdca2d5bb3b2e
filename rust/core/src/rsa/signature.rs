//! A signature that a key pair makes to show that it can: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017,
//! section 8.2) of a constant message.

use ring::digest::{SHA256, digest};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey};

use super::reader::Numbers;
use crate::error::Error;
#[cfg(feature = "fault-injection")]
use crate::fault::{self, Place};
use crate::halves::public_half;
use crate::lanes::{Engine, LANES, product_modulo, residue};
use crate::natural::Natural;

const MESSAGE: &[u8] = b"pairsmith pairwise consistency test";

/// `DigestInfo` of SHA-256 up to the digest (RFC 8017, section 9.2, note 1).
const DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

/// The keys' signatures, by the fastest that this engine has: its own lanes, or ring. Keys come with the
/// documents that they were read from, and have one size.
///
/// # Errors
/// [`Error::Consistency`] for a key that cannot sign.
pub(super) fn of_each(engine: Engine, keys: &[(&[u8], Numbers)]) -> Result<Vec<Vec<u8>>, Error> {
    match engine {
        Engine::Avx512 => {
            let numbers: Vec<&Numbers> = keys.iter().map(|(_, numbers)| numbers).collect();
            let groups = numbers.chunks(LANES / 2).map(|keys| by_lanes(engine, keys));
            Ok(groups.collect::<Result<Vec<_>, Error>>()?.concat())
        }
        Engine::Scalar | Engine::Avx2 => keys.iter().map(|(pkcs8, _)| by_ring(pkcs8)).collect(),
    }
}

/// Whether the public half verifies the signature: ring says.
///
/// # Errors
/// [`Error::Consistency`] if it does not.
pub(super) fn verify(pkcs8: &[u8], spki: &[u8], signature: &[u8]) -> Result<(), Error> {
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_half(pkcs8, spki)?)
        .verify(MESSAGE, signature)
        .map_err(|_| Error::Consistency)
}

fn by_ring(pkcs8: &[u8]) -> Result<Vec<u8>, Error> {
    let key = ring::rsa::KeyPair::from_pkcs8(pkcs8).map_err(|_| Error::Consistency)?;
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &ring::rand::SystemRandom::new(), MESSAGE, &mut signature)
        .map_err(|_| Error::Consistency)?;
    Ok(signature)
}

/// RFC 8017, section 5.1.2, step 2.b, for up to four keys of one size. No blinding: what is signed is
/// a constant, and the time of each step depends on lengths alone.
fn by_lanes(engine: Engine, keys: &[&Numbers]) -> Result<Vec<Vec<u8>>, Error> {
    let limbs = keys[0].p.limbs().len();
    let primes: Vec<&Natural> = keys.iter().flat_map(|key| [&key.p, &key.q]).collect();
    // What the lanes take; with other numbers nothing is signed.
    let fit = |prime: &&Natural| {
        let words = prime.limbs();
        words.len() == limbs && words[0] & 1 == 1 && words[limbs - 1] >> 63 == 1
    };
    if !primes.iter().all(fit) {
        return Err(Error::Consistency);
    }
    let message = encoded_message(2 * limbs);
    let bases: Vec<Natural> = primes.iter().map(|prime| residue(&message, prime)).collect();
    let exponents: Vec<&Natural> = keys.iter().flat_map(|key| [&key.dp, &key.dq]).collect();
    let powers = engine.power(&primes, &bases.iter().collect::<Vec<_>>(), &exponents);
    #[cfg(feature = "fault-injection")]
    let powers: Vec<Natural> = powers
        .into_iter()
        .enumerate()
        .map(|(i, power)| fault::in_number(Place::Power(i), power))
        .collect();
    let (halves, _) = powers.as_chunks();
    Ok(keys.iter().zip(halves).map(|(key, halves)| whole(key, halves)).collect())
}

/// The signature that is these modulo p and q.
fn whole(Numbers { p, q, q_inv, .. }: &Numbers, [s_p, s_q]: &[Natural; 2]) -> Vec<u8> {
    // q < 2p, as both have the same length; so is what is below q.
    let h = product_modulo(&s_p.minus_modulo(&s_q.reduced_once_by(p), p), q_inv, p);
    let signature = Natural::product(&h, q).plus(s_q);
    let mut bytes = vec![0; 8 * signature.limbs().len()];
    signature.write_be_bytes(&mut bytes);
    #[cfg(feature = "fault-injection")]
    let bytes = fault::in_bytes(Place::Signature, bytes);
    bytes
}

/// EMSA-PKCS1-v1_5 of the message (RFC 8017, section 9.2), in so many limbs.
fn encoded_message(limbs: usize) -> Natural {
    let digest = digest(&SHA256, MESSAGE);
    let mut bytes = vec![0xff; 8 * limbs];
    let end = [&[0][..], &DIGEST_INFO, digest.as_ref()].concat();
    let start = bytes.len() - end.len();
    bytes[..2].copy_from_slice(&[0, 1]);
    bytes[start..].copy_from_slice(&end);
    Natural::from_be_bytes(&bytes)
}
