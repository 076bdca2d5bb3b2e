//! FIPS 186-5 A.1.3, steps 4.2–4.3 and 5.2–5.3 (det-keygen, steps 8–12): one candidate, one draw.

use crate::error::Error;
use crate::natural::Natural;
use crate::random::RandomSource;
use crate::secret::SecretBytes;

/// Draws candidates of one size.
pub struct Candidates {
    bytes: SecretBytes,
}

impl Candidates {
    /// For primes of `prime_bits` bits, a multiple of 64.
    #[must_use]
    pub fn new(prime_bits: usize) -> Self {
        Self { bytes: SecretBytes::zero(prime_bits / 8) }
    }

    /// A uniformly drawn number whose top two bits and lowest three bits are set.
    ///
    /// Two top bits make the product of two candidates exactly twice as long. p ≡ 7 mod 8 makes
    /// (p − 1)/2 odd, so that one Miller–Rabin round is one exponentiation. Both are det-keygen's.
    ///
    /// # Errors
    /// [`Error::Random`] if the source has nothing to give.
    pub fn draw(&mut self, random: &mut impl RandomSource) -> Result<Natural, Error> {
        let bytes = self.bytes.expose_mut();
        random.fill(bytes)?;
        bytes[0] |= 0b1100_0000;
        bytes[bytes.len() - 1] |= 0b0000_0111;
        Ok(Natural::from_be_bytes(bytes))
    }
}
