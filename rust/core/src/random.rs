//! Where randomness comes from: always a parameter.

mod watch;

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use crate::error::Error;
use crate::secret::SecretBytes;

use watch::Watch;

/// A source of uniformly distributed bytes.
pub trait RandomSource {
    /// Fills `out`.
    ///
    /// # Errors
    /// [`Error::Random`] if the source has none to give; [`Error::BrokenRandom`] if it repeats itself.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error>;

    /// Whether the bytes are the operating system's: a library that draws from there by itself may take
    /// this source's place.
    fn is_operating_system(&self) -> bool {
        false
    }
}

impl<R: RandomSource + ?Sized> RandomSource for &mut R {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        (**self).fill(out)
    }

    fn is_operating_system(&self) -> bool {
        (**self).is_operating_system()
    }
}

/// The operating system's generator, read in blocks: an RSA search draws some hundred kilobytes in
/// pieces of 128 to 256 bytes, and a system call each would cost more than trial division.
///
/// A block belongs to one generation and dies with it, so no state outlives a fork or a snapshot of
/// the machine; bytes are erased as they are handed out. A system that repeats itself is noticed.
pub struct OsRandom {
    system: System,
    watch: Option<Watch>,
    block: SecretBytes,
    used: usize,
}

impl OsRandom {
    const BLOCK_BYTES: usize = 8192;

    /// A source that draws exactly what is asked for: for a few bytes.
    #[must_use]
    pub fn unbuffered() -> Self {
        Self { system: System::new(), watch: None, block: SecretBytes::zero(0), used: 0 }
    }

    /// A source for one search.
    #[must_use]
    pub fn buffered() -> Self {
        Self::in_blocks_of(Self::BLOCK_BYTES)
    }

    /// A source that fetches so many bytes at a time.
    #[must_use]
    pub fn in_blocks_of(bytes: usize) -> Self {
        let block = SecretBytes::zero(bytes);
        Self { system: System::new(), watch: Some(Watch::new()), used: block.len(), block }
    }
}

impl RandomSource for OsRandom {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        if out.len() > self.block.len() {
            self.system.fill(out)?;
            return match &mut self.watch {
                Some(watch) => watch.look(out),
                None => Watch::once(out),
            };
        }
        if self.block.len() - self.used < out.len() {
            self.system.fill(self.block.expose_mut())?;
            if let Some(watch) = &mut self.watch {
                watch.look(self.block.expose())?;
            }
            self.used = 0;
        }
        let piece = &mut self.block.expose_mut()[self.used..self.used + out.len()];
        out.copy_from_slice(piece);
        zeroize::Zeroize::zeroize(piece);
        self.used += out.len();
        Ok(())
    }

    fn is_operating_system(&self) -> bool {
        true
    }
}

/// The system's generator, or what a test puts in its place.
struct System(SystemRandom);

impl System {
    fn new() -> Self {
        Self(SystemRandom::new())
    }

    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        self.0.fill(out).map_err(|_| Error::Random)?;
        #[cfg(feature = "fault-injection")]
        crate::fault::in_randomness(out)?;
        Ok(())
    }
}

/// `HMAC_DRBG` with SHA-256 (SP 800-90A Rev. 1, 10.1.2), without reseeding: for known answers and
/// deterministic test keys, never for production.
///
/// One [`RandomSource::fill`] is one generate call of the standard.
pub struct HmacDrbg {
    key: SecretBytes,
    value: SecretBytes,
}

impl HmacDrbg {
    /// Instantiates from entropy input and a personalization string, with no nonce.
    #[must_use]
    pub fn new(seed: &[u8], personalization: &[u8]) -> Self {
        let mut drbg = Self { key: SecretBytes::zero(32), value: SecretBytes::zero(32) };
        drbg.value.expose_mut().fill(1);
        drbg.update(&[seed, personalization]);
        drbg
    }

    /// SP 800-90A, 10.1.2.2: the second half only with provided data.
    fn update(&mut self, provided: &[&[u8]]) {
        for separator in [0u8, 1] {
            let mut context = self.context();
            context.update(self.value.expose());
            context.update(&[separator]);
            for data in provided {
                context.update(data);
            }
            self.key.expose_mut().copy_from_slice(context.sign().as_ref());
            self.advance();
            if provided.is_empty() {
                return;
            }
        }
    }

    /// V = HMAC(K, V).
    fn advance(&mut self) {
        let mut context = self.context();
        context.update(self.value.expose());
        self.value.expose_mut().copy_from_slice(context.sign().as_ref());
    }

    fn context(&self) -> hmac::Context {
        hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.key.expose()))
    }
}

impl RandomSource for HmacDrbg {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        for chunk in out.chunks_mut(32) {
            self.advance();
            chunk.copy_from_slice(&self.value.expose()[..chunk.len()]);
        }
        self.update(&[]);
        Ok(())
    }
}
