//! Bytes as hexadecimal digits, the form in which digests are stored and compared.

use std::fmt::Write as _;

/// The bytes as lowercase hexadecimal, two digits a byte.
///
/// ```
/// assert_eq!(tilefleet_common::hex::encode(&[0x0f, 0xa0]), "0fa0");
/// ```
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
