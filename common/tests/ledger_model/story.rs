//! What happens, in words: a line for each event, with what it changed and what was refused and
//! why.
//!
//! Numbers are those of the steps in `docs/ARCHITECTURE.md`. Both the counterexamples of a search
//! and the committed traces are written this way.
#![expect(
    clippy::unwrap_used,
    reason = "an event that has no words ends the test, as it should"
)]

use std::collections::BTreeSet;

use stateright::Model as _;
use tilefleet_common::ledger::flow::{Deferral, Operation, Outcome, Step};
use tilefleet_common::ledger::transition::Notice;
use tilefleet_common::ledger::{Condition, Item, Key, Part, Value, attribute};

use crate::commands::{Resume, Retry, Submit};
use crate::event::Event;
use crate::fleet::Fleet;
use crate::queue::Receipt;
use crate::state::{State, Worker};
use crate::table::Cells;

/// One event in words.
pub(crate) struct Line {
    /// The worker that it is about, by number.
    pub(crate) worker: Option<u8>,
    /// Who does it, if it is not a worker.
    pub(crate) who: &'static str,
    /// What is done, after the number of the step.
    pub(crate) what: String,
    /// What it changed, or why it was refused.
    pub(crate) effects: Vec<String>,
}

impl Fleet {
    /// These events from the beginning, a line each, for a person who reads a counterexample; and
    /// where they lead.
    pub(crate) fn describe(&self, events: impl IntoIterator<Item = Event>) -> (String, State) {
        let mut state = self.init_states().remove(0);
        let mut story = String::new();
        for (event, number) in events.into_iter().zip(1..) {
            let line = self.line(&state, event).0;
            // The search does not keep workers apart, so a worker is known by its cell.
            let step = line.worker.and_then(|worker| self.step(&state, worker));
            let who = match step {
                Some((ordinal, _)) => format!("worker with cell {ordinal}"),
                None if line.worker.is_some() => "idle worker".to_owned(),
                None => line.who.to_owned(),
            };
            story += &set(number, &who, &line);
            state = self.next_state(&state, event).unwrap();
        }
        (story, state)
    }

    /// Describes `event`, and returns the state after it, in which workers keep their numbers.
    pub(crate) fn line(&self, before: &State, event: Event) -> (Line, State) {
        let (worker, who, what) = self.deed(before, event);
        // What a worker's step does to the ledger; a command adds its own operations.
        let mut operations = vec![];
        if let Event::Proceed(worker) | Event::AnswerLost(worker) = event {
            operations.extend(self.next_operation(before, worker));
        }
        let after = self.after(before, event, Some(&mut operations));
        let mut effects: Vec<String> = operations
            .iter()
            .filter_map(|operation| self.refusal(before, operation))
            .collect();
        effects.extend(self.found(before, event, &operations));
        // The model reads the recipe in one step with the shard.
        if let Event::Proceed(worker) = event
            && let (Some((_, was)), Some((_, is))) =
                (self.step(before, worker), self.step(&after, worker))
            && (&*was, matches!(*is, Step::Start(_))) == (&Step::ReadShard, true)
        {
            effects.push("recipe found".to_owned());
        }
        effects.extend(self.changes(before, &after));
        effects.extend(self.aftermath(before, &after, event));
        if effects.is_empty() && !operations.is_empty() {
            effects.push("no change".to_owned());
        }
        let line = Line {
            worker,
            who,
            what,
            effects,
        };
        (line, after)
    }

