//! The body of a request, made of chunks that are sent one after the other without being joined.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_smithy_types::base64;
use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};

/// Chunks in order. Clones share their memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Body {
    chunks: VecDeque<Bytes>,
    length: usize,
}

impl Body {
    /// Length in bytes.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Appends a chunk.
    pub(super) fn push(&mut self, chunk: Bytes) {
        self.length += chunk.len();
        if !chunk.is_empty() {
            self.chunks.push_back(chunk);
        }
    }

    /// Appends the chunks of `other`.
    pub(super) fn append(&mut self, other: Self) {
        other.chunks.into_iter().for_each(|chunk| self.push(chunk));
    }

    /// Takes `length` bytes from the front, or all if there are fewer.
    pub(super) fn split_to(&mut self, length: usize) -> Self {
        let mut front = Self::default();
        while front.length < length {
            let Some(mut chunk) = self.chunks.pop_front() else {
                break;
            };
            let take = chunk.len().min(length - front.length);
            self.length -= take;
            front.push(chunk.split_to(take));
            if !chunk.is_empty() {
                self.chunks.push_front(chunk);
            }
        }
        front
    }

    /// All bytes in one chunk.
    pub(super) fn join(mut self) -> Bytes {
        if self.chunks.len() == 1
            && let Some(only) = self.chunks.pop_front()
        {
            return only;
        }
        let mut joined = BytesMut::with_capacity(self.length);
        self.chunks
            .iter()
            .for_each(|chunk| joined.extend_from_slice(chunk));
        joined.freeze()
    }

    /// The CRC-32 of all bytes as S3 takes it: "the Base64 encoded, 32-bit CRC32 checksum",
    /// big-endian.
    pub(super) fn crc32(&self) -> String {
        let mut crc = crc32fast::Hasher::new();
        self.chunks.iter().for_each(|chunk| crc.update(chunk));
        base64::encode(crc.finalize().to_be_bytes())
    }

    /// A stream that the SDK can send again. The SDK neither joins the chunks nor signs them, which
    /// would cost a SHA-256 of every byte; the transport and the checksum protect them.
    pub(super) fn into_stream(self) -> ByteStream {
        ByteStream::new(SdkBody::retryable(move || {
            SdkBody::from_body_1_x(Frames(self.clone()))
        }))
    }
}

impl FromIterator<Bytes> for Body {
    fn from_iter<I: IntoIterator<Item = Bytes>>(chunks: I) -> Self {
        let mut all = Self::default();
        chunks.into_iter().for_each(|chunk| all.push(chunk));
        all
    }
}

/// Sends one chunk per frame.
struct Frames(Body);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = self.0.chunks.pop_front();
        Poll::Ready(chunk.map(|chunk| {
            self.0.length -= chunk.len();
            Ok(Frame::data(chunk))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.length as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_is_cut_anywhere_and_sent_again() {
        let mut body: Body = ["ab", "", "cdef", "g"]
            .into_iter()
            .map(Bytes::from)
            .collect();
        let front = body.split_to(3);
        assert_eq!((front.len(), body.len()), (3, 4));
        assert_eq!(
            (front.clone().join(), body.clone().join()),
            ("abc".into(), "defg".into())
        );
        body.append(front);
        assert_eq!(
            body.crc32(),
            base64::encode(crc32fast::hash(b"defgabc").to_be_bytes())
        );
        let sdk_body = body.into_stream().into_inner();
        for _ in 0..2 {
            let again = sdk_body.try_clone().unwrap();
            assert_eq!(again.content_length(), Some(7));
            assert_eq!(
                ByteStream::new(again).collect().await.unwrap().into_bytes(),
                "defgabc"
            );
        }
    }
}
