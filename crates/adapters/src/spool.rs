//! Files on their way, in a folder: emptied when the shop opens, because nothing in it outlives the work that it is for.
//! It does not know what is in them.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use platform::store::{StoreError, StoreResult};
use services::transfer::Spool;

use crate::blocking::on_a_thread;

/// A folder of files on their way.
pub struct FolderSpool {
    folder: PathBuf,
}

impl FolderSpool {
    /// Creates the folder where it is not there, and removes what an earlier run left.
    pub fn open(folder: &Path) -> StoreResult<Self> {
        std::fs::create_dir_all(folder).map_err(told)?;
        for entry in std::fs::read_dir(folder).map_err(told)? {
            std::fs::remove_file(entry.map_err(told)?.path()).map_err(told)?;
        }
        Ok(Self { folder: folder.to_owned() })
    }

    fn path(&self, name: &str) -> StoreResult<PathBuf> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        if !name.is_empty() && name.bytes().all(allowed) {
            Ok(self.folder.join(name))
        } else {
            Err(StoreError::Unavailable(format!("`{name}` cannot name a file on its way")))
        }
    }
}

#[async_trait]
impl Spool for FolderSpool {
    async fn append(&self, name: &str, piece: Bytes) -> StoreResult<()> {
        let path = self.path(name)?;
        on_a_thread(move || OpenOptions::new().create(true).append(true).open(path)?.write_all(&piece))
            .await?
            .map_err(told)
    }

    async fn read(&self, name: &str, from: u64, bytes_max: usize) -> StoreResult<Bytes> {
        let path = self.path(name)?;
        let read = move || -> std::io::Result<Bytes> {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(from))?;
            let mut piece = Vec::with_capacity(bytes_max);
            file.take(bytes_max as u64).read_to_end(&mut piece)?;
            Ok(piece.into())
        };
        on_a_thread(read).await?.map_err(told)
    }

    async fn remove(&self, name: &str) -> StoreResult<()> {
        let path = self.path(name)?;
        on_a_thread(move || match std::fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        })
        .await?
        .map_err(told)
    }
}

fn told(error: std::io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full(error.to_string()),
        _ => StoreError::Unavailable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_read_as_they_were_written_and_gone_at_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let spool = FolderSpool::open(folder.path()).unwrap();
        for piece in ["one ", "two ", "three"] {
            spool.append("a-file", piece.into()).await.unwrap();
        }
        assert_eq!(spool.read("a-file", 4, 3).await.unwrap(), "two");
        assert_eq!(spool.read("a-file", 8, 100).await.unwrap(), "three");
        assert!(spool.read("a-file", 13, 100).await.unwrap().is_empty());
        for name in ["../x", "", "A", "a.b"] {
            assert!(spool.append(name, Bytes::new()).await.is_err(), "{name}");
        }
        drop(spool);
        let spool = FolderSpool::open(folder.path()).unwrap();
        assert!(spool.read("a-file", 0, 1).await.is_err());
        spool.remove("a-file").await.unwrap();
    }
}
