//! Saves a shop into one file while it sells, and brings it back into an empty folder.
//! It does not know what the shop's files mean; after a restore, the doctor looks at them.
//!
//! The file is a tar archive: `manifest.json` first, which names every other member with its size and SHA-256, then
//! `shop.db`, `master.key` and `media/…`. It holds the key to all personal data, so only its owner may read it.

mod load;
mod manifest;
mod save;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use adapters::sqlite;
use platform::clock::{Clock, SystemClock};
use platform::store::StoreError;

use crate::doctor;
use crate::numbers::bytes;
use manifest::{KEY, Manifest};

/// Why nothing was saved or brought back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{} exists already; choose another name, or move it away first", .0.display())]
    Exists(PathBuf),
    #[error("another backup is being written to {}", .0.display())]
    UnderWay(PathBuf),
    #[error("the shop in {} was running, or another restore was; nothing was changed", .0.display())]
    InUse(PathBuf),
    #[error("{} is not empty; restore into a new folder (--data DIR), or move this one away first", .0.display())]
    NotEmpty(PathBuf),
    #[error("{} cannot be used: {reason}", path.display())]
    Io { path: PathBuf, reason: std::io::Error },
    #[error(transparent)]
    Open(#[from] sqlite::OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the copy of the shop is damaged, so nothing was saved: {0}")]
    DamagedCopy(String),
    #[error("{0} changed while it was saved; run it again")]
    Changed(String),
    #[error("this is not a backup of CloudMart: {0}")]
    Foreign(String),
    #[error(
        "this backup has format {found}, and this version knows only format {known}; use the version that wrote it"
    )]
    OtherFormat { found: u32, known: u32 },
    #[error("the backup is damaged, and nothing was restored: {0}")]
    Damaged(String),
}

impl Error {
    fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |reason| Self::Io { path, reason }
    }
}

/// Saves the shop of a folder, running or not, into a new file.
pub async fn backup(data: &Path, file: &Path) -> Result<ExitCode, crate::Failure> {
    let manifest = save::save(data, file, SystemClock.now())?;
    println!("{} was saved into {}: {}.", data.display(), file.display(), told(&manifest));
    match manifest.member(KEY) {
        Some(_) => println!("It holds the master key, so whoever has the file can read everything. Keep it safe."),
        None => println!("It does not hold the master key: there is no {KEY} in this folder. Keep yours beside it."),
    }
    Ok(ExitCode::SUCCESS)
}

/// Brings a shop back into an empty folder, and lets the doctor look at it. Success: all is well.
pub async fn restore(file: &Path, data: &Path) -> Result<ExitCode, crate::Failure> {
    let manifest = load::load(file, data)?;
    println!("{} was restored into {}: {}.", file.display(), data.display(), told(&manifest));
    println!("It was saved at {} by version {}.", manifest.created_at, manifest.cloudmart);
    println!();
    doctor::run_on_data(data, None, false).await
}

fn told(manifest: &Manifest) -> String {
    let files = doctor::count(manifest.members.len() as u64, "file");
    format!("{files}, {}, checked", bytes(manifest.bytes()))
}
