//! Bytes in pieces that are sent one after the other, without being joined first.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_smithy_types::base64;
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};

/// Pieces in order. A clone shares their memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Pieces {
    pieces: VecDeque<Bytes>,
    length: usize,
}

impl Pieces {
    /// Bytes in all.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Adds a piece at the end.
    pub(super) fn push(&mut self, piece: Bytes) {
        self.length += piece.len();
        if !piece.is_empty() {
            self.pieces.push_back(piece);
        }
    }

    /// Adds others at the end.
    pub(super) fn append(&mut self, others: Self) {
        others.pieces.into_iter().for_each(|piece| self.push(piece));
    }

    /// Takes `length` bytes from the front, or all there are.
    pub(super) fn split_to(&mut self, length: usize) -> Self {
        let mut front = Self::default();
        while front.length < length {
            let Some(mut piece) = self.pieces.pop_front() else {
                break;
            };
            let take = piece.len().min(length - front.length);
            self.length -= take;
            front.push(piece.split_to(take));
            if !piece.is_empty() {
                self.pieces.push_front(piece);
            }
        }
        front
    }

    /// All of it in one piece.
    pub(super) fn join(mut self) -> Bytes {
        if self.pieces.len() == 1
            && let Some(only) = self.pieces.pop_front()
        {
            return only;
        }
        let mut joined = BytesMut::with_capacity(self.length);
        self.pieces
            .iter()
            .for_each(|piece| joined.extend_from_slice(piece));
        joined.freeze()
    }

    /// The CRC-32 of all of it as S3 wants it: "the Base64 encoded, 32-bit CRC32 checksum",
    /// big-endian.
    pub(super) fn crc32(&self) -> String {
        let mut crc = crc32fast::Hasher::new();
        self.pieces.iter().for_each(|piece| crc.update(piece));
        base64::encode(crc.finalize().to_be_bytes())
    }

    /// A body that can be sent again. The SDK neither joins it nor signs its content, which would
    /// cost a SHA-256 of every byte; what is sent is guarded by the transport and the checksum.
    pub(super) fn into_stream(self) -> ByteStream {
        ByteStream::new(SdkBody::retryable(move || {
            SdkBody::from_body_1_x(Sending(self.clone()))
        }))
    }
}

impl FromIterator<Bytes> for Pieces {
    fn from_iter<I: IntoIterator<Item = Bytes>>(pieces: I) -> Self {
        let mut all = Self::default();
        pieces.into_iter().for_each(|piece| all.push(piece));
        all
    }
}

struct Sending(Pieces);

impl Body for Sending {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.0.pieces.pop_front();
        Poll::Ready(piece.map(|piece| {
            self.0.length -= piece.len();
            Ok(Frame::data(piece))
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
    async fn pieces_are_cut_anywhere_and_sent_as_often_as_asked() {
        let mut pieces: Pieces = ["ab", "", "cdef", "g"]
            .into_iter()
            .map(Bytes::from)
            .collect();
        let front = pieces.split_to(3);
        assert_eq!((front.len(), pieces.len()), (3, 4));
        assert_eq!(
            (front.clone().join(), pieces.clone().join()),
            ("abc".into(), "defg".into())
        );
        pieces.append(front);
        assert_eq!(
            pieces.crc32(),
            base64::encode(crc32fast::hash(b"defgabc").to_be_bytes())
        );
        let body = pieces.into_stream().into_inner();
        for _ in 0..2 {
            let again = body.try_clone().unwrap();
            assert_eq!(again.content_length(), Some(7));
            assert_eq!(
                ByteStream::new(again).collect().await.unwrap().into_bytes(),
                "defgabc"
            );
        }
    }
}
