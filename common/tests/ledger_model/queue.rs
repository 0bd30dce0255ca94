//! An at-least-once queue: every send is a message of its own, a held message may become visible
//! while its holder goes on, and what a holder then does with its old receipt may or may not have
//! an effect.

/// Workers by number, as bits.
type Workers = u8;

/// A message that is still in the queue. Messages have no names: two that nothing tells apart are
/// one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Message {
    ordinal: u8,
    holder: Option<u8>,
    /// Those who received it before a visibility timeout and do not know yet.
    stale: Workers,
}

/// What a worker's receipt is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Receipt {
    /// The message is invisible to others.
    Current,
    /// The message is visible again, or somebody else's.
    Stale,
    /// The message is gone.
    Void,
}

/// The messages, sorted, so that equal queues are equal values.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Queue(Vec<Message>);

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn send(&mut self, ordinal: u8) {
        self.change(|messages| {
            messages.push(Message {
                ordinal,
                holder: None,
                stale: 0,
            });
        });
    }

    /// One place for each kind of visible message.
    pub(crate) fn visible(&self) -> impl Iterator<Item = u8> {
        (0_u8..).zip(&self.0).filter_map(|(place, message)| {
            let before = usize::from(place)
                .checked_sub(1)
                .and_then(|before| self.0.get(before));
            (message.holder.is_none() && before != Some(message)).then_some(place)
        })
    }

    pub(crate) fn ordinal(&self, place: u8) -> Option<u8> {
        self.0
            .get(usize::from(place))
            .map(|message| message.ordinal)
    }

    pub(crate) fn receive(&mut self, place: u8, worker: u8) {
        self.change(|messages| {
            if let Some(message) = messages.get_mut(usize::from(place)) {
                message.holder = Some(worker);
            }
        });
    }

    pub(crate) fn receipt(&self, worker: u8) -> Receipt {
        let known = self.0.iter().find_map(|message| {
            let stale = (message.stale & bit(worker) != 0).then_some(Receipt::Stale);
            (message.holder == Some(worker))
                .then_some(Receipt::Current)
                .or(stale)
        });
        known.unwrap_or(Receipt::Void)
    }

    /// The visibility timeout of what the worker holds is over.
    pub(crate) fn expire(&mut self, worker: u8) {
        self.change(|messages| {
            for message in messages
                .iter_mut()
                .filter(|message| message.holder == Some(worker))
            {
                message.holder = None;
                message.stale |= bit(worker);
            }
        });
    }

    /// The worker is dead, or hands back what it holds.
    pub(crate) fn release(&mut self, worker: u8) {
        self.change(|messages| {
            for message in messages {
                message.holder = message.holder.filter(|&holder| holder != worker);
                message.stale &= !bit(worker);
            }
        });
    }

    /// The worker deletes its message, whatever its receipt is worth.
    pub(crate) fn delete(&mut self, worker: u8) {
        self.change(|messages| {
            messages.retain(|message| {
                message.holder != Some(worker) && message.stale & bit(worker) == 0
            });
        });
    }

    /// The same queue with the two workers' names exchanged.
    pub(crate) fn mirrored(&self) -> Self {
        let mut mirrored = self.clone();
        mirrored.change(|messages| {
            for message in messages {
                message.holder = message.holder.map(|holder| 1 - holder);
                message.stale = (message.stale >> 1) | ((message.stale & 1) << 1);
            }
        });
        mirrored
    }

    fn change(&mut self, change: impl FnOnce(&mut Vec<Message>)) {
        change(&mut self.0);
        self.0.sort_unstable();
    }
}

fn bit(worker: u8) -> Workers {
    1 << worker
}
