//! Columns of pairs: what goes in comes out, whatever is joined and parted in between.

use pairsmith_core::columns::PairColumns;
use pairsmith_core::secret::SecretBytes;

/// Pairs of different lengths, from one number to another.
fn columns(from: u8, to: u8, with_plaintext: bool) -> PairColumns {
    let mut columns = PairColumns::for_rows(usize::from(to - from));
    for number in from..to {
        let blob = vec![number; usize::from(number) % 7];
        let private_key = with_plaintext.then(|| SecretBytes::copy_of(&[number, 1]));
        columns.push_parts(&[number; 3], &[number; 12], &blob, private_key);
    }
    columns
}

fn assert_are(columns: &PairColumns, from: u8, to: u8, with_plaintext: bool) {
    assert_eq!(columns.len(), usize::from(to - from));
    assert_eq!(columns.is_empty(), from == to);
    for (pair, number) in columns.iter().zip(from..to) {
        assert_eq!(pair.public_key, [number; 3]);
        assert_eq!(pair.iv, [number; 12]);
        assert_eq!(pair.blob, vec![number; usize::from(number) % 7]);
        assert_eq!(pair.private_key.is_some(), with_plaintext);
        assert!(pair.private_key.is_none_or(|secret| secret.expose() == [number, 1]));
    }
    let lengths: Vec<usize> = (from..to).map(|number| usize::from(number) % 7).collect();
    let ends = lengths.iter().scan(0, |end, length| {
        *end += length;
        Some(*end)
    });
    assert_eq!(columns.blobs().ends(), ends.collect::<Vec<_>>());
    assert_eq!(columns.blobs().bytes().len(), lengths.iter().sum::<usize>());
}

/// The first ones are taken away in any portions, with private keys and without.
#[test]
fn pairs_are_taken_in_order() {
    for with_plaintext in [false, true] {
        let mut pairs = columns(0, 60, with_plaintext);
        assert_are(&pairs, 0, 60, with_plaintext);
        assert_are(&pairs.take(0), 0, 0, with_plaintext);
        assert_are(&pairs.take(1), 0, 1, with_plaintext);
        assert_are(&pairs.take(31), 1, 32, with_plaintext);
        assert_are(&pairs, 32, 60, with_plaintext);
        assert_are(&pairs.take(1000), 32, 60, with_plaintext);
        assert_are(&pairs.take(1), 60, 60, with_plaintext);
        assert_eq!(pairs.private_keys().len(), 0);
    }
}
