//! A passage to an endpoint that can be held or cut, to put a worker into a situation and keep it
//! there.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context as _, Result};

/// What becomes of what a client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// It is passed on.
    Open,
    /// It waits.
    Held,
    /// Connections are closed.
    Cut,
}

/// A loopback port in front of an endpoint. It lives as long as the process.
#[derive(Debug, Clone)]
pub struct Gate {
    url: String,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    passage: Mutex<Passage>,
    changed: Condvar,
    connections: Mutex<Vec<TcpStream>>,
}

impl State {
    /// Waits while the gate is held; says whether to go on.
    fn pass(&self) -> bool {
        let passage = locked(&self.passage);
        let held = |passage: &mut Passage| *passage == Passage::Held;
        *self
            .changed
            .wait_while(passage, held)
            .unwrap_or_else(PoisonError::into_inner)
            == Passage::Open
    }

    fn copy(&self, mut from: TcpStream, mut to: TcpStream, gated: bool) {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(length) = from.read(&mut buffer) {
            if length == 0 || (gated && !self.pass()) || to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        // Whichever side ended, the other has nothing more to expect. It may be closed already.
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }

    fn serve(self: &Arc<Self>, client: &TcpStream, target: &str) -> Result<()> {
        let server = TcpStream::connect(target)?;
        locked(&self.connections).extend([client.try_clone()?, server.try_clone()?]);
        let (back_from, back_to) = (server.try_clone()?, client.try_clone()?);
        let state = Arc::clone(self);
        thread::spawn(move || state.copy(back_from, back_to, false));
        self.copy(client.try_clone()?, server, true);
        Ok(())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gate {
    /// An open gate in front of the endpoint at `url`.
    ///
    /// # Errors
    ///
    /// When there is no free port.
    pub fn before(url: &str) -> Result<Self> {
        let target = url
            .strip_prefix("http://")
            .context("an endpoint without http")?
            .to_owned();
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free loopback port")?;
        let url = format!(
            "http://{}",
            listener.local_addr().context("cannot tell the free port")?
        );
        let state = Arc::new(State {
            passage: Mutex::new(Passage::Open),
            changed: Condvar::new(),
            connections: Mutex::default(),
        });
        let serving = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (state, target) = (Arc::clone(&serving), target.clone());
                thread::spawn(move || {
                    // A client that gets no connection is told so by its own being closed.
                    let _ = state.serve(&client, &target);
                });
            }
        });
        Ok(Self { url, state })
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Connections that clients have made so far, those that are closed by now included, and that
    /// were not cut.
    pub fn connections(&self) -> usize {
        // Both ends of each are kept.
        locked(&self.state.connections).len() / 2
    }

    /// Says what becomes of what clients send from now on.
    pub fn set(&self, passage: Passage) {
        *locked(&self.state.passage) = passage;
        self.state.changed.notify_all();
        if passage == Passage::Cut {
            for connection in locked(&self.state.connections).drain(..) {
                // It may be closed already.
                let _ = connection.shutdown(Shutdown::Both);
            }
        }
    }
}