    /// By whom the event is, and what it is.
    fn deed(&self, state: &State, event: Event) -> (Option<u8>, &'static str, String) {
        let by = |worker: u8, what: String| (Some(worker), "", what);
        let step = |worker: u8| match self.step(state, worker) {
            Some((_, step)) => step_name(&step),
            None => "does nothing".to_owned(),
        };
        let command = |who: &'static str, what: String| (None, who, what);
        // A repair ends as a retry does.
        let retry = if self.has_repairs() {
            "repair"
        } else {
            "retry"
        };
        match event {
            Event::Receive { worker, place } => {
                let ordinal = state.queue.ordinal(place).unwrap();
                by(worker, format!("  receive cell {ordinal}"))
            }
            Event::WorkOk(worker) => by(worker, " 5 publish the raster".to_owned()),
            Event::WorkFailed(worker) => by(worker, " 5 fail for good".to_owned()),
            Event::AnswerLost(worker) => by(worker, step(worker) + ", answer LOST"),
            Event::Proceed(worker)
            | Event::Publish(worker)
            | Event::PublishFailed(worker)
            | Event::Delete(worker)
            | Event::DeleteInVain(worker)
            | Event::Defer(worker) => by(worker, step(worker)),
            Event::Count(worker) => by(worker, " 9 count the cells".to_owned()),
            Event::Crash(worker) => by(worker, "DIES".to_owned()),
            Event::Expire(worker) => by(worker, "LOSES ITS LEASE".to_owned()),
            Event::LeaseLapses => command("clock", "the claim RUNS OUT".to_owned()),
            Event::Submit => command("submit", submit_name(state.submit)),
            Event::SubmitCrashes => command("submit", "DIES".to_owned()),
            Event::RetryAsked => command("retry", "is started".to_owned()),
            Event::RepairAsked => command("repair", "is started".to_owned()),
            Event::Retry => command(retry, retry_name(state.retry)),
            Event::RetryCrashes => command(retry, "DIES".to_owned()),
            Event::Cancel => command("cancel", "cancel the task".to_owned()),
            Event::ResumeAsked => command("resume", "is started".to_owned()),
            Event::Resume => command("resume", resume_name(state.resume)),
            Event::ResumeCrashes => command("resume", "DIES".to_owned()),
            Event::GroupLost => command("mishap", "the item of group 0 is GONE".to_owned()),
        }
    }

    /// Why `operation` is refused, if it is.
    fn refusal(&self, state: &State, operation: &Operation) -> Option<String> {
        let item = |key: &Key| self.table().item(&state.items, key);
        let first = |key: &Key, conditions: &[Condition]| {
            let item = item(key);
            let broken = conditions
                .iter()
                .find(|condition| !condition.holds(item.as_deref()))?;
            Some(format!("REFUSED: {}", why(key, broken, item.as_deref())))
        };
        match operation {
            Operation::Read(_) => None,
            Operation::Write(write) => first(&write.key, &write.conditions),
            Operation::Transact(transaction) => {
                transaction.parts.iter().find_map(|part| match part {
                    Part::Check(key, conditions) => first(key, conditions),
                    Part::Write(write) => first(&write.key, &write.conditions),
                })
            }
        }
    }

    /// What a read finds.
    fn found(&self, state: &State, event: Event, operations: &[Operation]) -> Option<String> {
        let task = || Key::Header(self.new_task().task.clone());
        let shard = |shard: u8| Key::Shard(self.new_task().task.clone(), shard.into());
        let key = match (event, operations) {
            (_, [Operation::Read(key)]) => key.clone(),
            (Event::Submit, _) => match state.submit {
                Submit::ReadTask => task(),
                _ => return None,
            },
            (Event::Retry, _) => match state.retry {
                Retry::ReadTask(_) => task(),
                Retry::ReadShard(number, ..) | Retry::ReadPending(number) => shard(number),
                _ => return None,
            },
            (Event::Resume, _) => match state.resume {
                Resume::ReadTask | Resume::ReadOpen => task(),
                _ => return None,
            },
            _ => return None,
        };
        let item = self.table().item(&state.items, &key);
        let words = match item {
            Some(item) => said(&key, &item).join(", "),
            None => "is not there".to_owned(),
        };
        Some(format!("{} {words}", label(&key)))
    }

