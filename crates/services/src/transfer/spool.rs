//! Files that were sent and wait to be read: the port, a reader over it, and a spool in memory for tests.
//! It does not know what is in a file, and nothing here outlives the work that it is for.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use contracts::transfer::Chunks;
use contracts::{Error, Result};
use futures::StreamExt;
use parking_lot::Mutex;
use platform::store::StoreResult;
use sha2::{Digest, Sha256};

use crate::machinery::stored;

/// What is read or written at once, in bytes.
pub const PIECE_BYTES: usize = 256 * 1024;

/// The port: a place for files that are on their way. Names are `[a-z0-9_-]`.
#[async_trait]
pub trait Spool: Send + Sync {
    /// Adds to the end of a file, which begins with its first piece.
    async fn append(&self, name: &str, piece: Bytes) -> StoreResult<()>;

    /// At most so many bytes from a place on; none at the end.
    async fn read(&self, name: &str, from: u64, bytes_max: usize) -> StoreResult<Bytes>;

    async fn remove(&self, name: &str) -> StoreResult<()>;
}

/// A file that was taken in.
#[derive(Debug, Clone)]
pub struct Spooled {
    pub name: String,
    pub bytes: u64,
    pub hash: [u8; 32],
}

/// Takes a file in, piece by piece. One that breaks off or grows too large leaves nothing behind.
pub async fn take_in(spool: &dyn Spool, name: String, mut chunks: Chunks, bytes_max: u64) -> Result<Spooled> {
    let mut spooled = Spooled { name, bytes: 0, hash: [0; 32] };
    let taken = pour(spool, &mut spooled, &mut chunks, bytes_max).await;
    match taken {
        Ok(()) => Ok(spooled),
        Err(error) => {
            spool.remove(&spooled.name).await.map_err(stored)?;
            Err(error)
        }
    }
}

async fn pour(spool: &dyn Spool, spooled: &mut Spooled, chunks: &mut Chunks, bytes_max: u64) -> Result<()> {
    let mut hash = Sha256::new();
    let mut piece = BytesMut::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        spooled.bytes += chunk.len() as u64;
        if spooled.bytes > bytes_max {
            return Err(Error::field("", TOO_LARGE, format!("the file has more than {bytes_max} bytes")));
        }
        hash.update(&chunk);
        piece.extend_from_slice(&chunk);
        if piece.len() >= PIECE_BYTES {
            spool.append(&spooled.name, piece.split().freeze()).await.map_err(stored)?;
        }
    }
    spooled.hash = hash.finalize().into();
    spool.append(&spooled.name, piece.freeze()).await.map_err(stored)
}

/// The code of a file that is too large.
pub const TOO_LARGE: &str = "too_large";

/// Reads a file from its beginning.
pub struct Reader {
    spool: Arc<dyn Spool>,
    name: String,
    read: u64,
}

impl Reader {
    pub fn new(spool: Arc<dyn Spool>, name: &str) -> Self {
        Self { spool, name: name.to_owned(), read: 0 }
    }

    /// The next piece; none at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        let piece = self.spool.read(&self.name, self.read, PIECE_BYTES).await.map_err(stored)?;
        self.read += piece.len() as u64;
        Ok((!piece.is_empty()).then_some(piece))
    }

    /// Bytes that were read.
    pub fn read(&self) -> u64 {
        self.read
    }
}

/// A spool in memory.
#[derive(Default)]
pub struct MemorySpool(Mutex<BTreeMap<String, BytesMut>>);

#[async_trait]
impl Spool for MemorySpool {
    async fn append(&self, name: &str, piece: Bytes) -> StoreResult<()> {
        self.0.lock().entry(name.to_owned()).or_default().extend_from_slice(&piece);
        Ok(())
    }

    async fn read(&self, name: &str, from: u64, bytes_max: usize) -> StoreResult<Bytes> {
        let held = self.0.lock();
        let all: &[u8] = held.get(name).map_or(&[], |bytes| bytes);
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(all.len());
        Ok(Bytes::copy_from_slice(&all[from..all.len().min(from + bytes_max)]))
    }

    async fn remove(&self, name: &str) -> StoreResult<()> {
        self.0.lock().remove(name);
        Ok(())
    }
}
