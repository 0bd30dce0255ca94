//! The demo itself, with stand-ins for the binaries: what it prints, and that it leaves no process
//! running.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result};
use nix::sys::signal::Signal;
use tempfile::TempDir;
use tilefleet_tests::poll::BOUND;
use tilefleet_tests::process::{Process, Termination, tied};
use tilefleet_tests::{Endpoint, Stack, eventually, layout};

const PRODUCER: &str = r#"
case $1 in
submit) echo '{"task": "task-1", "state": "RUNNING"}' ;;
status) [ -e "$DEMO_OUTPUT/done" ] && state=COMPLETE || state=RUNNING
    echo "{\"task\": \"$2\", \"state\": \"$state\", \"cells\": 1}" ;;
watch) while [ ! -e "$DEMO_OUTPUT/done" ]; do sleep 0.05; done ;;
esac
"#;
const WORKER: &str = "exec sleep 1000\n";
const SCENES: &str = r#"
case $1 in
generate) dir=$5/tiles/48/R/XT/2020/8/1/0/R10m && mkdir -p "$dir" && echo "$dir"
    for band in B02 B03 B04; do echo "$band" > "$dir/$band.jp2"; done ;;
contact-sheet) shift 3; echo "sheet of $*" ;;
esac
"#;

struct Demo {
    directory: TempDir,
}

impl Demo {
    fn new() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        for (name, script) in [
            ("producer", PRODUCER),
            ("worker", WORKER),
            ("scenes", SCENES),
        ] {
            let path = directory.path().join(name);
            fs::write(&path, format!("#!/bin/sh\n{script}"))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        }
        Ok(Self { directory })
    }

    fn output(&self) -> PathBuf {
        self.directory.path().join("demo-output")
    }

    fn start(&self, arguments: &[&str]) -> Result<Process> {
        let log = self.directory.path().join("demo.log");
        let out = File::create(&log)?;
        // SIGTERM if this test dies, so that it can end its own children.
        let termination = Termination::saving(BOUND);
        let mut command = tied(Path::new(env!("CARGO_BIN_EXE_demo")), termination);
        command
            .arg("--output")
            .arg(self.output())
            .args(arguments)
            // Variables of the stand-ins.
            .env("DEMO_OUTPUT", self.output())
            .env(layout::BINARIES_VARIABLE, self.directory.path())
            .env_remove("AWS_ENDPOINT_URL")
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out);
        Process::start("demo", command, Some(&log), termination)
    }

    async fn start_and_reach(&self, words: &str, arguments: &[&str]) -> Result<Process> {
        let mut demo = self.start(arguments)?;
        eventually(&format!("{words:?} from the demo"), BOUND, async || {
            if demo.log().contains(words) {
                return Ok(Some(()));
            }
            demo.still_runs().map(|()| None)
        })
        .await?;
        Ok(demo)
    }

    /// The names of processes that have this demo's directory in their arguments.
    fn processes(&self) -> Result<Vec<String>> {
        let needle = self.directory.path().to_str().context("not UTF-8")?;
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let directory = entry?.path();
            let environment = fs::read(directory.join("environ")).unwrap_or_default();
            if String::from_utf8_lossy(&environment).contains(needle) {
                found.push(
                    fs::read_to_string(directory.join("comm"))
                        .unwrap_or_default()
                        .trim()
                        .to_owned(),
                );
            }
        }
        found.sort();
        Ok(found)
    }

    async fn nothing_is_left(&self) -> Result<()> {
        eventually("the end of all processes of the demo", BOUND, async || {
            Ok(self.processes()?.is_empty().then_some(()))
        })
        .await
    }
}

#[tokio::test]
async fn interrupted_the_demo_leaves_no_process_behind() -> Result<()> {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let files = Demo::new()?;
        let mut demo = files.start_and_reach("producer watch", &[]).await?;
        eventually("two workers", BOUND, async || {
            let names = files.processes()?;
            Ok((names.iter().filter(|name| *name == "sleep").count() >= 2).then_some(()))
        })
        .await?;
        demo.signal(signal)?;
        assert_eq!(demo.wait(BOUND).await?.code(), Some(130), "{}", demo.log());
        assert_eq!(files.processes()?, Vec::<String>::new());
        assert!(
            demo.log().contains("interrupted: ending what was started"),
            "{}",
            demo.log()
        );
    }
    Ok(())
}

#[tokio::test]
async fn killed_the_demo_leaves_no_process_behind_and_the_state_is_kept() -> Result<()> {
    let files = Demo::new()?;
    let mut demo = files.start_and_reach("producer watch", &[]).await?;
    demo.kill()?;
    files.nothing_is_left().await?;
    assert!(
        files
            .output()
            .join("generated-2000/state/sqs.json")
            .is_file()
    );
    Ok(())
}

