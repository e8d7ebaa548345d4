//! Blobs: bytes under a name, such as uploaded images. Nothing here is the truth of anything.
//! It does not know what the bytes are; whoever stores them checks them first.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

use crate::store::StoreResult;

/// The port: a place for bytes. Names are `[a-z0-9._-]` and at most 128 characters; a name's bytes never change.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Stores bytes durably. Storing the same name again changes nothing.
    async fn put(&self, name: &str, bytes: Bytes) -> StoreResult<()>;

    async fn get(&self, name: &str) -> StoreResult<Option<Bytes>>;

    async fn delete(&self, name: &str) -> StoreResult<()>;
}

/// Whether a text can name a blob.
pub fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    !name.is_empty() && name.len() <= 128 && !name.starts_with('.') && name.bytes().all(allowed)
}

/// Blobs in memory, for tests.
#[derive(Default)]
pub struct MemoryBlobs(Mutex<BTreeMap<String, Bytes>>);

#[async_trait]
impl Blobs for MemoryBlobs {
    async fn put(&self, name: &str, bytes: Bytes) -> StoreResult<()> {
        self.0.lock().entry(name.to_owned()).or_insert(bytes);
        Ok(())
    }

    async fn get(&self, name: &str) -> StoreResult<Option<Bytes>> {
        Ok(self.0.lock().get(name).cloned())
    }

    async fn delete(&self, name: &str) -> StoreResult<()> {
        self.0.lock().remove(name);
        Ok(())
    }
}
