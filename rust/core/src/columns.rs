//! Many wrapped pairs as columns: what each has of its own, one behind the other.
//!
//! A pair by itself is four blocks of memory, which one thread would take and another give back. A
//! group of pairs in columns is a handful, whatever its size; and columns are what tables are made of.

use crate::generate::DataKeyPair;
use crate::secret::SecretBytes;

/// Rows for which room is made at once, at most: more may never come.
const ROWS_AT_ONCE: usize = 1 << 16;

/// Byte strings of any length, one behind the other. For what is public: a column that grows leaves
/// its old self behind.
#[derive(Default)]
pub struct Column {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// Pairs of one batch, in columns of equal length.
#[derive(Default)]
pub struct PairColumns {
    public_keys: Column,
    ivs: Column,
    blobs: Column,
    /// As many as there are pairs, or none if they were not asked for.
    private_keys: Vec<SecretBytes>,
    /// How many pairs there will be, at a guess.
    expected: usize,
}

/// One pair of a group; as [`DataKeyPair`].
#[derive(Clone, Copy)]
pub struct PairView<'a> {
    /// `SubjectPublicKeyInfo`.
    pub public_key: &'a [u8],
    /// The nonce.
    pub iv: &'a [u8],
    /// The wrapped private key.
    pub blob: &'a [u8],
    /// PKCS#8; only if it was asked for.
    pub private_key: Option<&'a SecretBytes>,
}

impl Column {
    /// How many strings there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True for none at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Where each string ends in [`Self::bytes`], and the next begins.
    #[must_use]
    pub fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// All strings, one behind the other.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same, given away.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Appends a string.
    pub fn push(&mut self, string: &[u8]) {
        self.bytes.extend_from_slice(string);
        self.ends.push(self.bytes.len());
    }

    /// Each string.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }

    fn start(&self, row: usize) -> usize {
        row.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    /// Appends strings of another column.
    fn append(&mut self, other: &Self) {
        let before = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.ends.extend(other.ends.iter().map(|end| before + end));
    }

    /// Takes away the strings from `row` on.
    fn split_off(&mut self, row: usize) -> Self {
        let start = self.start(row);
        let ends = self.ends.split_off(row).into_iter().map(|end| end - start).collect();
        Self { bytes: self.bytes.split_off(start), ends }
    }

    /// Makes room for as many more strings like those that are there.
    fn reserve(&mut self, rows: usize) {
        self.ends.reserve(rows);
        self.bytes.reserve(rows * self.bytes.len().div_ceil(self.len().max(1)));
    }
}

impl PairColumns {
    /// No pairs yet. Room for `rows` is made with the first, which shows how long they are: a column
    /// that grows is copied and erased each time.
    #[must_use]
    pub fn for_rows(rows: usize) -> Self {
        Self { expected: rows, ..Self::default() }
    }

    /// How many pairs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.public_keys.len()
    }

    /// True for none at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.public_keys.is_empty()
    }

    /// The public keys.
    #[must_use]
    pub const fn public_keys(&self) -> &Column {
        &self.public_keys
    }

    /// The nonces.
    #[must_use]
    pub const fn ivs(&self) -> &Column {
        &self.ivs
    }

    /// The wrapped private keys.
    #[must_use]
    pub const fn blobs(&self) -> &Column {
        &self.blobs
    }

    /// The private keys: none, unless they were asked for.
    #[must_use]
    pub fn private_keys(&self) -> &[SecretBytes] {
        &self.private_keys
    }

    /// The columns of nonces, blobs and public keys, and the private keys, given away.
    #[must_use]
    pub fn into_parts(self) -> ([Column; 3], Vec<SecretBytes>) {
        ([self.ivs, self.blobs, self.public_keys], self.private_keys)
    }

    /// Each pair.
    pub fn iter(&self) -> impl Iterator<Item = PairView<'_>> {
        let own = self.public_keys.iter().zip(self.ivs.iter()).zip(self.blobs.iter());
        own.enumerate().map(|(row, ((public_key, iv), blob))| PairView {
            public_key,
            iv,
            blob,
            private_key: self.private_keys.get(row),
        })
    }

    /// Appends a pair.
    pub fn push(&mut self, pair: DataKeyPair) {
        let DataKeyPair { public_key, iv, blob, private_key } = pair;
        self.push_parts(&public_key, &iv, &blob, private_key);
    }

    /// Appends a pair that is in pieces.
    pub fn push_parts(
        &mut self,
        public_key: &[u8],
        iv: &[u8],
        blob: &[u8],
        private_key: Option<SecretBytes>,
    ) {
        self.public_keys.push(public_key);
        self.ivs.push(iv);
        self.blobs.push(blob);
        self.private_keys.extend(private_key);
        if self.len() == 1 {
            self.reserve();
        }
    }

    /// Appends all pairs of another group, to have `rows` at the end.
    pub(crate) fn append(&mut self, mut other: Self, rows: usize) {
        if self.is_empty() {
            *self = Self { expected: rows, ..other };
            self.reserve();
            return;
        }
        self.public_keys.append(&other.public_keys);
        self.ivs.append(&other.ivs);
        self.blobs.append(&other.blobs);
        self.private_keys.append(&mut other.private_keys);
    }

    /// Takes away the first pairs, `most` at most.
    #[must_use]
    pub fn take(&mut self, most: usize) -> Self {
        let most = most.min(self.len());
        let private_keys = self.private_keys.split_off(most.min(self.private_keys.len()));
        let rest = Self {
            public_keys: self.public_keys.split_off(most),
            ivs: self.ivs.split_off(most),
            blobs: self.blobs.split_off(most),
            private_keys,
            expected: 0,
        };
        std::mem::replace(self, rest)
    }

    fn reserve(&mut self) {
        let rows = self.expected.min(ROWS_AT_ONCE).saturating_sub(self.len());
        if rows > 0 {
            self.public_keys.reserve(rows);
            self.ivs.reserve(rows);
            self.blobs.reserve(rows);
        }
    }
}
