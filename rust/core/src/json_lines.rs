//! Pairs as JSON Lines: written, and told from whatever else a file may hold.
//!
//! A line is the record of a pair. It begins with what the pair has in common with others of its batch,
//! which the caller encodes once; then come its own members, as Base64.

use crate::columns::{PairColumns, PairView};
use crate::encode::base64;
use crate::public_numbers::{Numbers, Wanted};

const IV: &[u8] = b", \"Iv\": \"";
const BLOB: &[u8] = b"\", \"PrivateKeyCiphertextBlob\": \"";
const PUBLIC_KEY: &[u8] = b"\", \"PublicKey\": \"";
const PRIVATE_KEY: &[u8] = b"\", \"PrivateKeyPlaintext\": \"";
const END: &[u8] = b"\"}\n";

/// Bytes of the lines of pairs.
#[must_use]
pub fn length(beginning: &[u8], pairs: &PairColumns) -> usize {
    pairs.iter().flat_map(|pair| members(beginning, &pair)).map(Piece::length).sum()
}

/// Writes the lines of pairs into memory of their [`length`]. They are secret if private keys were asked
/// for, which are in them.
///
/// # Panics
/// If it is of another length.
pub fn write(beginning: &[u8], pairs: &PairColumns, out: &mut [u8]) {
    let mut rest = out;
    for piece in pairs.iter().flat_map(|pair| members(beginning, &pair)) {
        rest = piece.written(rest);
    }
    assert!(rest.is_empty(), "the length is that of all pieces");
}

/// A piece of a line.
#[derive(Clone, Copy)]
enum Piece<'a> {
    Text(&'a [u8]),
    Base64(&'a [u8]),
}

impl Piece<'_> {
    const fn length(self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Base64(bytes) => base64::length(bytes.len()),
        }
    }

    fn written(self, out: &mut [u8]) -> &mut [u8] {
        match self {
            Self::Text(text) => {
                let (start, rest) = out.split_at_mut(text.len());
                start.copy_from_slice(text);
                rest
            }
            Self::Base64(bytes) => base64::write(bytes, out),
        }
    }
}

fn members<'a>(beginning: &'a [u8], pair: &PairView<'a>) -> [Piece<'a>; 10] {
    let (name, private_key) = match pair.private_key {
        Some(private_key) => (PRIVATE_KEY, private_key.expose()),
        None => Default::default(),
    };
    [
        Piece::Text(beginning),
        Piece::Text(IV),
        Piece::Base64(pair.iv),
        Piece::Text(BLOB),
        Piece::Base64(pair.blob),
        Piece::Text(PUBLIC_KEY),
        Piece::Base64(pair.public_key),
        Piece::Text(name),
        Piece::Base64(private_key),
        Piece::Text(END),
    ]
}

/// What the lines of a job are to be.
pub struct Expected<'a> {
    /// How a line may begin.
    pub beginnings: &'a [Vec<u8>],
    /// The public keys.
    pub wanted: Wanted,
    /// Whether private keys are in the lines.
    pub with_plaintext: bool,
    /// The most bytes of a line, its end included.
    pub longest: usize,
}

/// What was found at the beginning of a text.
#[derive(Default)]
pub struct Judged {
    /// How many bytes were whole lines, none of them too long.
    pub length: usize,
    /// Their numbers, line by line.
    pub numbers: Numbers,
    /// Of the lines that are not to the byte what [`write`] makes: where they begin and end.
    /// Whoever reads JSON has to look at them.
    pub doubtful: Vec<(usize, usize, usize)>,
}

/// Judges the whole lines at the beginning of a text, up to one that is too long.
#[must_use]
pub fn judged(text: &[u8], expected: &Expected<'_>) -> Judged {
    let mut judged = Judged::default();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line.len() > expected.longest || line.last() != Some(&b'\n') {
            break;
        }
        let start = judged.length;
        judged.length += line.len();
        let key = public_key(line, expected);
        let row = judged.numbers.len();
        if !judged.numbers.push(expected.wanted, key.as_deref()) {
            judged.doubtful.push((row, start, judged.length));
        }
    }
    judged
}

/// The public key of a line that is as it should be.
fn public_key(line: &[u8], expected: &Expected<'_>) -> Option<Vec<u8>> {
    let mut beginnings = expected.beginnings.iter();
    let rest = beginnings.find_map(|beginning| line.strip_prefix(beginning.as_slice()))?;
    let (_, rest) = value(rest.strip_prefix(IV)?)?;
    let (_, rest) = value(rest.strip_prefix(BLOB)?)?;
    let (key, rest) = value(rest.strip_prefix(PUBLIC_KEY)?)?;
    let rest =
        if expected.with_plaintext { value(rest.strip_prefix(PRIVATE_KEY)?)?.1 } else { rest };
    (rest == END).then(|| base64::decode_public(key))
}

/// Base64 and what is behind it, from its quotation mark on.
fn value(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| *byte == b'"')?;
    let (value, rest) = text.split_at(end);
    base64::is_valid(value).then_some((value, rest))
}
