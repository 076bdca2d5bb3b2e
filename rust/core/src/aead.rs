//! AES-256-GCM (SP 800-38D) with 96-bit nonces and 128-bit tags: the primitive under every seal.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroize;

use crate::error::Error;
use crate::self_test::{SelfTest, bytes};

pub(crate) static SELF_TEST: SelfTest = SelfTest::new("AES-256-GCM");

/// Bytes of a key.
pub const KEY_LENGTH: usize = 32;
/// Bytes of a nonce, "Iv" on the wire.
pub const IV_LENGTH: usize = 12;
/// Bytes of the tag that follows a ciphertext.
pub const TAG_LENGTH: usize = 16;

/// Encrypts `message` in place and returns its tag. A key and an Iv never meet twice: that is the
/// caller's to see to.
///
/// # Errors
/// [`Error::InvalidLength`] for a message or Aad beyond the standard's limits; [`Error::SelfTest`].
/// The message is erased.
pub fn seal(
    key: &[u8; KEY_LENGTH],
    iv: [u8; IV_LENGTH],
    aad: &[u8],
    message: &mut [u8],
) -> Result<[u8; TAG_LENGTH], Error> {
    SELF_TEST.before_use(known_answers_are_right).inspect_err(|_| message.zeroize())?;
    sealed(key, iv, aad, message)
}

fn sealed(
    key: &[u8; KEY_LENGTH],
    iv: [u8; IV_LENGTH],
    aad: &[u8],
    message: &mut [u8],
) -> Result<[u8; TAG_LENGTH], Error> {
    let nonce = Nonce::assume_unique_for_key(iv);
    let Ok(tag) = ready(key).seal_in_place_separate_tag(nonce, Aad::from(aad), message) else {
        message.zeroize();
        return Err(Error::InvalidLength);
    };
    Ok(std::array::from_fn(|i| tag.as_ref()[i]))
}

/// Decrypts `sealed`, a ciphertext with its tag, in place and returns the message at its start.
///
/// # Errors
/// [`Error::Decryption`] if key, Iv, Aad, ciphertext and tag do not belong together;
/// [`Error::SelfTest`].
pub fn open<'a>(
    key: &[u8; KEY_LENGTH],
    iv: [u8; IV_LENGTH],
    aad: &[u8],
    sealed: &'a mut [u8],
) -> Result<&'a mut [u8], Error> {
    SELF_TEST.before_use(known_answers_are_right)?;
    opened(key, iv, aad, sealed)
}

fn opened<'a>(
    key: &[u8; KEY_LENGTH],
    iv: [u8; IV_LENGTH],
    aad: &[u8],
    sealed: &'a mut [u8],
) -> Result<&'a mut [u8], Error> {
    let nonce = Nonce::assume_unique_for_key(iv);
    ready(key).open_in_place(nonce, Aad::from(aad), sealed).map_err(|_| Error::Decryption)
}

fn ready(key: &[u8; KEY_LENGTH]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("the key has AES-256's 32 bytes"))
}

/// Test case 16 of the specification of GCM that was submitted to NIST, there and back; and a changed
/// Aad must be noticed.
pub(crate) fn known_answers_are_right() -> bool {
    const KEY: [u8; KEY_LENGTH] =
        bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    const IV: [u8; IV_LENGTH] = bytes("cafebabefacedbaddecaf888");
    const AAD: [u8; 20] = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    const MESSAGE: [u8; 60] = bytes(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
         1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    );
    const SEALED: [u8; 60 + TAG_LENGTH] = bytes(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
         8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662\
         76fc6ece0f4e1768cddf8853bb2d551b",
    );
    let mut message = MESSAGE;
    let seals = sealed(&KEY, IV, &AAD, &mut message)
        .is_ok_and(|tag| SEALED.starts_with(&message) && SEALED.ends_with(&tag));
    let opens = opened(&KEY, IV, &AAD, &mut SEALED.clone()).is_ok_and(|found| *found == MESSAGE);
    seals && opens && opened(&KEY, IV, &AAD[1..], &mut SEALED.clone()).is_err()
}
