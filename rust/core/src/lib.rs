//! Data key pairs: generation, encoding and wrapping, with no knowledge of Python, files, time or
//! configuration.
//!
//! The way down: [`generate`] → [`wrap`], [`encode`] → [`rsa`], [`ec`] → [`primes`] → [`lanes`] →
//! [`natural`], [`secret`], [`random`], [`spec`] → [`error`]. No module imports one further up.

pub mod error;
pub mod interrupt;
pub mod lanes;
pub mod natural;
pub mod primes;
pub mod spec;
