//! Stopping the machines and starting them again.

use anyhow::Result;
use tilefleet_tests::{Finished, Fleet, MachineGroup};

use crate::support::site::Site;

struct Operator {
    site: Site,
    group: MachineGroup,
    fleet: Fleet,
}

impl Operator {
    async fn new(word: &str, machines: u32, least: u32) -> Result<Self> {
        let site = Site::new(word).await?;
        let group = MachineGroup::start(machines, least)?;
        let fleet = Fleet::new(&site.stack)?
            .with_all(group.environment())
            .with("TILEFLEET_FAULT_WAITS", "0");
        Ok(Self { site, group, fleet })
    }

    async fn submit(&self, day: u32) -> Result<Finished> {
        let date = format!("2020-08-0{day}");
        let cell = self
            .site
            .cell(&format!("tiles/48/R/XT/2020/8/{day}/0/R10m/"), &date);
        let file = self.site.document(&[cell])?;
        let submitted = self.fleet.producer(&["submit", &file]).await?;
        submitted.expect_code(0)?;
        Ok(submitted)
    }
}

#[tokio::test]
async fn a_stopped_fleet_stays_empty_until_it_is_started() -> Result<()> {
    let operator = Operator::new("stop", 3, 0).await?;
    let (fleet, group) = (&operator.fleet, &operator.group);
    let dry = fleet.producer(&["fleet", "stop", "--dry-run"]).await?;
    dry.expect_code(0)?;
    assert_eq!(group.size(), (3, 3), "{}", dry.story());

    let stopped = fleet.producer(&["fleet", "stop", "-o", "json"]).await?;
    let outcome = stopped.expect_code(0)?.json()?;
    assert_eq!(outcome["machines"], 3, "{}", stopped.story());
    assert_eq!(group.size(), (0, 0));
    assert_eq!(group.calls("SetInstanceProtection"), 1);
    let again = fleet.producer(&["fleet", "stop", "-o", "json"]).await?;
    assert_eq!(again.expect_code(0)?.json()?["already"], true);

    // A submit does not start it.
    let submitted = operator.submit(1).await?;
    assert!(
        submitted.stderr.contains("group some-workers is stopped")
            && submitted.stderr.contains("`producer fleet start`"),
        "{}",
        submitted.story()
    );
    assert_eq!(group.size(), (0, 0));
    let looked = fleet.producer(&["doctor"]).await?;
    looked.expect_code(1)?;
    assert!(
        looked.stdout.contains("some-workers is stopped"),
        "{}",
        looked.story()
    );

    let started = fleet.producer(&["fleet", "start", "-o", "json"]).await?;
    let outcome = started.expect_code(0)?.json()?;
    assert_eq!(
        (&outcome["was_stopped"], &outcome["ordered"]),
        (&true.into(), &1.into()),
        "{}",
        started.story()
    );
    assert_eq!(group.size().0, 1);
    let status = fleet.producer(&["fleet", "status", "-o", "json"]).await?;
    let status = status.expect_code(0)?.json()?;
    assert_eq!(status["suspended"], serde_json::json!(["AZRebalance"]));
    Ok(())
}

#[tokio::test]
async fn a_group_with_a_minimum_is_emptied_too() -> Result<()> {
    let operator = Operator::new("stop-least", 3, 2).await?;
    let stopped = operator.fleet.producer(&["fleet", "stop"]).await?;
    stopped.expect_code(0)?;
    assert_eq!(operator.group.size(), (2, 0), "{}", stopped.story());
    Ok(())
}
