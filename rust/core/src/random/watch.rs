//! Sources that go in circles: constant, of a short period, or stuck after a while.
//!
//! Two candidates of one search that are equal, or a scalar that comes again as a nonce, give a key
//! away; and a search of such a source may never end. A source that works never gives the same
//! sixteen bytes again. This is the continuous test that FIPS 140-2 asked of generators, widened from
//! the last block to all before it: Brent's algorithm (1980) keeps one piece at a time and finds every
//! circle, soon after it has closed for the second time.

use crate::error::Error;
use crate::secret::SecretBytes;

/// Bytes of a word, the step from one piece to the next; a piece has two.
const WORD: usize = 8;

/// Looks at what one source gives, draw by draw.
pub(super) struct Watch {
    /// The piece that must not come again; erased as everything drawn is.
    piece: SecretBytes,
    /// Pieces until the next one is kept, and as how many that is.
    left: u64,
    span: u64,
}

impl Watch {
    /// One that has seen nothing.
    pub(super) fn new() -> Self {
        Self { piece: SecretBytes::zero(2 * WORD), left: 0, span: 1 }
    }

    /// Looks at one draw by itself.
    ///
    /// # Errors
    /// As [`Self::look`].
    pub(super) fn once(drawn: &[u8]) -> Result<(), Error> {
        // One piece has nothing to be compared with: a nonce or a salt.
        if drawn.len() < 3 * WORD { Ok(()) } else { Self::new().look(drawn) }
    }

    /// Looks at the next draw. In a time that depends on its length alone, until a piece comes again:
    /// odds of 2^-128 for each piece of a source that works.
    ///
    /// # Errors
    /// [`Error::BrokenRandom`] if a piece has come again.
    pub(super) fn look(&mut self, drawn: &[u8]) -> Result<(), Error> {
        let (words, _) = drawn.as_chunks::<WORD>();
        for piece in words.windows(2) {
            if self.left == 0 {
                self.span *= 2;
                self.left = self.span;
                self.piece.expose_mut().copy_from_slice(piece.as_flattened());
            } else if self.holds(piece) {
                return Err(Error::BrokenRandom);
            }
            self.left -= 1;
        }
        Ok(())
    }

    fn holds(&self, piece: &[[u8; WORD]]) -> bool {
        let (kept, _) = self.piece.expose().as_chunks::<WORD>();
        let difference = |i: usize| u64::from_ne_bytes(kept[i]) ^ u64::from_ne_bytes(piece[i]);
        difference(0) | difference(1) == 0
    }
}
