//! A port in front of an endpoint that can hold or cut its connections, to keep a worker in one
//! situation for as long as a test needs it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context as _, Result};

/// What happens to the bytes that a client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// They are passed on.
    Open,
    /// They wait.
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
    /// Waits while the gate is held, and returns whether to go on.
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
        // When one side has ended, nothing more will come for the other. It may be closed already.
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
    /// When no port is free.
    pub fn before(url: &str) -> Result<Self> {
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
                    // Without a connection to the endpoint, the client's own one is closed.
                    let _ = state.serve(&client, &target);
                });
            }
        });
        Ok(Self { url, state })
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Connections that clients have made so far and that were not cut. Closed ones count.
    pub fn connections(&self) -> usize {
        // The list has both ends of each connection.
        locked(&self.state.connections).len() / 2
    }

    /// Sets what happens from now on to the bytes that clients send.
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
