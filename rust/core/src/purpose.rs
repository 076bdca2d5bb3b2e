//! What a blob was made as. It is in the blob's derivation, so nothing opens as something else.

use crate::spec::{KeyFormat, KeyPairSpec};

/// What was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Nobody knows: it is from a blob of format 1, which did not say.
    Unstated,
    /// What a caller gave to be encrypted.
    Message,
    /// A symmetric data key.
    DataKey,
    /// The private half of a data key pair, in this encoding.
    Pair(KeyPairSpec, KeyFormat),
    /// The key of a bulk job.
    Job,
}

/// Bytes of a purpose in a blob: what, spec, encoding.
pub(crate) const PURPOSE_LENGTH: usize = 3;

impl Purpose {
    pub(crate) fn bytes(self) -> [u8; PURPOSE_LENGTH] {
        match self {
            Self::Unstated => [0, 0, 0],
            Self::Message => [1, 0, 0],
            Self::DataKey => [2, 0, 0],
            Self::Pair(spec, format) => [3, spec.kind().code, code_of_format(format)],
            Self::Job => [4, 0, 0],
        }
    }

    /// `None` for bytes that no purpose has.
    pub(crate) fn from_bytes(bytes: [u8; PURPOSE_LENGTH]) -> Option<Self> {
        match bytes {
            [0, 0, 0] => Some(Self::Unstated),
            [1, 0, 0] => Some(Self::Message),
            [2, 0, 0] => Some(Self::DataKey),
            [3, spec, format] => Some(Self::Pair(spec_of_code(spec)?, format_of_code(format)?)),
            [4, 0, 0] => Some(Self::Job),
            _ => None,
        }
    }
}

fn spec_of_code(code: u8) -> Option<KeyPairSpec> {
    KeyPairSpec::ALL.into_iter().find(|spec| spec.kind().code == code)
}

/// Codes are for ever: a stored blob has them.
const fn code_of_format(format: KeyFormat) -> u8 {
    match format {
        KeyFormat::Der => 1,
        KeyFormat::Pem => 2,
    }
}

fn format_of_code(code: u8) -> Option<KeyFormat> {
    [KeyFormat::Der, KeyFormat::Pem].into_iter().find(|format| code_of_format(*format) == code)
}
