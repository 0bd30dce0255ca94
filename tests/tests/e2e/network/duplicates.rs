//! Every message comes twice, as a standard queue may deliver it.

use anyhow::Result;
use tilefleet_tests::objects;

use crate::support::queues::taken;
use crate::support::site::Site;
use crate::support::tiny::{Ending, Events, Tiny};

const CELLS: u32 = 24;

async fn send(site: &Site, bodies: &[String]) -> Result<()> {
    for body in bodies {
        site.stack
            .sqs
            .send_message()
            .queue_url(&site.stack.queue_url)
            .message_body(body)
            .send()
            .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_task_whose_messages_all_come_twice_has_every_cell_once_and_one_notice() -> Result<()> {
    let tiny = Tiny::new("twice", 5).await?;
    // A message that arrives while its task's notice is being sent waits for the end of the claim.
    let (site, fleet) = (&tiny.site, tiny.with_short_waits(8)?);
    let task = tiny.submit(CELLS).await?;
    let bodies = taken(site).await?;
    assert_eq!(bodies.len(), usize::try_from(CELLS)?);
    // Each beside its copy, so that two workers are likely to hold them at the same time.
    send(
        site,
        &bodies
            .iter()
            .flat_map(|body| [body.clone(), body.clone()])
            .collect::<Vec<_>>(),
    )
    .await?;
    let workers: Vec<_> = (0..3)
        .map(|_| fleet.start("worker", &["run"]))
        .collect::<Result<_>>()?;
    let ending = Ending {
        ok: CELLS,
        failed: 0,
        epoch: 1,
    };
    let once = Events::from([(format!("{task}/1"), 1)]);
    assert_eq!(tiny.ends(&task, &ending, &workers).await?, once);

    // Once more after the task is complete.
    let begun = || {
        workers
            .iter()
            .map(|worker| worker.log().matches("\"begun\"").count())
            .sum::<usize>()
    };
    let before = (
        begun(),
        objects::list(&site.stack.s3, &site.stack.output_bucket, "").await?,
    );
    send(site, &bodies).await?;
    assert_eq!(tiny.ends(&task, &ending, &workers).await?, Events::new());
    let after = (
        begun(),
        objects::list(&site.stack.s3, &site.stack.output_bucket, "").await?,
    );
    assert_eq!(after, before, "nothing is begun again");
    Ok(())
}
