//! The body of a queue message.

use serde::{Deserialize, Serialize};

use super::{Cell, JobId, TaskId};

/// The body of a queue message: one cell of one task. The recipe is not in it but in the ledger,
/// where its digest finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellMessage {
    /// The task that the cell is in.
    pub task: TaskId,
    /// The shard in which the cell's completion is recorded.
    pub shard: u32,
    /// The cell's position in the task's manifest, from 0.
    pub ordinal: u32,
    /// The task's epoch when the message was sent. A dead letter of an earlier epoch says nothing
    /// of the cell.
    #[serde(default = "first")]
    pub epoch: u32,
    /// What the bands become: the fields `recipe` and `recipe_digest`.
    #[serde(flatten)]
    pub job: JobId,
    /// The cell itself.
    #[serde(flatten)]
    pub cell: Cell,
}

fn first() -> u32 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELL: &str = r#""cell":"48RXT/2020-08-01/0","assets":{},"output":"s3://out/""#;

    fn read(job: &str) -> Result<CellMessage, serde_json::Error> {
        serde_json::from_str(&format!(
            r#"{{"task":"t","shard":0,"ordinal":7,"epoch":2,{job},{CELL}}}"#
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
        assert_eq!(serde_json::from_str::<CellMessage>(&json).unwrap(), message);
        assert_eq!(read(r#""recipe":"probe""#).unwrap().job, JobId::Probe);
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
}
