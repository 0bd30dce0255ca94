//! The first bytes of an input, from which its form is detected.

use std::fmt;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};

/// The first bytes of an input.
#[derive(Debug)]
pub(crate) struct Start {
    bytes: Vec<u8>,
    keys: Vec<String>,
}

impl Start {
    /// Bytes that are read for it. What stands before the `detail` of an event from AWS has at most
    /// 256 KB ("Amazon `EventBridge` API Reference", `PutEvents`).
    pub(crate) const BYTES: usize = 1024 * 1024;

    /// `bytes` are the first [`Start::BYTES`], or all if the input is shorter.
    pub(crate) fn new(mut bytes: Vec<u8>) -> Self {
        // Some editors and shells put a byte order mark before UTF-8.
        if bytes.starts_with("\u{feff}".as_bytes()) {
            bytes.drain(..3);
        }
        let keys = keys(&bytes);
        Self { bytes, keys }
    }

    /// The first byte that is not white space.
    pub(crate) fn first(&self) -> Option<u8> {
        self.bytes.trim_ascii_start().first().copied()
    }

    /// Whether the input begins with a JSON object.
    pub(super) fn is_object(&self) -> bool {
        self.first() == Some(b'{')
    }

    /// Whether that object has the key, as far as it has been read.
    pub(super) fn has_key(&self, key: &str) -> bool {
        self.keys.iter().any(|known| known == key)
    }

    /// The first 20 bytes for a message.
    pub(crate) fn shown(&self) -> String {
        let shown = self.bytes.trim_ascii_start();
        let shown = shown.get(..20).unwrap_or(shown);
        shown.trim_ascii_end().escape_ascii().to_string()
    }

    /// The bytes, without a byte order mark.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// The keys of the JSON object in `bytes`, which can end anywhere in it.
fn keys(bytes: &[u8]) -> Vec<String> {
    struct Keys<'a>(&'a mut Vec<String>);

    impl<'de> Visitor<'de> for Keys<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(key) = map.next_key()? {
                self.0.push(key);
                map.next_value::<IgnoredAny>()?;
            }
            Ok(())
        }
    }

    let mut keys = vec![];
    // The object is cut off anywhere, so an error is expected.
    let _ = serde_json::Deserializer::from_slice(bytes).deserialize_map(Keys(&mut keys));
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_an_object_that_is_cut_off() {
        let start = Start::new(br#" {"version":"0","detail":{"cells":[{"a":1},{"#.to_vec());
        assert!(start.is_object());
        assert!(start.has_key("version") && start.has_key("detail"));
        assert!(
            !start.has_key("cells"),
            "it is not a key of the object itself"
        );
    }
}
