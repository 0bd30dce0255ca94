//! The conditions of a simulation: the work, the machines, and the delays that AWS does not
//! promise.

/// A number of cells that arrive together: a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Burst {
    /// Second at which the first is sent.
    pub at: u64,
    /// How many.
    pub cells: u64,
}

/// Which cell the queue delivers next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Those of quiet tasks first: each message carries its task as `MessageGroupId`.
    Fair,
    /// The oldest: messages carry no task.
    OldestFirst,
}

/// How steps are counted while machines start and stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// As the user guide says ("Step and simple scaling policies", Instance warmup; "Set the
    /// default instance warmup"): machines that warm up count towards what a step out orders,
    /// terminating ones towards what a step in removes, and nothing is removed while any machine
    /// warms up.
    Documented,
    /// Each call of a policy changes the desired capacity by its step, without exception. This is
    /// harsher than the documented behaviour.
    Plain,
}

/// What keeps the group from ending a worker that holds cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// The worker protects its machine from scale-in; it takes so many seconds to become true.
    After(u64),
    /// Nothing does, which shows what the expressions alone achieve.
    Nothing,
}

/// Everything around the expressions and steps.
#[derive(Debug, Clone)]
pub struct Conditions {
    /// Seed of the random numbers: the same seed gives the same run.
    pub seed: u64,
    /// The work.
    pub bursts: Vec<Burst>,
    /// Which cell the queue delivers next.
    pub delivery: Delivery,
    /// Cells that the producer sends in a second.
    pub sent_per_second: u64,
    /// Whether the producer wakes a sleeping group when it has sent a burst.
    pub wake: bool,
    /// Cells that justify one worker, for waking. The expressions have the number in them.
    pub cells_per_worker: u64,
    /// `min_size` of the group.
    pub min_workers: usize,
    /// `max_size` of the group.
    pub max_workers: usize,
    /// Cells that a worker fuses at a time; it holds one more, which it downloads.
    pub slots: usize,
    /// Seconds that half of the cells stay below.
    pub cell_seconds: f64,
    /// Spread of the cells' durations: standard deviation of their logarithm.
    pub cell_spread: f64,
    /// Seconds from the order of a machine until it is in service and paid for, from and to.
    pub launch_seconds: (u64, u64),
    /// Seconds from there until its worker receives cells, from and to: packages and image are
    /// downloaded first.
    pub boot_seconds: (u64, u64),
    /// Seconds a worker has from the notice until it hands back its cells (`worker_grace_seconds`).
    pub grace_seconds: u64,
    /// Spot interruptions of one machine in an hour.
    pub interruptions_per_hour: f64,
    /// What keeps busy workers.
    pub protection: Protection,
    /// How steps are counted.
    pub counting: Counting,
    /// Minutes until `CloudWatch` knows a point of the queue, from and to, each time anew.
    pub queue_lag: (u64, u64),
    /// The same of the group's desired capacity.
    pub group_lag: (u64, u64),
    /// Whether the queue has been idle for more than six hours when it all begins.
    pub idle_before: bool,
    /// Minutes without metrics after such a time ("Monitoring Amazon SQS queues using
    /// `CloudWatch`": up to 15).
    pub silent_minutes: u64,
    /// Whether no point is published for cells in flight while there are none ("Available
    /// `CloudWatch` metrics for Amazon SQS": reported if in-flight messages exist).
    pub no_zero_inflight: bool,
    /// Points that an alarm fetches beyond those it needs ("Configuring how `CloudWatch` alarms
    /// treat missing data" has an example of 5 for 3, and says that the number varies).
    pub extra_points: usize,
}

impl Default for Conditions {
    /// The fleet with the defaults of its variables, under expected conditions: 60 CPU
    /// seconds a cell, metrics one to three minutes late, a queue that slept, and 5 % of the
    /// machines interrupted in an hour.
    fn default() -> Self {
        Self {
            seed: 1,
            bursts: Vec::new(),
            delivery: Delivery::Fair,
            sent_per_second: 1000,
            wake: true,
            cells_per_worker: 20,
            min_workers: 0,
            max_workers: 10,
            slots: 4,
            cell_seconds: 60.0,
            cell_spread: 0.4,
            launch_seconds: (15, 45),
            boot_seconds: (40, 120),
            grace_seconds: 100,
            interruptions_per_hour: 0.05,
            protection: Protection::After(1),
            counting: Counting::Documented,
            queue_lag: (1, 3),
            group_lag: (0, 1),
            idle_before: true,
            silent_minutes: 15,
            no_zero_inflight: false,
            extra_points: 2,
        }
    }
}

impl Conditions {
    /// One burst at the beginning.
    #[must_use]
    pub fn burst(cells: u64) -> Self {
        Self {
            bursts: vec![Burst { at: 0, cells }],
            ..Self::default()
        }
    }
}
