//! Which code carries out which command.

use super::{
    cancel, cells, config, dlq, doctor, list, resume, retry, status, submit, verify, wait, watch,
};
use crate::cli::{Command, Exit, Global, Output};
use crate::error::ProducerError;

impl Command {
    pub(crate) async fn run(
        self,
        global: &Global,
        output: &mut Output,
    ) -> Result<Exit, ProducerError> {
        match self {
            Self::Submit(arguments) if arguments.dry_run => {
                submit::dry_run::run(&arguments, global, output).await
            }
            Self::Submit(arguments) => submit::run(&arguments, global, output).await,
            Self::Status(arguments) => status::run(&arguments, global, output).await,
            Self::Watch(arguments) => watch::run(&arguments, global, output).await,
            Self::Wait(arguments) => wait::run(&arguments, global, output).await,
            Self::List(arguments) => list::run(&arguments, global, output).await,
            Self::Cells(arguments) => cells::run(&arguments, global, output).await,
            Self::Retry(arguments) => retry::run(&arguments, global, output).await,
            Self::Cancel(arguments) => cancel::run(&arguments, global, output).await,
            Self::Resume(arguments) => Box::pin(resume::run(&arguments, global, output)).await,
            Self::Verify(arguments) => Box::pin(verify::run(&arguments, global, output)).await,
            Self::Dlq(command) => dlq::run(command, global, output).await,
            Self::Doctor(arguments) => doctor::run(&arguments, global, output).await,
            Self::Config(command) => config::run(command, global, output).await,
        }
    }
}
