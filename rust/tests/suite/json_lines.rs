//! Lines of JSON: written as others read them, and told from all that is a byte different.

use pairsmith_core::columns::PairColumns;
use pairsmith_core::generate::{self, DataKeyPair, Effort, Request};
use pairsmith_core::interrupt::Never;
use pairsmith_core::json_lines::{self, Expected, Judged};
use pairsmith_core::lanes::Engine;
use pairsmith_core::public_numbers::Wanted;
use pairsmith_core::secret::SecretBytes;
use pairsmith_core::spec::{Curve, KeyFormat, KeyPairSpec};
use pairsmith_core::wrap::{Layout, WrappingKey};

const SPEC: KeyPairSpec = KeyPairSpec::Ec(Curve::P256);
const BEGINNINGS: [&[u8]; 2] = [b"{\"Version\": 1", b"{\"Version\": 2"];

fn pair(with_plaintext: bool) -> DataKeyPair {
    let key = WrappingKey::new(SecretBytes::zero(32), &"v".repeat(36)).expect("a key");
    let (format, layout) = (KeyFormat::Pem, Layout::Plain);
    let request = Request { spec: SPEC, format, aad: b"", layout, with_plaintext };
    generate::data_key_pair(&key, &request, Effort::of(Engine::best()), &Never).expect("a pair")
}

fn pairs(count: usize, with_plaintext: bool) -> PairColumns {
    let mut columns = PairColumns::for_rows(count);
    for _ in 0..count {
        columns.push(pair(with_plaintext));
    }
    columns
}

fn written(beginning: &[u8], pairs: &PairColumns) -> Vec<u8> {
    let mut text = vec![0; json_lines::length(beginning, pairs)];
    json_lines::write(beginning, pairs, &mut text);
    text
}

fn judged(text: &[u8], with_plaintext: bool, longest: usize) -> Judged {
    let wanted = Wanted { spec: SPEC, format: KeyFormat::Pem, kept: false };
    let beginnings = BEGINNINGS.map(<[u8]>::to_vec);
    json_lines::judged(text, &Expected { beginnings: &beginnings, wanted, with_plaintext, longest })
}

/// A line has its members in order, and the private key only where it was asked for.
#[test]
fn lines_are_what_they_were_made_of() {
    for with_plaintext in [false, true] {
        let pairs = pairs(3, with_plaintext);
        let text = written(BEGINNINGS[0], &pairs);
        let text = std::str::from_utf8(&text).expect("ASCII");
        assert_eq!(text.lines().count(), 3);
        for (line, pair) in text.lines().zip(pairs.iter()) {
            let mut values = line.split('"').skip(2).skip(3).step_by(4);
            let mut next_is = |bytes: &[u8]| {
                let value = values.next().expect("a value").as_bytes();
                pairsmith_core::encode::base64::decode_public(value) == bytes
            };
            assert!(next_is(pair.iv) && next_is(pair.blob) && next_is(pair.public_key));
            assert!(pair.private_key.is_none_or(|secret| next_is(secret.expose())));
            assert_eq!(line.contains("PrivateKeyPlaintext"), with_plaintext);
        }
    }
}

/// What was written is in no doubt, under either beginning; what was to be written otherwise is.
#[test]
fn our_own_lines_are_in_no_doubt() {
    for with_plaintext in [false, true] {
        let pairs = pairs(4, with_plaintext);
        let text = BEGINNINGS.map(|beginning| written(beginning, &pairs)).concat();
        let found = judged(&text, with_plaintext, 10_000);
        assert_eq!((found.length, found.numbers.len(), found.doubtful.len()), (text.len(), 8, 0));
        let digests: Vec<&[u8]> = found.numbers.digests().chunks(16).collect();
        assert_eq!(digests[..4], digests[4..]);
        assert_eq!(judged(&text, !with_plaintext, 10_000).doubtful.len(), 8);
        let other = written(b"{\"Version\": 3", &pairs);
        assert_eq!(judged(&other, with_plaintext, 10_000).doubtful.len(), 4);
    }
}

/// A line with a bit flipped is in doubt, or the bit is in Base64 whose meaning only opening tells, or is
/// one of those that padding leaves over; the public key is the same.
#[test]
fn a_line_with_a_flipped_bit_is_in_doubt() {
    let pairs = pairs(1, true);
    let text = written(BEGINNINGS[0], &pairs);
    let is_in = |name: &str, at: usize| {
        let start = text.windows(name.len()).position(|window| window == name.as_bytes());
        let start = start.expect("a member") + name.len() + 4;
        let length = text[start..].iter().position(|byte| *byte == b'"').expect("an end");
        (start..start + length).contains(&at)
    };
    let sound = judged(&text, true, 10_000);
    let mut undoubted = 0;
    for bit in 0..8 * text.len() {
        let mut flipped = text.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let found = judged(&flipped, true, 10_000);
        if found.numbers.len() == 1 && found.doubtful.is_empty() {
            let members = ["Iv", "PrivateKeyCiphertextBlob", "PublicKey", "PrivateKeyPlaintext"];
            let members = members.map(|name| format!("\"{name}"));
            assert!(members.iter().any(|name| is_in(name, bit / 8)), "bit {bit}");
            assert_eq!(found.numbers.digests(), sound.numbers.digests());
            undoubted += 1;
        }
    }
    assert!(undoubted > 100);
}

/// Doubtful lines are told by place; a line that is cut off, or too long, ends what is judged.
#[test]
fn only_whole_lines_of_some_length_are_judged() {
    let text = written(BEGINNINGS[1], &pairs(1, false));
    let longest = text.len();
    let mixed = [&text, &b"\n"[..], &text, b"{}\n", &text[..longest - 1]].concat();
    let found = judged(&mixed, false, longest);
    assert_eq!(found.length, 2 * longest + 4);
    let doubtful = [(1, longest, longest + 1), (3, 2 * longest + 1, 2 * longest + 4)];
    assert_eq!(found.doubtful, doubtful);
    assert_eq!(judged(&text, false, longest - 1).length, 0);
    assert_eq!(judged(b"", false, longest).length, 0);
}
