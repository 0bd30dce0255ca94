//! Input that cannot become a task: the message names the input, the cause and the next step, and
//! nothing is sent.

use anyhow::{Context as _, Result};
use serde_json::json;
use tilefleet_tests::{Fleet, objects};

use crate::support::site::Site;

fn document(cells: &str) -> String {
    format!(r#"{{"detail":{{"cells":[{cells}]}}}}"#)
}

const SOUND: &str = r#"{"files":"s3://sentinel-s2-l2a/tiles/48/R/XT/2020/8/1/0/R10m/","date":"20200801","output_bucket":"my-bucket","region_name":"eu-central-1"}"#;

/// Fails if the table, the queue or a bucket has anything.
async fn nothing_was_sent(site: &Site) -> Result<()> {
    assert_eq!(
        site.stack
            .dynamodb
            .scan()
            .table_name(&site.stack.table)
            .send()
            .await?
            .count(),
        0
    );
    assert_eq!(
        objects::list(&site.stack.s3, &site.stack.output_bucket, "")
            .await?
            .len(),
        0
    );
    let receive = site
        .stack
        .sqs
        .receive_message()
        .queue_url(&site.stack.queue_url)
        .wait_time_seconds(0);
    assert_eq!(receive.send().await?.messages().len(), 0);
    Ok(())
}

#[tokio::test]
async fn bad_cells_are_named_with_the_cause_and_the_next_step() -> Result<()> {
    let site = Site::new("bad-input").await?;
    let with = |from: &str, to: &str| document(&SOUND.replace(from, to));
    // The input and its message; @ stands for the file.
    let cases = [
        (document(""), "@ has no cells; a task needs at least one"),
        (String::new(), "@ has no cells; a task needs at least one"),
        (
            with("\"20200801\"", "\"20200230\""),
            "@ cell 1: field \"date\": \"20200230\" is not a date: expected YYYYMMDD or YYYY-MM-DD, such as 20200801",
        ),
        (
            with("\"20200801\"", "\"20200802\""),
            "@ cell 1: date 2020-08-02 of field \"date\" does not agree with 2020-08-01 of the path in \"files\"; \
             correct one of them",
        ),
        (
            with("s3://sentinel-s2-l2a/", "/data/"),
            "@ cell 1: field \"files\": \"/data/tiles/48/R/XT/2020/8/1/0/R10m/\" is not an s3 address: expected \
             s3://bucket/key",
        ),
        (
            with("\"20200801\"", "20200801"),
            "@ cell 1: field \"date\" must be a string such as \"20200801\", not a number",
        ),
        (
            with("\"date\"", "\"day\""),
            "@ cell 1: unknown field \"day\"; known are files, assets, cell, tile, date, number, output, \
             output_bucket, region_name, request_payer, ledger",
        ),
        (
            document(&format!("{SOUND},{SOUND}")),
            "@ cell 2: repeats cell 1 (48RXT/2020-08-01/0); remove it or pass --skip-duplicates",
        ),
        (
            document("7"),
            "@ cell 1: a number is not a cell; expected an object such as \
             {\"files\":\"s3://…\",\"date\":\"20200801\",\"output_bucket\":\"…\"}",
        ),
        (
            "[1]".to_owned(),
            "@ is a JSON array; make it NDJSON, one cell per line, with jq -c '.[]'",
        ),
        (
            "hello\n".to_owned(),
            "@ is neither JSON nor NDJSON, it begins with \"hello\"; expected {\"detail\":{\"cells\":[…]}} or one cell \
             per line",
        ),
        (
            "{\"cell\":\"48RXT/2020-08-01/0\",\"assets\":{\"B02\":\"s3://bucket/B02.jp2\"},\"output_bucket\":\"my-bucket\"}\n"
                .to_owned(),
            "@ line 1: no asset B04, which recipe rgb reads; it reads B04, B03, B02; the cell has B02",
        ),
        (
            "{\"files\":\"s3://bucket/tiles/48/R/XT/2020/8/1/0/\"}\n".to_owned(),
            "@ line 1: no output; add \"output_bucket\" or \"output\":\"s3://bucket/prefix\" to the cell, or pass --output",
        ),
    ];
    for (number, (input, words)) in cases.iter().enumerate() {
        let file = site.write(&format!("input-{number}"), input)?;
        let refused = site.producer(&["submit", &file]).await?;
        refused.expect_code(2).with_context(|| input.clone())?;
        let words = format!("error: {}", words.replace('@', &file));
        assert!(
            refused.stderr.lines().any(|line| line == words),
            "{words}\n{}",
            refused.story()
        );
        assert_eq!(refused.stdout, "", "{}", refused.story());
    }
    let missing = site.path("none").display().to_string();
    let refused = site.producer(&["submit", &missing]).await?;
    let words =
        format!("error: {missing} does not exist; check the path, or use - for standard input\n");
    assert_eq!(
        (refused.code(), refused.stderr.as_str()),
        (2, words.as_str())
    );
    nothing_was_sent(&site).await
}

#[tokio::test]
async fn an_address_without_a_tile_is_refused_with_a_hint_to_name_it() -> Result<()> {
    let site = Site::new("no-tile").await?;
    for band in ["B02", "B03", "B04"] {
        site.put(&format!("somewhere/{band}.jp2"), b"x").await?;
    }
    let cell = site.cell(&format!("{}/somewhere/", site.stack.prefix), "2020-08-01");
    let refused = site
        .producer(&["submit", &site.document(std::slice::from_ref(&cell))?])
        .await?;
    refused.expect_code(2)?;
    let files = cell["files"].as_str().context("no files")?;
    let words = format!(
        "cell 1: the tile of {files} is unknown: it has no layout tiles/48/R/XT/2020/8/1/0/, no tile in an object's name, no \
         tileInfo.json; add \"tile\":\"48RXT\""
    );
    assert!(
        refused.stderr.contains(&words),
        "{words}\n{}",
        refused.story()
    );
    nothing_was_sent(&site).await
}

#[tokio::test]
async fn the_tile_is_read_from_tile_info_beside_the_bands() -> Result<()> {
    let site = Site::new("tile-info").await?;
    for band in ["B02", "B03", "B04"] {
        site.put(&format!("somewhere/{band}.jp2"), b"x").await?;
    }
    let info = json!({"utmZone": 48, "latitudeBand": "R", "gridSquare": "XT", "timestamp": "2020-08-01T03:00:00Z"});
    site.put("somewhere/tileInfo.json", info.to_string().as_bytes())
        .await?;
    let cell = site.cell(&format!("{}/somewhere/", site.stack.prefix), "2020-08-01");
    let dry = site
        .producer(&[
            "submit",
            &site.document(&[cell])?,
            "--dry-run",
            "-o",
            "ndjson",
        ])
        .await?;
    assert!(
        dry.expect_code(0)?.stdout.contains("48RXT/2020-08-01/0"),
        "{}",
        dry.story()
    );
    nothing_was_sent(&site).await
}

#[tokio::test]
async fn a_fleet_that_cannot_be_used_is_named_and_nothing_is_sent() -> Result<()> {
    let site = Site::new("trouble").await?;
    let file = site.document(&[site.cell("tiles/48/R/XT/2020/8/1/0/R10m/", "2020-08-01")])?;
    let none = site.stack.queue_url.replace("-cells", "-none");
    let queue = site
        .producer(&["--queue-url", &none, "submit", &file])
        .await?;
    queue.expect_code(1)?;
    let words = format!("error: queue {none} does not exist (");
    assert!(
        queue.stderr.contains(&words) && queue.stderr.contains("TILEFLEET_QUEUE_URL"),
        "{}",
        queue.story()
    );

    let table = site
        .producer(&["--table", "nowhere", "submit", &file])
        .await?;
    table.expect_code(1)?;
    assert!(
        table
            .stderr
            .contains("error: table nowhere does not exist (ResourceNotFoundException)"),
        "{}",
        table.story()
    );

    let fleet = Fleet::new(&site.stack)?.with("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let unreachable = fleet.producer(&["submit", &file]).await?;
    unreachable.expect_code(1)?;
    assert!(
        unreachable.stderr.contains("error: cannot reach "),
        "{}",
        unreachable.story()
    );
    assert!(
        unreachable
            .stderr
            .contains("check the network, AWS_REGION and AWS_ENDPOINT_URL"),
        "{}",
        unreachable.story()
    );
    nothing_was_sent(&site).await
}

#[tokio::test]
async fn exit_codes_depend_on_the_kind_of_failure() -> Result<()> {
    let site = Site::new("codes").await?;
    let one = site.write(
        "one",
        document(&SOUND.replace("my-bucket", &site.stack.output_bucket)),
    )?;
    let other = document(
        &SOUND
            .replace("my-bucket", &site.stack.output_bucket)
            .replace("/8/1/0/", "/8/1/1/"),
    );
    let other = site.write("other", other)?;
    site.producer(&["submit", &one, "--task-id", "summer"])
        .await?
        .expect_code(0)?;
    site.producer(&["submit", &one, "--task-id", "summer"])
        .await?
        .expect_code(0)?;
    let conflict = site
        .producer(&["submit", &other, "--task-id", "summer"])
        .await?;
    conflict.expect_code(4)?;
    let words = "error: task summer already exists with other cells or another recipe; choose another --task-id, or \
                 leave it out\n";
    assert_eq!(conflict.stderr, words);

    let unknown = site.producer(&["status", "winter"]).await?;
    unknown.expect_code(3)?;
    assert!(
        unknown
            .stderr
            .starts_with("error: task winter does not exist in table "),
        "{}",
        unknown.story()
    );
    site.producer(&["wait", "winter"]).await?.expect_code(3)?;
    site.producer(&["wait", "summer", "--timeout", "100ms"])
        .await?
        .expect_code(11)?;
    site.producer(&["submit", "--recipe", "soup", &one])
        .await?
        .expect_code(2)?;
    site.producer(&["status"]).await?.expect_code(2)?;
    Ok(())
}
