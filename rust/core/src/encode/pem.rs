//! Textual encoding (RFC 7468, strict form): 64 columns, LF, a final newline. `pem-rfc7468` is what it
//! is tested against.

use super::base64::{self, BLOCK as LINE};

/// Characters of a document.
pub(super) const fn length(label: &str, der: usize) -> usize {
    let body = 4 * der.div_ceil(3) + der.div_ceil(LINE.0);
    "-----BEGIN -----\n-----END -----\n".len() + 2 * label.len() + body
}

/// Writes a document into `out`, which has its length.
pub(super) fn write(label: &str, der: &[u8], out: &mut [u8]) {
    let out = put(out, &[b"-----BEGIN ", label.as_bytes(), b"-----\n"]);
    let (full, last) = der.as_chunks::<{ LINE.0 }>();
    let (lines, out) = out.split_at_mut((LINE.1 + 1) * full.len());
    for (line, bytes) in lines.chunks_exact_mut(LINE.1 + 1).zip(full) {
        line[..LINE.1].copy_from_slice(&base64::encode(bytes));
        line[LINE.1] = b'\n';
    }
    let out = write_last(last, out);
    put(out, &[b"-----END ", label.as_bytes(), b"-----\n"]);
}

/// The last line, unless there is nothing left for it.
fn write_last<'a>(bytes: &[u8], out: &'a mut [u8]) -> &'a mut [u8] {
    if bytes.is_empty() {
        return out;
    }
    put(base64::write_last(bytes, out), &[b"\n"])
}

/// Writes the pieces and returns what is behind them.
fn put<'a>(mut out: &'a mut [u8], pieces: &[&[u8]]) -> &'a mut [u8] {
    for piece in pieces {
        let (start, rest) = out.split_at_mut(piece.len());
        start.copy_from_slice(piece);
        out = rest;
    }
    out
}

/// What stands between the lines of a document, decoded; `None` unless [`write`] would write the very
/// same text. For what is public.
pub(super) fn read_public(label: &str, text: &[u8]) -> Option<Vec<u8>> {
    let body = text.strip_prefix(b"-----BEGIN ")?.strip_prefix(label.as_bytes())?;
    let body = body.strip_prefix(b"-----\n")?.split(|byte| *byte == b'-').next()?;
    let letters: Vec<u8> = body.iter().copied().filter(|byte| *byte != b'\n').collect();
    let der = base64::decode_public(&letters);
    let mut again = vec![0; length(label, der.len())];
    write(label, &der, &mut again);
    (again == text).then_some(der)
}
