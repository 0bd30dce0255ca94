//! A small HTTP server on loopback, for AWS calls that the local endpoint does not know.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use anyhow::{Context as _, Result};

/// A request.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    /// Headers by their names in lower case.
    pub(super) headers: BTreeMap<String, String>,
    /// The fields of a body in the form of a query, as Auto Scaling takes it.
    pub(super) fields: BTreeMap<String, String>,
}

/// A response: status, content type, body.
pub(super) type Response = (u16, &'static str, String);

/// Serves requests for as long as the process lives, and returns the server's URL.
///
/// # Errors
///
/// When no port is free.
pub(super) fn serve(
    answer: impl Fn(Request) -> Response + Clone + Send + 'static,
) -> Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free loopback port")?;
    let address = listener
        .local_addr()
        .context("cannot read the address of the free port")?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            thread::spawn(move || {
                // A client may close its connection at any time.
                let _ = respond(&stream, answer);
            });
        }
    });
    Ok(format!("http://{address}"))
}

/// Answers one request and closes the connection.
fn respond(stream: &TcpStream, answer: impl Fn(Request) -> Response) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers
        .get("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let fields = String::from_utf8_lossy(&body)
        .split('&')
        .filter_map(|field| field.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut words = first.split_whitespace().map(str::to_owned);
    let request = Request {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        headers,
        fields,
    };
    let (status, kind, text) = answer(request);
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status} -\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\
         x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n\r\n{text}",
        text.len()
    )
}
