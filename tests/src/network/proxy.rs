//! A proxy that does to requests and answers what networks and services do to them.
//!
//! [`Proxy`] listens on loopback and passes requests on, each on a connection of its own. `trouble`
//! names what may happen to one, `abroad` moves a bucket to another region, `refusal` writes the answers of services that fail, `batches` lets
//! services carry out a batch in part, and `http` has as much of HTTP as that needs.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::abroad::{Abroad, Exile};
use super::http::{self, Request};
use super::trouble::Trouble;
use super::{batches, refusal};

/// The longest delay of a request: longer than a service takes, shorter than a client's timeout.
const LONGEST_DELAY_MS: u64 = 800;

/// Which calls run into trouble.
#[derive(Debug, Clone)]
pub enum Plan {
    /// Each call with this probability, into any trouble that ends by itself.
    AtRandom(f64),
    /// The first calls of each operation run into these in order. `None` goes well, and so do all
    /// later calls.
    InOrder(Vec<Option<Trouble>>),
    /// Every call of one of these operations; of any operation, if there are none.
    Always(Trouble, &'static [&'static str]),
    /// No call. But of two batches out of three, the first entry is left undone, and each other
    /// entry with this probability. Every third batch is carried out, because attempts are bounded.
    InPart(f64),
}

/// A loopback port in front of an endpoint. It lives as long as the process.
#[derive(Debug, Clone)]
pub struct Proxy {
    url: String,
    target: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    plan: Plan,
    exiles: Vec<Exile>,
    random: StdRng,
    calls: BTreeMap<String, usize>,
    troubles: BTreeMap<(String, Trouble), u32>,
    refused_abroad: u32,
    left_undone: BTreeMap<String, usize>,
}

/// What happens to one call.
struct Fate {
    trouble: Option<Trouble>,
    delay: Duration,
    /// Decides between two possibilities.
    coin: bool,
    /// The probability that an entry of a batch is left undone. Unless it is 0, the first entry
    /// always is.
    undone: f64,
}