    /// What is different afterwards, item by item.
    pub(crate) fn changes(&self, before: &State, after: &State) -> Vec<String> {
        let mut changes = vec![];
        for key in self.keys() {
            let was = self.table().item(&before.items, &key);
            let is = self.table().item(&after.items, &key);
            let (Some(is), true) = (&is, was != is) else {
                continue;
            };
            let words = match was {
                Some(was) => differences(&was, is),
                None if matches!(key, Key::Recipe(_)) => {
                    vec!["there, and never changed".to_owned()]
                }
                None => said(&key, is),
            };
            if !words.is_empty() {
                changes.push(format!("{}: {}", label(&key), words.join(", ")));
            }
        }
        changes
    }

    /// What an event means for messages and subscribers, which the ledger does not know.
    fn aftermath(&self, before: &State, after: &State, event: Event) -> Vec<String> {
        let next = |name: String| format!("before `{}`", bare(&name));
        let visible = |worker: u8| {
            let is_held = before.queue.receipt(worker) == Receipt::Current;
            is_held.then(|| "its message becomes visible".to_owned())
        };
        match event {
            Event::Publish(_) | Event::AnswerLost(_)
                if after.history.repeated != before.history.repeated =>
            {
                vec!["the same event_id again: subscribers drop it".to_owned()]
            }
            Event::Count(worker) => match after.workers[usize::from(worker)] {
                Worker::Busy {
                    counted: Some((ok, failed)),
                    ..
                } => vec![format!("{ok} ok, {failed} failed")],
                _ => vec![],
            },
            Event::Publish(worker) if self.is_deleting(after, worker) => {
                vec!["NOT: the task has left epoch".to_owned()]
            }
            Event::PublishFailed(_) => vec!["FAILS".to_owned()],
            Event::Crash(worker) => {
                let step = self.step(before, worker);
                let died = step.map(|(_, step)| next(step_name(&step)));
                died.into_iter().chain(visible(worker)).collect()
            }
            Event::Expire(worker) => visible(worker)
                .into_iter()
                .chain(["it does not know".to_owned()])
                .collect(),
            Event::DeleteInVain(_) => vec!["without effect: its receipt is old".to_owned()],
            Event::SubmitCrashes => vec![next(submit_name(before.submit))],
            Event::RetryCrashes => vec![next(retry_name(before.retry))],
            Event::ResumeCrashes => vec![next(resume_name(before.resume))],
            _ => vec![],
        }
    }

    fn is_deleting(&self, state: &State, worker: u8) -> bool {
        let step = self.step(state, worker);
        step.is_some_and(|(_, step)| *step == Step::Delete)
    }

    /// The items that the task may have.
    fn keys(&self) -> Vec<Key> {
        let new = self.new_task();
        let shards = new.cells.div_ceil(new.shard_size);
        let cells = (0..new.cells).map(|ordinal| (ordinal / new.shard_size, ordinal));
        let mut keys = vec![Key::Header(new.task.clone()), Key::Recipe(new.task.clone())];
        let groups = shards.div_ceil(new.group_size);
        keys.extend((0..groups).map(|group| Key::Group(new.task.clone(), group)));
        keys.extend((0..shards).map(|shard| Key::Shard(new.task.clone(), shard)));
        keys.extend(cells.map(|(shard, ordinal)| Key::Cell(new.task.clone(), shard, ordinal)));
        keys
    }

    /// Every item as it stands, each with its name. The recipe never changes.
    pub(crate) fn standing(&self, state: &State) -> Vec<(String, String)> {
        let may_change = |key: &Key| !matches!(key, Key::Recipe(_));
        let items = self
            .keys()
            .into_iter()
            .filter(may_change)
            .filter_map(|key| {
                let item = self.table().item(&state.items, &key)?;
                Some((label(&key), said(&key, &item).join(", ")))
            });
        items.collect()
    }
}

/// The most columns of a line.
const COLUMNS: usize = 100;
/// The column in which effects begin.
const EFFECTS: usize = 43;

