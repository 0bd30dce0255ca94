//! Why terraform's outputs could not be imported.

use std::io;
use std::path::PathBuf;

use crate::input::InputPath;

/// Why terraform's outputs could not be imported.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    #[error("cannot read {input}: {cause}; write it with terraform output -json")]
    Unreadable { input: InputPath, cause: io::Error },
    #[error(
        "{input} is not what terraform output -json prints ({cause}); run it without further arguments"
    )]
    Shape { input: InputPath, cause: String },
    #[error("{input} has no outputs; run terraform apply first")]
    Empty { input: InputPath },
    #[error(
        "{input} lacks the outputs {}; are they those of this fleet's terraform, and is all of it applied?",
        names.join(", ")
    )]
    Missing {
        input: InputPath,
        names: Vec<&'static str>,
    },
    #[error("{input}: output {name} cannot be used: {cause}")]
    Value {
        input: InputPath,
        name: &'static str,
        cause: String,
    },
    #[error("{} holds {what}; pass --force to replace it, or name another file with --config", file.display())]
    Differs { file: PathBuf, what: String },
    #[error("cannot write {}: {cause}", file.display())]
    Unwritable { file: PathBuf, cause: io::Error },
}

impl ImportError {
    /// Whether the machine failed, and not the input or the arguments.
    pub(crate) fn is_environment_error(&self) -> bool {
        matches!(self, Self::Unwritable { .. })
    }
}