impl Proxy {
    /// A proxy in front of the endpoint at `url`. Equal seeds and equal calls in equal order have
    /// equal fates.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub fn before(url: &str, seed: u64, plan: Plan) -> Result<Self> {
        let target = url
            .strip_prefix("http://")
            .context("an endpoint without http")?
            .to_owned();
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free loopback port")?;
        let url = format!(
            "http://{}",
            listener
                .local_addr()
                .context("cannot read the address of the free port")?
        );
        let state = State {
            plan,
            exiles: vec![],
            random: StdRng::seed_from_u64(seed),
            calls: BTreeMap::new(),
            troubles: BTreeMap::new(),
            refused_abroad: 0,
            left_undone: BTreeMap::new(),
        };
        let proxy = Self {
            url,
            target,
            state: Arc::new(Mutex::new(state)),
        };
        let serving = proxy.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let serving = serving.clone();
                thread::spawn(move || {
                    // Without an answer, the client's connection is closed.
                    let _ = serving.serve(&client);
                });
            }
        });
        Ok(proxy)
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sets what happens to calls from now on.
    pub fn set(&self, plan: Plan) {
        self.state().plan = plan;
    }

    /// Moves a bucket to another region.
    pub fn exile(&self, bucket: &str, region: &str, abroad: Abroad) {
        self.state().exiles.push(Exile {
            bucket: bucket.to_owned(),
            region: region.to_owned(),
            abroad,
        });
    }

    /// How many requests for buckets in other regions were refused.
    pub fn refused_abroad(&self) -> u32 {
        self.state().refused_abroad
    }

    /// How many calls there were of each operation.
    pub fn calls(&self) -> BTreeMap<String, usize> {
        self.state().calls.clone()
    }

    /// How often calls of an operation ran into trouble.
    pub fn troubles(&self) -> BTreeMap<(String, Trouble), u32> {
        self.state().troubles.clone()
    }

    /// How many entries of batches were left undone, by operation.
    pub fn left_undone(&self) -> BTreeMap<String, usize> {
        self.state().left_undone.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, client: &TcpStream) -> io::Result<()> {
        let Some(mut request) = Request::read(client)? else {
            return Ok(());
        };
        if let Some(refused) = self.state().refuse_abroad(&mut request) {
            return http::write(client, &refused).and_then(|()| http::close(client));
        }
        let operation = request.operation();
        let fate = self.state().fate(&operation);
        let is_silent = matches!(fate.trouble, Some(Trouble::Unanswered | Trouble::Stalled));
        let answer = self.answer(request, operation, &fate)?;
        http::write(client, &answer)?;
        if is_silent {
            http::wait_for_close(client)
        } else {
            http::close(client)
        }
    }

    /// The answer, or the part of it that the client gets.
    fn answer(&self, mut request: Request, operation: String, fate: &Fate) -> io::Result<Vec<u8>> {
        let forward = |request: &Request| http::forward(&self.target, request);
        let refused = |trouble| refusal::of(&request, trouble);
        match fate.trouble {
            None if fate.undone > 0.0 => {
                let mut random = StdRng::seed_from_u64(self.state().random.random());
                let mut is_first = true;
                let drawn = || std::mem::take(&mut is_first) || random.random_bool(fate.undone);
                let undone = batches::withhold(&mut request, drawn);
                *self.state().left_undone.entry(operation).or_default() += undone.len();
                let answer = if request.has_entries() {
                    forward(&request)?
                } else {
                    batches::nothing()
                };
                Ok(undone.add_to(&answer))
            }
            None => forward(&request),
            Some(Trouble::Delayed) => {
                thread::sleep(fate.delay);
                forward(&request)
            }
            Some(Trouble::Lost | Trouble::Unanswered) => Ok(vec![]),
            Some(Trouble::AnswerLost) => forward(&request).map(|_| vec![]),
            Some(Trouble::CutShort | Trouble::Stalled) => {
                forward(&request).map(|answer| http::half(&answer).to_vec())
            }
            Some(Trouble::Repeated) => {
                let (first, second) = (forward(&request)?, forward(&request)?);
                Ok(if fate.coin { first } else { second })
            }
            // A service may fail before or after it has carried out the request.
            Some(trouble @ (Trouble::Failed | Trouble::Unavailable)) => {
                if fate.coin {
                    forward(&request)?;
                }
                Ok(refused(trouble))
            }
            Some(
                trouble @ (Trouble::Throttled
                | Trouble::Denied
                | Trouble::Unknown
                | Trouble::Skewed),
            ) => Ok(refused(trouble)),
            Some(Trouble::Damaged) => forward(&request).map(|mut answer| {
                if let Some(last) = answer.last_mut() {
                    *last ^= 1;
                }
                answer
            }),
        }
    }
}

impl State {
    fn refuse_abroad(&mut self, request: &mut Request) -> Option<Vec<u8>> {
        let refused = self.exiles.iter().find_map(|exile| exile.refuse(request));
        self.refused_abroad += u32::from(refused.is_some());
        refused
    }

    fn fate(&mut self, operation: &str) -> Fate {
        let number = self.calls.entry(operation.to_owned()).or_default();
        *number += 1;
        let undone = match self.plan {
            Plan::InPart(chance) if !number.is_multiple_of(3) => chance,
            _ => 0.0,
        };
        let trouble = match &self.plan {
            Plan::AtRandom(chance) if self.random.random_bool(*chance) => {
                Trouble::BRIEF.choose(&mut self.random).copied()
            }
            Plan::InOrder(troubles) => troubles.get(*number - 1).copied().flatten(),
            Plan::Always(trouble, operations)
                if operations.is_empty() || operations.contains(&operation) =>
            {
                Some(*trouble)
            }
            Plan::AtRandom(_) | Plan::InPart(_) | Plan::Always(..) => None,
        };
        if let Some(trouble) = trouble {
            *self
                .troubles
                .entry((operation.to_owned(), trouble))
                .or_default() += 1;
        }
        let delay = Duration::from_millis(self.random.random_range(0..LONGEST_DELAY_MS));
        Fate {
            trouble,
            delay,
            coin: self.random.random_bool(0.5),
            undone,
        }
    }
}
