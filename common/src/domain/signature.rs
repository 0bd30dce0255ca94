//! Signatures of messages: a worker does only what the producer sent.
//!
//! A message repeats its line of the manifest, so that a cell costs no read of it. Who may send to
//! the queue could change the copy, and rasters would go elsewhere. The key is in the task's item of
//! the ledger, which fewer may read.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{CellMessage, DomainError};
use crate::hex;

/// The key with which the messages of a task are signed: 32 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MessageKey(String);

impl MessageKey {
    /// A new random key.
    pub fn random() -> Self {
        Self(hex::encode(&rand::random::<[u8; 16]>()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// HMAC-SHA-256 (RFC 2104) of the message, in hexadecimal. How often it was sent again is not
    /// part of it: that is for workers to count, and they sign nothing.
    fn sign(&self, message: &CellMessage) -> String {
        let unsigned = CellMessage {
            resent: 0,
            signature: None,
            ..message.clone()
        };
        // Its strings and numbers always have a JSON form, and any key is long enough for HMAC.
        let body = serde_json::to_vec(&unsigned).unwrap_or_default();
        Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).map_or_else(
            |_| String::new(),
            |hmac| hex::encode(&hmac.chain_update(body).finalize().into_bytes()),
        )
    }
}

/// Keys do not appear in logs.
impl fmt::Debug for MessageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessageKey")
    }
}

impl FromStr for MessageKey {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(DomainError::MessageKey)
        }
    }
}

impl CellMessage {
    /// The message with its signature.
    #[must_use]
    pub fn signed(mut self, key: &MessageKey) -> Self {
        self.signature = Some(key.sign(&self));
        self
    }

    /// Whether the message is as it was when it was signed with `key`.
    pub fn is_signed_with(&self, key: &MessageKey) -> bool {
        self.signature.as_deref() == Some(key.sign(self).as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> CellMessage {
        serde_json::from_str(
            r#"{"layout":2,"task":"t","shard":0,"group":0,"ordinal":7,"epoch":1,"recipe":"probe","cell":"48RXT/2020-08-01/0","assets":{},"output":"s3://out/"}"#,
        )
        .unwrap()
    }

    #[test]
    fn a_message_that_somebody_changed_is_not_signed_any_more() {
        let key = MessageKey::random();
        let signed = message().signed(&key);
        assert!(signed.is_signed_with(&key));
        let mut elsewhere = signed.clone();
        elsewhere.cell.output = "s3://elsewhere/".parse().unwrap();
        assert!(!elsewhere.is_signed_with(&key));
        assert!(!message().is_signed_with(&key));
        assert!(!signed.is_signed_with(&MessageKey::random()));
    }

    #[test]
    fn a_worker_may_send_a_message_again() {
        let key = MessageKey::random();
        let mut again = message().signed(&key);
        again.resent = 3;
        let json = serde_json::to_string(&again).unwrap();
        let read: CellMessage = serde_json::from_str(&json).unwrap();
        assert!(read.is_signed_with(&key));
    }
}
