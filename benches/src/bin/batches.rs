//! Batches of `EC_P256` without Python: `make bench-batches`, or `batches [turns]`.
//!
//! One worker and two take turns, and so do the pieces of work that a bulk job adds to them, so that
//! whatever slows the machine slows all of them.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pairsmith_benches::statistics::Summary;
use pairsmith_core::batch::{Batch, Order};
use pairsmith_core::columns::PairColumns;
use pairsmith_core::json_lines::{self, Expected};
use pairsmith_core::lanes::Engine;
use pairsmith_core::public_numbers::Wanted;
use pairsmith_core::secret::SecretBytes;
use pairsmith_core::spec::{Curve, KeyFormat, KeyPairSpec};
use pairsmith_core::wrap::{Layout, WrappingKey};

const PAIRS: u64 = 20_000;
const PATIENCE: Duration = Duration::from_secs(60);
const SPEC: KeyPairSpec = KeyPairSpec::Ec(Curve::P256);
const BEGINNING: &[u8] = br#"{"Type": "pairsmith/wrapped-key-pair/v1", "KeyId": "key-exampleexampleexample", "KeyPairSpec": "EC_P256", "KeyFormat": "PEM", "Algorithm": "AES_GCM", "Aad": """#;

fn main() {
    let argument = std::env::args().nth(1);
    let turns: usize = argument.map_or(40, |turns| turns.parse().expect("a number of turns"));
    let (mut one, mut two, mut ratios) = (vec![], vec![], vec![]);
    let (mut written, mut judged) = (vec![], vec![]);
    let rows = batch(2048, 1).next_rows(2048, PATIENCE).expect("no failure").expect("in time");
    let mut text = vec![0; json_lines::length(BEGINNING, &rows)];
    json_lines::write(BEGINNING, &rows, &mut text);
    let mut out = text.clone();
    let expected = Expected {
        beginnings: &[BEGINNING.to_vec()],
        wanted: Wanted { spec: SPEC, format: KeyFormat::Pem, kept: false },
        with_plaintext: false,
        longest: 1 << 18,
    };
    for turn in 0..=turns {
        let each = [microseconds(PAIRS, || all_of(1)), microseconds(PAIRS, || all_of(2))];
        let lines = microseconds(2048, || {
            json_lines::write(BEGINNING, black_box(&rows), &mut out);
        });
        let sound = microseconds(2048, || {
            let judged = json_lines::judged(black_box(&text), &expected);
            assert!(judged.doubtful.is_empty());
        });
        // The first turn makes tables.
        if turn > 0 {
            one.push(each[0]);
            two.push(each[1]);
            ratios.push(each[0] / each[1]);
            written.push(lines);
            judged.push(sound);
        }
    }
    println!("EC_P256 in batches, {}", Engine::best().name());
    println!("one worker, µs per pair: {}", Summary::of(&one));
    println!("two workers, µs per pair: {}", Summary::of(&two));
    println!("two workers over one, turn by turn: {}", Summary::of(&ratios));
    println!("a line of JSON, µs: {}", Summary::of(&written));
    println!("a line of JSON judged, µs: {}", Summary::of(&judged));
}

fn batch(count: u64, workers: usize) -> Batch {
    let key = WrappingKey::new(SecretBytes::zero(32), &"v".repeat(36)).expect("a key");
    let order = Order {
        key: Arc::new(key),
        spec: SPEC,
        format: KeyFormat::Pem,
        aad: vec![],
        layout: Layout::Plain,
        with_plaintext: false,
        engine: Engine::best(),
        pairwise_test: false,
    };
    Batch::start(order, count, workers)
}

fn all_of(workers: usize) {
    let batch = batch(PAIRS, workers);
    let next = || -> PairColumns { batch.next_group(PATIENCE).expect("none").expect("in time") };
    while !next().is_empty() {}
}

#[expect(clippy::cast_precision_loss, reason = "some thousand")]
fn microseconds(count: u64, work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e6 / count as f64
}
