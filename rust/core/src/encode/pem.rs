//! Textual encoding (RFC 7468, strict form): 64 columns, LF, a final newline.
//!
//! Base64 is computed, not looked up: instructions and addresses depend on the length alone. It is
//! done by whole lines, which compilers make vectors of. `pem-rfc7468` is what it is tested against.

/// Bytes and characters of a full line.
const LINE: (usize, usize) = (48, 64);

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
        line[..LINE.1].copy_from_slice(&encode(bytes));
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
    let mut padded = [0; LINE.0];
    padded[..bytes.len()].copy_from_slice(bytes);
    let text = encode(&padded);
    let written = (8 * bytes.len()).div_ceil(6);
    let padding = &b"=="[..(4 - written % 4) % 4];
    put(out, &[&text[..written], padding, b"\n"])
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

fn encode(bytes: &[u8; LINE.0]) -> [u8; LINE.1] {
    let mut text = [0; LINE.1];
    for ([w, x, y, z], [a, b, c]) in
        text.as_chunks_mut::<4>().0.iter_mut().zip(bytes.as_chunks::<3>().0)
    {
        *w = a >> 2;
        *x = (a << 4 | b >> 4) & 63;
        *y = (b << 2 | c >> 6) & 63;
        *z = c & 63;
    }
    text.map(character)
}

/// A to Z, a to z, 0 to 9, + and / (RFC 4648, section 4), for 0 to 63.
fn character(value: u8) -> u8 {
    // All ones if the value is above the limit, which both are less than 128 apart.
    let above = |limit: u8| (limit.wrapping_sub(value) >> 7).wrapping_neg();
    let [upper, lower, digits, plus] =
        [b'A', b'a' - 26, b'0'.wrapping_sub(52), b'+'.wrapping_sub(62)];
    let step = |limit, from: u8, to: u8| above(limit) & to.wrapping_sub(from);
    [step(25, upper, lower), step(51, lower, digits), step(61, digits, plus)]
        .into_iter()
        .fold(value.wrapping_add(upper).wrapping_add(above(62) & 3), u8::wrapping_add)
}
