//! UTF-8 checked while it is read.

use std::io::{self, Read};

/// Passes bytes on as long as they are UTF-8, so that the complaint about others names the byte.
#[derive(Debug)]
pub(super) struct Checked<R> {
    inner: R,
    /// The beginning of a character whose rest has not been read yet.
    unfinished: Vec<u8>,
    offset: u64,
}

impl<R: Read> Checked<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            unfinished: vec![],
            offset: 0,
        }
    }

    fn check(&mut self, arrived: &[u8]) -> io::Result<()> {
        let mut bytes = std::mem::take(&mut self.unfinished);
        bytes.extend_from_slice(arrived);
        let valid = match std::str::from_utf8(&bytes) {
            Ok(_) => bytes.len(),
            Err(error) if error.error_len().is_none() && !arrived.is_empty() => error.valid_up_to(),
            Err(error) => return Err(not_utf8(self.offset + error.valid_up_to() as u64 + 1)),
        };
        self.offset += valid as u64;
        bytes.drain(..valid);
        self.unfinished = bytes;
        Ok(())
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if !buffer.is_empty() {
            self.check(buffer.get(..read).unwrap_or_default())?;
        }
        Ok(read)
    }
}

fn not_utf8(byte: u64) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("byte {byte} is not UTF-8 text; convert it, for example with iconv"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(parts: [&[u8]; 2]) -> Result<String, String> {
        let mut text = String::new();
        let [first, second] = parts;
        match Checked::new(first.chain(second)).read_to_string(&mut text) {
            Ok(_) => Ok(text),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn characters_may_be_cut_by_reads() {
        assert_eq!(read([b"a\xc3", b"\xa9b"]), Ok("aéb".to_owned()));
    }

    #[test]
    fn the_first_wrong_byte_is_named() {
        let wrong = |byte| {
            Err(format!(
                "byte {byte} is not UTF-8 text; convert it, for example with iconv"
            ))
        };
        assert_eq!(read([b"ab\xff", b"cd"]), wrong(3));
        assert_eq!(read([b"ab", b"c\xc3"]), wrong(4));
        assert_eq!(read([b"a\xc3", b"bc"]), wrong(2));
    }
}
