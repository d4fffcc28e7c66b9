//! Bodies of several pieces as one gzip stream: each piece is compressed by itself, once, and can be part of many
//! streams.

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// The head of a stream: deflate, no name, no time, unknown system.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// A last block with nothing in it.
const END: [u8; 2] = [3, 0];

/// A piece that is compressed.
pub(super) struct Packed {
    deflated: Bytes,
    sum: Crc,
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Packed({} bytes)", self.deflated.len())
    }
}

impl Packed {
    /// Compresses a piece, quickly rather than well. It ends at a whole byte and refers to nothing before it.
    pub(super) fn of(piece: &[u8]) -> Self {
        let mut sum = Crc::new();
        sum.update(piece);
        let mut compress = Compress::new(Compression::new(1), false);
        let mut deflated = Vec::with_capacity(piece.len() / 6 + 64);
        loop {
            let taken = usize::try_from(compress.total_in()).unwrap_or(piece.len());
            let rest = piece.get(taken..).unwrap_or_default();
            deflated.reserve(1024.max(rest.len() / 6));
            let status = compress.compress_vec(rest, &mut deflated, FlushCompress::Full);
            let is_all_taken = usize::try_from(compress.total_in()).unwrap_or(usize::MAX) >= piece.len();
            // Room that is left says that nothing is held back any more.
            if !matches!(status, Ok(Status::Ok)) || is_all_taken && deflated.len() < deflated.capacity() {
                break;
            }
        }
        Packed { deflated: Bytes::from(deflated), sum }
    }
}

/// Puts pieces together.
pub(super) fn stream<'a>(pieces: impl IntoIterator<Item = &'a Packed>) -> Vec<Bytes> {
    let (mut stream, mut sum) = (vec![Bytes::from_static(&HEAD)], Crc::new());
    for piece in pieces {
        sum.combine(&piece.sum);
        stream.push(piece.deflated.clone());
    }
    let mut end = END.to_vec();
    end.extend_from_slice(&sum.sum().to_le_bytes());
    end.extend_from_slice(&sum.amount().to_le_bytes());
    stream.push(Bytes::from(end));
    stream
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn pieces_make_one_stream() {
        let pieces: Vec<Vec<u8>> = vec![
            b"{\"jobs\":[".to_vec(),
            (0..200_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect(),
            Vec::new(),
            b"abc,".repeat(50_000),
            b"]}".to_vec(),
        ];
        let packed: Vec<Packed> = pieces.iter().map(|piece| Packed::of(piece)).collect();
        let whole = stream(&packed).concat();
        let mut read = Vec::new();
        // One member only: clients need not know of more.
        flate2::read::GzDecoder::new(&*whole).read_to_end(&mut read).unwrap();
        assert!(read == pieces.concat());
        let again = stream(packed.iter().rev()).concat();
        let mut read = Vec::new();
        flate2::read::GzDecoder::new(&*again).read_to_end(&mut read).unwrap();
        assert_eq!(read.len(), pieces.concat().len());
    }
}