/// A line of a story. Effects that do not fit beside each other stand below each other.
pub(crate) fn set(number: usize, who: &str, line: &Line) -> String {
    let mut text = format!("{number:>3}  {who:<9} {:<27}", line.what);
    let mut column = text.len();
    let mut is_first = true;
    for effect in &line.effects {
        for part in effect.split_inclusive(", ") {
            if !is_first && column + part.trim_end().len() > COLUMNS {
                text.truncate(text.trim_end().len());
                text += "\n";
                column = 0;
            }
            if column < EFFECTS {
                text += &" ".repeat(EFFECTS - column);
                column = EFFECTS;
            }
            text += part;
            column += part.len();
            is_first = false;
        }
        // The next effect begins a line of its own, unless all of them fit into one.
        if line.effects.join("; ").len() + EFFECTS <= COLUMNS {
            text += "; ";
            column += 2;
        } else {
            column = COLUMNS;
        }
    }
    text.trim_end_matches([' ', ';']).to_owned() + "\n"
}

/// The name of a step without its number.
fn bare(name: &str) -> &str {
    name.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit())
}

fn step_name(step: &Step) -> String {
    match step {
        Step::ReadTask => " 4 read the task".to_owned(),
        Step::ReadShard => " 4 read the shard".to_owned(),
        Step::ReadCell { .. } => " 4 read the cell".to_owned(),
        Step::ReadRecipe => " 4 read the recipe".to_owned(),
        Step::Start(_) => " 4 start the cell".to_owned(),
        Step::Restart(_) => " 4 restart the cell".to_owned(),
        Step::Work(_) => " 5 work".to_owned(),
        Step::Record(Outcome::Ok(_)) => " 6 record ok".to_owned(),
        Step::Record(Outcome::Failed(_)) => " 6 record failed".to_owned(),
        Step::Announce(_) => "   announce the failure".to_owned(),
        Step::CloseOk(None) => " 7 close the cell as ok".to_owned(),
        Step::CloseOk(Some(end)) => format!(" 7 close the cell as {end}"),
        Step::CloseFailed => " 7 close the cell as failed".to_owned(),
        Step::CloseShard => " 8 close the shard".to_owned(),
        Step::ReadGroup => " 8 read the group".to_owned(),
        Step::CloseGroup => " 8b close the group".to_owned(),
        Step::Complete => " 9 complete the task".to_owned(),
        Step::CountFailed { .. } => " 7 count the failed cell".to_owned(),
        Step::Stop(_) => "   stop the task".to_owned(),
        Step::ClaimNotice(notice) => format!(" 9 claim {}", name_of(*notice)),
        Step::Publish { notice, .. } => format!(" 9 publish {}", name_of(*notice)),
        Step::MarkNotified(notice @ Notice::Complete(_)) => {
            format!(" 9 mark {} as sent", name_of(*notice))
        }
        Step::MarkNotified(notice) => format!(" 9 mark {}", name_of(*notice)),
        Step::ReleaseNotice { notice, .. } => format!(" 9 give {} back", name_of(*notice)),
        Step::Delete => "10 delete the message".to_owned(),
        Step::Defer(Deferral::Layout(_)) => "   leave it: layout".to_owned(),
        Step::Defer(Deferral::Recipe(_)) => "   leave it: recipe".to_owned(),
        Step::Defer(Deferral::UnknownTask) => "   leave it: unknown task".to_owned(),
        Step::Defer(Deferral::NoticeHeld { .. }) => "   leave it: notice claimed".to_owned(),
        Step::Defer(Deferral::NoticeFailed) => "   leave it: notice failed".to_owned(),
    }
}

fn name_of(notice: Notice) -> String {
    match notice {
        Notice::Complete(epoch) => format!("notice {epoch}"),
        Notice::Cancelled(cancels) => format!("cancel notice {cancels}"),
    }
}

