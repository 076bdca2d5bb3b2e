//! Data key pairs: generation, encoding and wrapping, with no knowledge of Python, files, time or
//! configuration.
//!
//! The way down: [`health`], [`dumps`] → [`batch`], [`pool`], [`json_lines`] → [`columns`],
//! [`public_numbers`], [`stream`], [`seeded`] → [`generate`],
//! [`re_encrypt`] → [`open_pair`], [`verifying_key`] → [`prepare`] → [`root_key`] → [`service_key`] →
//! [`wrap`] → `seal`,
//! [`encode`] → [`rsa`], [`ec`], [`drawn`] → `halves` → [`primes`] → [`lanes`] → [`natural`], [`aead`],
//! [`random`], [`interrupt`], [`locked`], [`surroundings`], `fault` (for tests) → [`once`], [`purpose`],
//! [`self_test`], [`secret`], [`spec`], `stack`, [`error`]. No module imports one further up;
//! `rust/tests` checks it.

pub mod aead;
pub mod batch;
pub mod columns;
pub mod drawn;
pub mod dumps;
pub mod ec;
pub mod encode;
pub mod error;
#[cfg(feature = "fault-injection")]
pub mod fault;
pub mod generate;
mod halves;
pub mod health;
pub mod interrupt;
pub mod json_lines;
pub mod lanes;
pub mod locked;
pub mod natural;
pub mod once;
pub mod open_pair;
pub mod pool;
pub mod prepare;
pub mod primes;
pub mod public_numbers;
pub mod purpose;
pub mod random;
pub mod re_encrypt;
pub mod root_key;
pub mod rsa;
mod seal;
pub mod secret;
pub mod seeded;
pub mod self_test;
pub mod service_key;
pub mod spec;
mod stack;
pub mod stream;
pub mod surroundings;
pub mod verifying_key;
pub mod wrap;