#[tokio::test]
async fn the_demo_prints_its_steps_and_can_run_twice() -> Result<()> {
    let files = Demo::new()?;
    let mut demo = files.start_and_reach("producer watch", &[]).await?;
    play_the_worker(&files).await?;
    let status = demo.wait(BOUND).await?;
    let story = demo.log();
    assert!(status.success(), "{story}");
    let directory = files.directory.path().display();
    for line in [
        "$ producer submit {}/demo-output/cells.json -o json",
        "   {\"task\": \"task-1\", \"state\": \"RUNNING\"}",
        "$ worker run 2> {}/demo-output/worker-2.log &",
        "\"event\": \"task_complete\"",
        "       7 B  s3://tilefleet-output/20200801/a.tif",
        "sheet of {}/demo-output/rasters/20200801/a.tif",
    ] {
        let line = line.replace("{}", &directory.to_string());
        assert!(story.contains(&line), "{line:?} is not in\n{story}");
    }
    let document: serde_json::Value =
        serde_json::from_slice(&fs::read(files.output().join("cells.json"))?)?;
    assert_eq!(
        document,
        serde_json::json!({"detail": {"cells": [{
            "files": "s3://sentinel-s2-l2a/tiles/48/R/XT/2020/8/1/0/R10m/",
            "date": "20200801",
            "output_bucket": "tilefleet-output",
            "region_name": "eu-central-1",
        }]}})
    );

    let mut demo = files.start(&[])?;
    let status = demo.wait(BOUND).await?;
    let story = demo.log();
    assert!(status.success(), "{story}");
    for line in [
        "0 files uploaded (0 B), 3 there already",
        "task task-1 is already complete",
        "20200801/a.tif",
    ] {
        assert!(story.contains(line), "{line:?} is not in\n{story}");
    }
    assert!(!story.contains("worker run"), "{story}");
    files.nothing_is_left().await
}

/// Does the work of a worker for the demo's one cell.
async fn play_the_worker(files: &Demo) -> Result<()> {
    let port = fs::read_to_string(files.output().join("generated-2000/port"))?;
    let endpoint = Endpoint::at(&format!("http://127.0.0.1:{port}"));
    let stack = Stack::create(&endpoint, "tilefleet").await?;
    let raster = b"raster\n".to_vec();
    stack
        .s3
        .put_object()
        .bucket(&stack.output_bucket)
        .key("20200801/a.tif")
        .body(raster.into())
        .send()
        .await?;
    let text = |value: &str| {
        aws_sdk_sns::types::MessageAttributeValue::builder()
            .data_type("String")
            .string_value(value)
            .build()
    };
    stack
        .sns
        .publish()
        .topic_arn(&stack.topic_arn)
        .message(
            r#"{"event": "task_complete", "task": "task-1", "cells": 1, "ok": 1, "failed": 0}"#,
        )
        .message_attributes("event", text("task_complete")?)
        .message_attributes("task", text("task-1")?)
        .send()
        .await?;
    fs::write(files.output().join("done"), "")?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs TILEFLEET_REAL_SCENES"]
async fn real_scenes_are_found_and_uploaded_as_they_lie() -> Result<()> {
    let data =
        std::env::var("TILEFLEET_REAL_SCENES").context("TILEFLEET_REAL_SCENES is not set")?;
    let scenes = format!("{data}/T55JGF_20180617_aws");
    let files = Demo::new()?;
    let demo = files
        .start_and_reach("producer watch", &["--scenes", &scenes])
        .await?;
    let story = demo.log();
    assert!(story.contains("1 acquisitions"), "{story}");
    // Three bands, three files of metadata; neither preview nor TCI.
    assert!(story.contains("6 files uploaded"), "{story}");
    let document: serde_json::Value =
        serde_json::from_slice(&fs::read(files.output().join("cells.json"))?)?;
    let cell = &document["detail"]["cells"][0];
    assert_eq!(
        cell["files"],
        "s3://sentinel-s2-l2a/tiles/55/J/GF/2018/6/17/0/"
    );
    assert_eq!(cell["date"], "20180617");
    Ok(())
}

#[tokio::test]
async fn a_failed_step_is_reported_in_one_line_and_leaves_no_process_behind() -> Result<()> {
    let files = Demo::new()?;
    fs::write(
        files.directory.path().join("producer"),
        "#!/bin/sh\necho no such queue >&2; exit 3\n",
    )?;
    let mut demo = files.start(&[])?;
    assert_eq!(demo.wait(BOUND).await?.code(), Some(1), "{}", demo.log());
    assert!(
        demo.log()
            .contains("\nerror: expected exit code 0: `producer submit "),
        "{}",
        demo.log()
    );
    assert!(demo.log().contains("no such queue"), "{}", demo.log());
    files.nothing_is_left().await
}