fn submit_name(call: Submit) -> String {
    match call {
        Submit::ReadTask => "   read the task".to_owned(),
        Submit::CreateRecipe => " 2 create the recipe".to_owned(),
        Submit::CreateTask => " 3 create the task".to_owned(),
        Submit::CreateGroup(shard) => format!(" 4 create the group of {shard}"),
        Submit::CreateShard(shard) => format!(" 4 create shard {shard}"),
        Submit::Send(_, cells, _) => format!(" 4 send {}", first_of(cells)),
        Submit::MarkEnqueued(shard, _) => format!(" 4 mark shard {shard}"),
        Submit::MarkSubmitted => "   mark the task".to_owned(),
        Submit::Done => "   end".to_owned(),
    }
}

fn retry_name(call: Retry) -> String {
    match call {
        Retry::Unasked => "   wait".to_owned(),
        Retry::Unmark(shard) => format!("   unmark shard {shard}"),
        Retry::ReadTask(_) => " 1 read the task".to_owned(),
        Retry::ReadShard(shard, ..) => format!(" 1 read shard {shard}"),
        Retry::Reopen(shard, ..) => format!(" 1 reopen shard {shard}"),
        Retry::ReadPending(shard) => format!(" 2 read shard {shard}"),
        Retry::Send(_, cells, _) => format!(" 2 send {}", first_of(cells)),
        Retry::MarkEnqueued(shard, _) => format!(" 2 mark shard {shard}"),
        Retry::Done => "   end".to_owned(),
    }
}

fn resume_name(call: Resume) -> String {
    match call {
        Resume::Unasked => "   wait".to_owned(),
        Resume::ReadTask => "   read the task".to_owned(),
        Resume::Run | Resume::RunAtLast => "   run the task again".to_owned(),
        Resume::ReadOpen => "   read the open shards".to_owned(),
        Resume::CreateGroup(shard, _) => format!("   create the group of {shard}"),
        Resume::ReadShard(shard, _) => format!("   create shard {shard}"),
        Resume::Send(_, cells, ..) => format!("   send {}", first_of(cells)),
        Resume::MarkEnqueued(shard, ..) => format!("   mark shard {shard}"),
        Resume::MarkSubmitted => "   mark the task".to_owned(),
        Resume::SendDuty => "   send cell 0 for the notice".to_owned(),
        Resume::Done => "   end".to_owned(),
    }
}

fn first_of(cells: Cells) -> String {
    format!("cell {}", cells.trailing_zeros())
}

fn label(key: &Key) -> String {
    match key {
        Key::Header(_) | Key::Layout1(_) => "task".to_owned(),
        Key::Group(_, group) => format!("group {group}"),
        Key::Recipe(_) => "recipe".to_owned(),
        Key::Shard(_, shard) => format!("shard {shard}"),
        Key::Cell(_, _, ordinal) => format!("cell {ordinal}"),
        // No step of the protocol is about these.
        Key::Denial(..) | Key::Bucket(_) | Key::Worker(..) | Key::Replacement(_) => key.to_string(),
    }
}

/// The attributes that a story shows, in this order, each with its word.
const SHOWN: [(&str, &str); 12] = [
    (attribute::STATE, ""),
    (attribute::EPOCH, "epoch "),
    (attribute::OPEN_GROUPS, "open groups "),
    (attribute::OPEN_SHARDS, "open shards "),
    (attribute::NOTIFIED_EPOCH, "notified "),
    (attribute::CANCELS_NOTIFIED, "notified cancels "),
    (attribute::FAILURES, "failures "),
    (attribute::NOTIFY_UNTIL, ""),
    (attribute::PENDING, "pending "),
    (attribute::FAILED, "failed "),
    (attribute::ENQUEUED, ""),
    (attribute::REOPENED, "reopened "),
];

