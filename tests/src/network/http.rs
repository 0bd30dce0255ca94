//! As much of HTTP/1.1 as the proxy needs: whole requests, and answers as bytes.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use serde_json::Value;

/// A request with its whole body.
#[derive(Debug, Clone)]
pub(super) struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// The protocol of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol<'a> {
    /// SQS and `DynamoDB`.
    Json {
        /// As error types name it.
        service: &'a str,
    },
    /// SNS.
    Query,
    /// S3.
    Rest,
}

fn odd(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl Request {
    /// Reads a request, or returns `None` when the client sends none.
    pub(super) fn read(mut stream: &TcpStream) -> io::Result<Option<Self>> {
        let mut reader = BufReader::new(stream);
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(None);
        }
        let mut words = first.split_whitespace();
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(odd("no request"));
        };
        let (mut headers, mut length, mut waits) = (vec![], 0, false);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
            match name.as_str() {
                "content-length" => {
                    length = value
                        .parse()
                        .map_err(|_| odd("a length that is not a number"))?;
                }
                "transfer-encoding" => return Err(odd("a request of unknown length")),
                "expect" => waits = true,
                "connection" => {}
                _ => headers.push((name, value)),
            }
        }
        if waits {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        Ok(Some(Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers,
            body,
        }))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn protocol(&self) -> Protocol<'_> {
        let form = |kind: &str| kind.starts_with("application/x-www-form-urlencoded");
        match self
            .header("x-amz-target")
            .and_then(|target| target.split_once('.'))
        {
            Some(("AmazonSQS", _)) => Protocol::Json { service: "sqs" },
            Some(_) => Protocol::Json {
                service: "dynamodb.v20120810",
            },
            None if self.header("content-type").is_some_and(form) => Protocol::Query,
            None => Protocol::Rest,
        }
    }

    /// The operation, as the service's API reference names it.
    pub(super) fn operation(&self) -> String {
        match self.protocol() {
            Protocol::Json { .. } => {
                let target = self.header("x-amz-target").unwrap_or_default();
                target.rsplit('.').next().unwrap_or_default().to_owned()
            }
            Protocol::Query => {
                let body = String::from_utf8_lossy(&self.body);
                let action = body
                    .split('&')
                    .find_map(|field| field.strip_prefix("Action="));
                action.unwrap_or_default().to_owned()
            }
            Protocol::Rest => {
                let query = self.target.split_once('?').map_or("", |(_, query)| query);
                let has = |name: &str| {
                    query
                        .split('&')
                        .any(|field| field.split('=').next() == Some(name))
                };
                let name = match self.method.as_str() {
                    "POST" if has("uploads") => "CreateMultipartUpload",
                    "POST" => "CompleteMultipartUpload",
                    "PUT" if has("partNumber") => "UploadPart",
                    "PUT" => "PutObject",
                    "DELETE" => "AbortMultipartUpload",
                    "HEAD" if self.is_of_bucket() => "HeadBucket",
                    "HEAD" => "HeadObject",
                    _ if has("list-type") => "ListObjectsV2",
                    _ => "GetObject",
                };
                name.to_owned()
            }
        }
    }

    /// The bucket of a request to S3, addressed by the path.
    pub(super) fn bucket(&self) -> Option<&str> {
        if self.protocol() != Protocol::Rest {
            return None;
        }
        self.path().split('/').nth(1)
    }

    /// Whether it is for a bucket itself, not for one of its objects.
    fn is_of_bucket(&self) -> bool {
        self.path().trim_end_matches('/').matches('/').count() == 1
    }

    fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The region that it is signed for ("Create a signed AWS API request", IAM user guide).
    pub(super) fn region(&self) -> Option<&str> {
        self.header("authorization")?.split('/').nth(2)
    }

    /// Makes it one for another region. Its signature does not match any more.
    pub(super) fn set_region(&mut self, region: &str) {
        for (name, value) in &mut self.headers {
            if name == "authorization" {
                let mut parts: Vec<&str> = value.split('/').collect();
                if let Some(signed) = parts.get_mut(2) {
                    *signed = region;
                }
                *value = parts.join("/");
            }
        }
    }

    pub(super) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    /// The body, if it is JSON.
    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    pub(super) fn set_json(&mut self, body: &Value) {
        self.body = body.to_string().into_bytes();
    }
}

/// Sends the request to the endpoint and returns the whole answer as it came.
pub(super) fn forward(endpoint: &str, request: &Request) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(endpoint)?;
    let mut bytes = vec![];
    write!(bytes, "{} {} HTTP/1.1\r\n", request.method, request.target)?;
    for (name, value) in &request.headers {
        write!(bytes, "{name}: {value}\r\n")?;
    }
    write!(
        bytes,
        "content-length: {}\r\nconnection: close\r\n\r\n",
        request.body.len()
    )?;
    bytes.extend_from_slice(&request.body);
    stream.write_all(&bytes)?;
    let mut answer = vec![];
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// Writes an answer, or a part of one.
pub(super) fn write(mut stream: &TcpStream, answer: &[u8]) -> io::Result<()> {
    stream.write_all(answer)
}

/// Ends the connection.
pub(super) fn close(stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)
}

/// Waits until the client ends the connection.
pub(super) fn wait_for_close(mut stream: &TcpStream) -> io::Result<()> {
    io::copy(&mut stream, &mut io::sink()).map(drop)
}

/// An answer that the proxy makes itself.
pub(super) fn answer(status: u16, kind: &str, body: &[u8]) -> Vec<u8> {
    answer_with(status, kind, "", body)
}

/// The same with further lines of the head.
pub(super) fn answer_with(status: u16, kind: &str, lines: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} -\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n{lines}connection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn end_of_head(answer: &[u8]) -> usize {
    let end = b"\r\n\r\n";
    answer
        .windows(end.len())
        .position(|window| window == end)
        .map_or(answer.len(), |at| at + end.len())
}

/// The body of an answer that has a length.
pub(super) fn body(answer: &[u8]) -> &[u8] {
    answer.get(end_of_head(answer)..).unwrap_or_default()
}

/// The answer up to the middle of its body, or of its head when it has none.
pub(super) fn half(answer: &[u8]) -> &[u8] {
    let head = end_of_head(answer);
    let end = if head < answer.len() {
        head + (answer.len() - head) / 2
    } else {
        head / 2
    };
    answer.get(..end).unwrap_or_default()
}
