//! The body of a queue message.

use serde::{Deserialize, Serialize};

use super::{Cell, JobId, Scope, TaskId, is_known_layout};

/// The body of a queue message: one cell of one task. The recipe is not in it but in the ledger,
/// where its digest finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellMessage {
    /// How the message and its task are laid out ([`Scope::layout`]).
    pub layout: u32,
    /// The task that the cell is in.
    pub task: TaskId,
    /// The shard in which the cell's completion is recorded.
    pub shard: u32,
    /// The group in which the shard's completion is recorded.
    pub group: u32,
    /// The cell's position in the task's manifest, from 0.
    pub ordinal: u32,
    /// The task's epoch when the message was sent. A dead letter of an earlier epoch says nothing
    /// of the cell.
    pub epoch: u32,
    /// How often cells of the shard had been made pending again when the message was sent. What an
    /// earlier message did to the cell is not charged to this one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reopened: u32,
    /// How often the message was sent again because the queue had given it up although its cell had
    /// done nothing wrong.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub resent: u32,
    /// Unix second from which what the ledger says of the cell is of no use; absent for a task that is
    /// kept for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// The producer's signature of the rest ([`super::MessageKey`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// What the bands become: the fields `recipe` and `recipe_digest`.
    #[serde(flatten)]
    pub job: JobId,
    /// To which area the cell is cut: the fields `area_digest` and `min_valid`.
    #[serde(flatten)]
    pub scope: Scope,
    /// The cell itself.
    #[serde(flatten)]
    pub cell: Cell,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Why a message's body is not a [`CellMessage`].
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// Another version laid it out, which must handle it: leave it in the queue.
    #[error("the message has layout {0}, which this version does not know")]
    Layout(u32),
    /// No version understands it: keep it for a person to look at.
    #[error(transparent)]
    Malformed(#[from] serde_json::Error),
}

/// What messages of all layouts have. Those of layout 1 do not name it.
#[derive(Deserialize)]
struct Envelope {
    layout: Option<u32>,
    task: Option<TaskId>,
    shard: Option<u32>,
    ordinal: Option<u32>,
}

impl Envelope {
    fn layout(&self) -> Option<u32> {
        let is_of_a_cell = self.task.is_some() && self.shard.is_some() && self.ordinal.is_some();
        self.layout.or(is_of_a_cell.then_some(1))
    }
}

impl CellMessage {
    /// Reads the body of a message.
    ///
    /// # Errors
    /// [`MessageError`] when the message has another layout or is malformed.
    pub fn read(body: &str) -> Result<Self, MessageError> {
        let envelope: Option<Envelope> = serde_json::from_str(body).ok();
        match envelope.and_then(|envelope| envelope.layout()) {
            Some(layout) if !is_known_layout(layout) => Err(MessageError::Layout(layout)),
            _ => Ok(serde_json::from_str(body)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELL: &str = r#""cell":"48RXT/2020-08-01/0","assets":{},"output":"s3://out/""#;

    fn read(job: &str) -> Result<CellMessage, MessageError> {
        CellMessage::read(&format!(
            r#"{{"layout":2,"task":"t","shard":0,"group":0,"ordinal":7,"epoch":2,{job},{CELL}}}"#
        ))
    }

    #[test]
    fn a_message_survives_its_json_form() {
        let digest = "0f".repeat(32);
        let message = read(&format!(r#""recipe":"rgb","recipe_digest":"{digest}""#)).unwrap();
        assert_eq!(message.job.name(), "rgb");
        let json = serde_json::to_string(&message).unwrap();
        assert!(
            json.contains(&format!(r#""recipe":"rgb","recipe_digest":"{digest}""#)),
            "{json}"
        );
        assert_eq!(CellMessage::read(&json).unwrap(), message);
        assert_eq!(read(r#""recipe":"probe""#).unwrap().job, JobId::Probe);
    }

    #[test]
    fn a_message_of_whole_cells_says_nothing_of_an_area() {
        let digest = "0f".repeat(32);
        let whole = read(&format!(r#""recipe":"rgb","recipe_digest":"{digest}""#)).unwrap();
        assert!(whole.scope.is_all());
        let json = serde_json::to_string(&whole).unwrap();
        assert!(
            !json.contains("area") && !json.contains("min_valid"),
            "{json}"
        );
        let fields = format!(
            r#""recipe":"rgb","recipe_digest":"{digest}","area_digest":"{digest}","min_valid":12.5"#
        );
        let message = read(&fields).unwrap();
        let json = serde_json::to_string(&message).unwrap();
        assert!(json.contains(&fields), "{json}");
        assert_eq!(CellMessage::read(&json).unwrap(), message);
        let error = read(&fields.replace("12.5", "101")).unwrap_err();
        assert!(error.to_string().contains("is not a share"), "{error}");
    }

    #[test]
    fn a_message_without_a_recipes_digest_is_malformed() {
        let error = read(r#""recipe":"rgb""#).unwrap_err().to_string();
        assert!(error.contains("without its recipe_digest"), "{error}");
        let error = read(r#""recipe":"rgb","recipe_digest":"0f""#)
            .unwrap_err()
            .to_string();
        assert!(error.contains("expected 64 of 0-9 and a-f"), "{error}");
    }

    #[test]
    fn a_message_of_another_layout_is_not_malformed_whatever_else_it_says() {
        for (body, layout) in [
            (r#"{"task":"t","shard":0,"ordinal":7}"#, 1),
            (r#"{"layout":1,"anything":true}"#, 1),
            (r#"{"layout":9}"#, 9),
        ] {
            let error = CellMessage::read(body).unwrap_err();
            assert!(
                matches!(error, MessageError::Layout(found) if found == layout),
                "{body}: {error}"
            );
        }
        for body in [
            "",
            "no cell",
            "7",
            "{}",
            r#"{"layout":2}"#,
            r#"{"layout":"x"}"#,
            r#"{"task":"t"}"#,
        ] {
            let error = CellMessage::read(body).unwrap_err();
            assert!(
                matches!(error, MessageError::Malformed(_)),
                "{body}: {error}"
            );
        }
    }
}
