//! Uniform random primes.

pub mod trial_division;
