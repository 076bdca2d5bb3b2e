//! AES-256-GCM (SP 800-38D) with 96-bit nonces and 128-bit tags: the primitive under every seal.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroize;

use crate::error::Error;

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
/// [`Error::InvalidLength`] for a message or Aad beyond the standard's limits; the message is erased.
pub fn seal(
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
/// [`Error::Decryption`] if key, Iv, Aad, ciphertext and tag do not belong together.
pub fn open<'a>(
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
