//! Key generators of other Rust crates, for `bench_keygen.py`: `rivals rsa VERSION` or
//! `rivals aws-lc-rs VERSION`.
//!
//! The protocol is that of `pairsmith.generators`: the first line out is name and version; each line
//! in, `RSA_2048 3 1`, asks for so many keys (on one thread: neither crate knows more), and is
//! answered by a line of as many durations in seconds.

use std::hint::black_box;
use std::io::{Write, stdin, stdout};
use std::time::Instant;

use aws_lc_rs::rsa::{KeyPair, KeySize};

fn main() -> std::io::Result<()> {
    let (rival, version) = match &std::env::args().skip(1).collect::<Vec<_>>()[..] {
        [rival, version] => (rival.clone(), version.clone()),
        _ => panic!("which rival, and what version of it was compiled?"),
    };
    let generate: fn(usize) = match rival.as_str() {
        "rsa" => generate_rsa,
        "aws-lc-rs" => generate_aws_lc,
        _ => panic!("which rival: rsa or aws-lc-rs?"),
    };
    println!("{rival} {version}");
    for line in stdin().lines() {
        let line = line?;
        let mut words = line.split(' ');
        let bits = words.next().and_then(|spec| spec.strip_prefix("RSA_")?.parse().ok());
        let keys = words.next().and_then(|keys| keys.parse().ok());
        let (Some(bits), Some(keys)) = (bits, keys) else { panic!("not a request: {line}") };
        let times: Vec<String> = (0..keys).map(|_: u32| seconds(|| generate(bits))).collect();
        println!("{}", times.join(" "));
        stdout().flush()?;
    }
    Ok(())
}

fn seconds(work: impl FnOnce()) -> String {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64().to_string()
}

fn generate_rsa(bits: usize) {
    black_box(rsa::PrivateKey::new(&mut rand::rng(), bits).expect("a key"));
}

fn generate_aws_lc(bits: usize) {
    let size = match bits {
        2048 => KeySize::Rsa2048,
        3072 => KeySize::Rsa3072,
        _ => KeySize::Rsa4096,
    };
    black_box(KeyPair::generate(size).expect("a key"));
}
