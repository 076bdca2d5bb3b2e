//! Base64 (RFC 4648, section 4), with padding.
//!
//! It is computed, not looked up: instructions and addresses depend on the length alone. It is done by
//! lines of PEM, which compilers make vectors of. `pem-rfc7468` is what it is tested against.

/// Bytes of a block, and the characters that they take: a full line of PEM.
pub(super) const BLOCK: (usize, usize) = (48, 64);

/// Characters that so many bytes take.
#[must_use]
pub const fn length(bytes: usize) -> usize {
    4 * bytes.div_ceil(3)
}

/// Writes bytes into the beginning of `out`, and returns what is behind them.
///
/// # Panics
/// If `out` is shorter than [`length`] says.
pub fn write<'a>(bytes: &[u8], out: &'a mut [u8]) -> &'a mut [u8] {
    let (full, last) = bytes.as_chunks::<{ BLOCK.0 }>();
    let (blocks, out) = out.split_at_mut(BLOCK.1 * full.len());
    for (block, bytes) in blocks.as_chunks_mut::<{ BLOCK.1 }>().0.iter_mut().zip(full) {
        *block = encode(bytes);
    }
    write_last(last, out)
}

/// Writes less than a block.
pub(super) fn write_last<'a>(bytes: &[u8], out: &'a mut [u8]) -> &'a mut [u8] {
    let (text, rest) = out.split_at_mut(length(bytes.len()));
    let mut padded = [0; BLOCK.0];
    padded[..bytes.len()].copy_from_slice(bytes);
    text.copy_from_slice(&encode(&padded)[..text.len()]);
    let written = (8 * bytes.len()).div_ceil(6);
    text[written..].fill(b'=');
    rest
}

pub(super) fn encode(bytes: &[u8; BLOCK.0]) -> [u8; BLOCK.1] {
    let mut text = [0; BLOCK.1];
    for ([w, x, y, z], [a, b, c]) in
        text.as_chunks_mut::<4>().0.iter_mut().zip(bytes.as_chunks::<3>().0)
    {
        *w = a >> 2;
        *x = (a << 4 | b >> 4) & 63;
        *y = (b << 2 | c >> 6) & 63;
        *z = c & 63;
    }
    text.map(character)
}

/// A to Z, a to z, 0 to 9, + and / for 0 to 63.
fn character(value: u8) -> u8 {
    // All ones if the value is above the limit, which both are less than 128 apart.
    let above = |limit: u8| (limit.wrapping_sub(value) >> 7).wrapping_neg();
    let [upper, lower, digits, plus] =
        [b'A', b'a' - 26, b'0'.wrapping_sub(52), b'+'.wrapping_sub(62)];
    let step = |limit, from: u8, to: u8| above(limit) & to.wrapping_sub(from);
    [step(25, upper, lower), step(51, lower, digits), step(61, digits, plus)]
        .into_iter()
        .fold(value.wrapping_add(upper).wrapping_add(above(62) & 3), u8::wrapping_add)
}

/// Whether a text is Base64 of one byte or more. Bits that padding leaves over may be anything.
#[must_use]
pub fn is_valid(text: &[u8]) -> bool {
    let padding = text.iter().rev().take(2).take_while(|character| **character == b'=').count();
    let letters = &text[..text.len() - padding];
    // No way out in between: a loop without one is done in vectors.
    let valid = letters.iter().fold(true, |valid, character| {
        valid & (character.is_ascii_alphanumeric() | matches!(character, b'+' | b'/'))
    });
    valid && !text.is_empty() && text.len().is_multiple_of(4)
}

/// The bytes of a text that is [valid](is_valid); of another one, anything or nothing. For what is
/// public: values are looked up.
#[must_use]
pub fn decode_public(text: &[u8]) -> Vec<u8> {
    let padding = text.iter().rev().take(2).take_while(|character| **character == b'=').count();
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for group in text.as_chunks::<4>().0 {
        let [a, b, c, d] = group.map(|character| u32::from(VALUES[usize::from(character)]));
        let word = a << 18 | b << 12 | c << 6 | d;
        bytes.extend_from_slice(&word.to_be_bytes()[1..]);
    }
    bytes.truncate(bytes.len().saturating_sub(padding));
    bytes
}

/// The value of each character; 0 for those that have none.
const VALUES: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut values, mut value) = ([0; 256], 0);
    while value < alphabet.len() {
        values[alphabet[value] as usize] = value as u8;
        value += 1;
    }
    values
};
