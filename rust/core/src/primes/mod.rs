//! Uniform random primes, in the order of FIPS 186-5 A.1.3 made precise by C2SP det-keygen: a fresh
//! draw for every candidate, so that every prime is equally likely and no two share a history.
//!
//! The way of a candidate: [`candidate`] → [`trial_division`] → [`fermat`](crate::lanes) →
//! [`miller_rabin`], by [`search`] and [`proof`].

pub mod candidate;
pub(crate) mod known_answers;
pub mod miller_rabin;
pub mod primality;
pub mod proof;
pub mod search;
pub mod trial_division;
