//! The queue, as scaling sees it: waiting cells, held cells, and when SQS publishes these numbers.

/// Seconds without any call after which SQS stops publishing ("Monitoring Amazon SQS queues using
/// `CloudWatch`").
const ACTIVE_SECONDS: u64 = 6 * 3600;

/// Cells that wait and cells that are held.
#[derive(Debug)]
pub struct Queue {
    /// Cells that wait.
    pub visible: u64,
    /// Cells that workers hold.
    pub inflight: u64,
    last_call: Option<u64>,
    silent_seconds: u64,
    tells_from: u64,
}

impl Queue {
    /// An empty queue. If it was idle before, SQS publishes nothing for this many seconds after its
    /// first call.
    pub fn new(idle_before: bool, silent_seconds: u64) -> Self {
        Self {
            visible: 0,
            inflight: 0,
            last_call: if idle_before { None } else { Some(0) },
            silent_seconds,
            tells_from: 0,
        }
    }

    /// A call of any kind, polls included.
    pub fn called(&mut self, now: u64) {
        if !self.active(now) {
            self.tells_from = now + self.silent_seconds;
        }
        self.last_call = Some(now);
    }

    /// Sends cells.
    pub fn send(&mut self, cells: u64, now: u64) {
        self.called(now);
        self.visible += cells;
    }

    /// Hands cells to a worker, at most as many as it receives at once.
    pub fn receive(&mut self, wanted: u64, now: u64) -> u64 {
        self.called(now);
        let given = wanted.min(self.visible);
        self.visible -= given;
        self.inflight += given;
        given
    }

    /// A cell is done.
    pub fn delete(&mut self, now: u64) {
        self.called(now);
        self.inflight -= 1;
    }

    /// Cells are handed back undone.
    pub fn hand_back(&mut self, cells: u64, now: u64) {
        self.called(now);
        self.inflight -= cells;
        self.visible += cells;
    }

    /// Whether a point is published at this second.
    pub fn publishes(&self, now: u64) -> bool {
        self.active(now) && now >= self.tells_from
    }

    fn active(&self, now: u64) -> bool {
        self.last_call
            .is_some_and(|last| now < last + ACTIVE_SECONDS)
    }
}
