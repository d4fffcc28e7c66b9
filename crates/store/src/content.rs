//! The bulky parts of a submission as bytes: scripts as they are, lists of lines as MessagePack, compressed where
//! that pays.

use crate::failure::unreadable;
use crate::row::BadRow;
use domain::Text;
use domain::ports::StoreError;
use rusqlite::Row;
use std::sync::Arc;

/// Below this many bytes compression saves less than it costs.
const WORTH_COMPRESSING: usize = 512;
/// Fast; scripts and environments are so repetitive that higher levels gain little.
const LEVEL: i32 = 1;
/// Larger than any request that the border lets in, so what claims to be larger is damaged.
const LARGEST: u32 = 1 << 30;

const RAW: u8 = 0;
const ZSTD: u8 = 1;

/// One bulky part of a submission.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Content {
    /// A script.
    Script(Arc<[u8]>),
    /// An environment, or arguments.
    Lines(Arc<[Text]>),
}

impl Content {
    /// Tells whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Content::Script(script) => script.is_empty(),
            Content::Lines(lines) => lines.is_empty(),
        }
    }

    /// Returns about how much memory it takes.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Content::Script(script) => script.len(),
            Content::Lines(lines) => {
                let outside = |line: &Text| if line.is_heap_allocated() { line.len() } else { 0 };
                lines.iter().map(|line| size_of::<Text>() + outside(line)).sum()
            }
        }
    }

    /// Returns its bytes for the disk.
    pub(crate) fn packed(&self, packer: &mut Packer) -> Packed {
        match self {
            Content::Script(script) => packer.pack(script.to_vec()),
            Content::Lines(lines) => {
                let bytes = rmp_serde::to_vec(&**lines).expect("a list of texts is plain data");
                packer.pack(bytes)
            }
        }
    }

    /// Reads a script.
    pub(crate) fn script(packed: Packed) -> Result<Arc<[u8]>, StoreError> {
        packed.unpacked().map(Arc::from)
    }

    /// Reads an environment or arguments.
    pub(crate) fn lines(packed: Packed) -> Result<Arc<[Text]>, StoreError> {
        let bytes = packed.unpacked()?;
        let lines: Vec<Text> =
            rmp_serde::from_slice(&bytes).map_err(|error| unreadable("a list of lines", error.into()))?;
        Ok(lines.into())
    }
}

/// Bytes as they are on disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Packed {
    /// How they are compressed.
    pub(crate) codec: u8,
    /// How many they were before.
    pub(crate) size: u32,
    /// The bytes.
    pub(crate) body: Vec<u8>,
}

impl Packed {
    /// Reads the columns `codec`, `size` and `body`, the first of them at `at`.
    pub(crate) fn from_columns(row: &Row<'_>, at: usize) -> rusqlite::Result<Self> {
        Ok(Packed { codec: row.get(at)?, size: row.get(at + 1)?, body: row.get(at + 2)? })
    }

    /// Returns the bytes as they were.
    pub(crate) fn unpacked(self) -> Result<Vec<u8>, StoreError> {
        let damaged = |why| unreadable("stored content", BadRow::Nonsense(why));
        match self.codec {
            RAW => Ok(self.body),
            ZSTD if self.size > LARGEST => Err(damaged("its size")),
            ZSTD => zstd::bulk::decompress(&self.body, self.size as usize).map_err(|error| {
                StoreError::Unreadable { what: "stored content".into(), source: Box::new(error) }
            }),
            code => Err(unreadable("stored content", BadRow::UnknownCode { what: "codec", code })),
        }
    }
}

/// Compresses; its memory is used again each time.
pub(crate) struct Packer(Option<zstd::bulk::Compressor<'static>>);

impl Packer {
    /// Makes a packer. Its memory, about a megabyte, is taken at the first use.
    pub(crate) fn new() -> Self {
        Packer(None)
    }

    /// Compresses bytes if that makes them smaller.
    pub(crate) fn pack(&mut self, bytes: Vec<u8>) -> Packed {
        let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if bytes.len() >= WORTH_COMPRESSING {
            if self.0.is_none() {
                self.0 = zstd::bulk::Compressor::new(LEVEL).ok();
            }
            let smaller = self.0.as_mut().and_then(|compressor| compressor.compress(&bytes).ok());
            if let Some(body) = smaller.filter(|body| body.len() < bytes.len()) {
                return Packed { codec: ZSTD, size, body };
            }
        }
        Packed { codec: RAW, size, body: bytes }
    }
}