fn value(name: &str, value: Option<&Value>) -> String {
    let numbers = |set: &BTreeSet<u32>| {
        let all: Vec<String> = set.iter().map(u32::to_string).collect();
        format!("{{{}}}", all.join(" "))
    };
    match (name, value) {
        (attribute::NOTIFY_UNTIL, Some(Value::Number(until))) if *until < 0 => {
            "claim run out".to_owned()
        }
        (attribute::NOTIFY_UNTIL, Some(_)) => "claimed".to_owned(),
        (attribute::NOTIFY_UNTIL, None) => "not claimed".to_owned(),
        (attribute::ENQUEUED, Some(_)) => "enqueued".to_owned(),
        (attribute::ENQUEUED, None) => "not enqueued".to_owned(),
        (
            attribute::REOPENED
            | attribute::NOTIFIED_EPOCH
            | attribute::CANCELS_NOTIFIED
            | attribute::FAILURES,
            None,
        ) => "0".to_owned(),
        (_, Some(Value::Text(text))) => text.clone(),
        (_, Some(Value::Number(number))) => number.to_string(),
        (_, Some(Value::Numbers(set))) => numbers(set),
        (_, Some(Value::Flag(flag))) => flag.to_string(),
        (_, None) => "{}".to_owned(),
    }
}

/// Whether the notice of the task's epoch or of its cancellation is out. The claim has no meaning any more then.
fn is_notified(task: &Item) -> bool {
    task.get(attribute::NOTIFIED_EPOCH) == task.get(attribute::EPOCH)
        || task.get(attribute::CANCELS_NOTIFIED).is_some()
            && task.get(attribute::CANCELS_NOTIFIED) == task.get(attribute::CANCELS)
}

/// What an item says; sets that are empty and counts of nothing are left out.
fn said(key: &Key, item: &Item) -> Vec<String> {
    let mut words = vec![];
    for (name, word) in SHOWN {
        match item.get(name) {
            None if name == attribute::PENDING && matches!(key, Key::Shard(..)) => {
                words.push("pending {}".to_owned());
            }
            None if name == attribute::OPEN_SHARDS && matches!(key, Key::Group(..)) => {
                words.push("open shards {}".to_owned());
            }
            Some(Value::Number(0)) | None => {}
            Some(_) if name == attribute::NOTIFY_UNTIL && is_notified(item) => {}
            Some(said) => words.push(format!("{word}{}", value(name, Some(said)))),
        }
    }
    words
}

fn differences(was: &Item, is: &Item) -> Vec<String> {
    let mut words = vec![];
    for (name, word) in SHOWN {
        let (old, new) = (was.get(name), is.get(name));
        if old != new && !(name == attribute::NOTIFY_UNTIL && is_notified(is)) {
            let (old, new) = (value(name, old), value(name, new));
            let is_word = matches!(name, attribute::NOTIFY_UNTIL | attribute::ENQUEUED);
            words.push(if is_word {
                new
            } else {
                format!("{word}{old} -> {new}")
            });
        }
    }
    words
}

/// What the item is instead of what the condition wants.
fn why(key: &Key, broken: &Condition, item: Option<&Item>) -> String {
    let label = label(key);
    let of = |name: &str| item.and_then(|item| item.get(name));
    let word = |name: &str| {
        let known = SHOWN.iter().find(|(shown, _)| *shown == name);
        known.map_or("", |(_, word)| word)
    };
    let is = |name: &str| format!("{label} has {}{}", word(name), value(name, of(name)));
    match broken {
        Condition::Absent(attribute::STATE | attribute::SIZE) => format!("{label} is there"),
        Condition::Exists(_) => format!("{label} is not there"),
        Condition::IsNot(name, _) | Condition::Is(name, _) if *name == attribute::STATE => {
            format!("{label} is {}", value(name, of(name)))
        }
        Condition::AbsentOrBelow(name, _) if *name == attribute::NOTIFY_UNTIL => {
            "another worker has claimed it".to_owned()
        }
        Condition::Is(name, _) if *name == attribute::ENQUEUED => {
            format!("{label} is not enqueued")
        }
        Condition::Absent(name)
        | Condition::Is(name, _)
        | Condition::IsNot(name, _)
        | Condition::AbsentOrBelow(name, _)
        | Condition::AtLeast(name, _)
        | Condition::Contains(name, _) => is(name),
    }
}
