//! Blobs in a folder: one file each, under its own name.
//! It does not know what the bytes are, and no name leads out of the folder.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use platform::blobs::{Blobs, is_name};
use platform::store::{StoreError, StoreResult};

use crate::blocking::on_a_thread;

/// Blobs in a folder of this machine.
pub struct FolderBlobs {
    folder: PathBuf,
    /// Tells files under way apart.
    next: AtomicU64,
}

/// Files under way begin with a dot, which no blob's name does.
const PARTIAL: &str = ".partial-";

impl FolderBlobs {
    /// Creates the folder where it is not there, and removes what a crash left half written.
    pub fn open(folder: &Path) -> StoreResult<Self> {
        if !folder.exists() {
            std::fs::create_dir_all(folder).map_err(told)?;
            // What lies in a folder is only as durable as the folder's own name.
            sync_folder(folder).map_err(told)?;
        }
        for entry in std::fs::read_dir(folder).map_err(told)? {
            let entry = entry.map_err(told)?;
            if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
                std::fs::remove_file(entry.path()).map_err(told)?;
            }
        }
        Ok(Self { folder: folder.to_owned(), next: AtomicU64::new(0) })
    }

    fn path(&self, name: &str) -> StoreResult<PathBuf> {
        if is_name(name) {
            Ok(self.folder.join(name))
        } else {
            Err(StoreError::Unavailable(format!("`{name}` cannot name a blob")))
        }
    }
}

#[async_trait]
impl Blobs for FolderBlobs {
    async fn put(&self, name: &str, bytes: Bytes) -> StoreResult<()> {
        let path = self.path(name)?;
        let partial = self.folder.join(format!("{PARTIAL}{}", self.next.fetch_add(1, Ordering::Relaxed)));
        on_a_thread(move || {
            if path.exists() {
                return Ok(());
            }
            let stored = store(&partial, &path, &bytes);
            if stored.is_err() {
                // What is there is of no use; the next start removes it where this fails.
                let _ = std::fs::remove_file(&partial);
            }
            stored
        })
        .await?
        .map_err(told)
    }

    async fn get(&self, name: &str) -> StoreResult<Option<Bytes>> {
        let path = self.path(name)?;
        on_a_thread(move || match std::fs::read(path) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await?
        .map_err(told)
    }

    async fn delete(&self, name: &str) -> StoreResult<()> {
        let path = self.path(name)?;
        on_a_thread(move || match std::fs::remove_file(&path) {
            Ok(()) => sync_folder(&path),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        })
        .await?
        .map_err(told)
    }
}

/// Whole or not at all: under another name first, then renamed, both durable.
fn store(partial: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create_new(partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(partial, path)?;
    sync_folder(path)
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn told(error: std::io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full(error.to_string()),
        _ => StoreError::Unavailable(error.to_string()),
    }
}
