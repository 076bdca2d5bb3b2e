//! Primes: how they are told from composites, and how much work finding them takes.

mod primality;
mod search;
mod trial_division;
