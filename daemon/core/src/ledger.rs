//! The tamper-evident record: what an entry is, byte for byte, and the Merkle tree over all of them.
//! The format and its threat model stand in `docs/ledger-format.md`.

mod entry;
mod tree;
mod verify;

pub use entry::{Entry, FORMAT, Unreadable, read, write};
pub use tree::{Hash, Tree, leaf_hash, root_of};
pub use verify::{Damage, Verifier};

use alloc::string::String;

/// Bytes in small hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// The 32 bytes of 64 hexadecimal digits.
pub fn unhex(text: &str) -> Option<Hash> {
    let bytes = text.as_bytes();
    if bytes.len() != 64 {
        return None;
    }
    let digit = |b: u8| {
        char::from(b)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let mut hash = [0u8; 32];
    for (out, pair) in hash.iter_mut().zip(bytes.chunks_exact(2)) {
        *out = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(hash)
}
