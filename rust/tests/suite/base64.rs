//! Base64 of any length, beside a reading of RFC 4648 that shares nothing with it.

use pairsmith_core::encode::base64;
use pairsmith_core::random::{OsRandom, RandomSource};

/// Six bits at a time, by the alphabet.
fn by_the_book(bytes: &[u8]) -> String {
    let alphabet: Vec<char> =
        ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']).collect();
    let bit = |byte: u8, place: u8| usize::from(byte >> (7 - place) & 1);
    let bits: Vec<usize> =
        bytes.iter().flat_map(|byte| (0..8).map(move |place| bit(*byte, place))).collect();
    let value = |sextet: &[usize]| {
        (0..6).fold(0, |value, place| 2 * value + sextet.get(place).unwrap_or(&0))
    };
    let mut text: String = bits.chunks(6).map(|sextet| alphabet[value(sextet)]).collect();
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// Every length around a block, and what is behind the text stays as it was.
#[test]
fn bytes_of_any_length_are_written_and_read() {
    for length in 0..=150 {
        let mut bytes = vec![0; length];
        OsRandom::unbuffered().fill(&mut bytes).expect("random bytes");
        let mut out = vec![b'!'; base64::length(length) + 3];
        let rest = base64::write(&bytes, &mut out);
        assert_eq!(rest, b"!!!");
        let text = &out[..base64::length(length)];
        assert_eq!(text, by_the_book(&bytes).as_bytes());
        assert_eq!(base64::is_valid(text), length > 0);
        assert_eq!(base64::decode_public(text), bytes);
    }
}

/// All that is no Base64 is told from it; a text that is none is decoded to something, and no harm done.
#[test]
fn what_is_no_base64_is_found() {
    for byte in 0..=u8::MAX {
        let is_letter = byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
        assert_eq!(base64::is_valid(&[b'A', byte, b'A', b'A']), is_letter, "{byte}");
        assert_eq!(base64::is_valid(&[b'A', b'A', b'A', byte]), is_letter || byte == b'=');
    }
    for text in ["", "A", "AA", "AAA", "AAAAA", "A===", "====", "AA=A", "=AAA", "AA==AAAA", "AAA=="]
    {
        assert!(!base64::is_valid(text.as_bytes()), "{text}");
        assert!(base64::decode_public(text.as_bytes()).len() <= text.len());
    }
}
