//! Saves a shop into one file while it sells, brings it back, and moves it from a folder into a database.
//! It does not know what the shop's data means; afterwards, the doctor looks at it.
//!
//! A shop in a database is saved as a folder's shop would be: so a backup of either can be brought back into either, and
//! whatever comes into a database comes the same way ([`arrive`]), summed up on both sides.
//!
//! The file is a tar archive: `manifest.json` first, which names every other member with its size and SHA-256, then
//! `shop.db`, `master.key` and `media/…`. It holds the key to all personal data, so only its owner may read it.

mod arrive;
mod files;
mod load;
pub mod manifest;
mod migrate;
mod save;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use adapters::{postgres, sqlite};
use platform::clock::{Clock, SystemClock};
use platform::store::StoreError;

use crate::config::{self, Config, Engine, Secrets};
use crate::numbers::bytes;
use crate::{doctor, wiring};
use manifest::{KEY, Manifest};
pub use migrate::migrate;

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
    Database(#[from] postgres::OpenError),
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the copy is not what was copied: {0}")]
    NotTheSame(String),
    #[error("the connection to the database was lost, and with it the moment that was being saved; run it again")]
    MomentLost,
    #[error(transparent)]
    Wiring(#[from] wiring::Error),
    #[error(
        "this shop's data is sealed with another master key than the one that is in place: put the shop's own {KEY} there; \
         nothing was changed"
    )]
    OtherKey,
    #[error(
        "the shop's master key is missing: there is no {KEY} beside its data, and the settings name none (master_key_file, \
         CLOUDMART_MASTER_KEY); without it, buyers' data cannot be read"
    )]
    NoKey,
    #[error("{} is another picture than the one of this shop with the same name", .0.display())]
    OtherPicture(PathBuf),
    #[error(
        "the shop in {} is running: stop it first (Ctrl-C where it runs, or SIGTERM), and leave it stopped", .0.display()
    )]
    Running(PathBuf),
    #[error("{} is damaged, so nothing was moved; `cloudmart doctor` tells more: {reason}", data.display())]
    DamagedSource { data: PathBuf, reason: String },
    #[error("say where the shop moves: --to postgres://…, or --config with store.engine = \"postgres\"")]
    Nowhere,
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

/// Saves the shop that the settings name, running or not, into a new file.
pub async fn backup(config: &Config, secrets: &Secrets, file: &Path) -> Result<ExitCode, crate::Failure> {
    let manifest = match config.store.engine {
        Engine::Sqlite => save::save(&config.data, file, SystemClock.now())?,
        Engine::Postgres => {
            let store = wiring::Store::open(config, secrets).await?;
            let moment = store.at_one_moment(&config.data)?;
            let beside = save::Beside { data: &config.data, media: &config.media_folder() };
            let saved = save::save_moment(&moment, &beside, file, SystemClock.now()).await;
            store.close().await?;
            saved?
        }
    };
    println!("{} was saved into {}: {}.", arrive::place(config)?, file.display(), told(&manifest));
    match manifest.member(KEY) {
        Some(_) => println!("It holds the master key, so whoever has the file can read everything. Keep it safe."),
        None => {
            let data = config.data.display();
            println!("It does not hold the master key: there is no {KEY} in {data}. Keep yours beside it.");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Brings a shop back where the settings say, and lets the doctor look at it. Success: all is well.
pub async fn restore(file: &Path, config: &Config, secrets: &Secrets) -> Result<ExitCode, crate::Failure> {
    let data = &config.data;
    if config.store.engine == Engine::Sqlite {
        let manifest = load::load(file, data)?;
        tell_restored(file, &data.display().to_string(), &manifest);
        return doctor::run_on_data(data, secrets.master_key.as_ref(), false).await;
    }
    let home = arrive::Home { config, secrets };
    let destined = arrive::reach(&home).await?;
    let (manifest, place) = load::open(file, data)?;
    let origin = sqlite::open_read_only(&place.waiting)?;
    let arrived = arrive::arrive(&origin, &place.waiting, (&home, destined), || Ok(())).await?;
    drop((origin, place));
    let there = arrive::place(config)?;
    if arrived.was_there {
        println!("{} had been restored into {there} before. Nothing was changed.", file.display());
    } else {
        arrive::forget_search_index(data)?;
        tell_restored(file, &there, &manifest);
    }
    arrived.tell(config, secrets);
    println!();
    doctor::run_on_database(config, secrets, false).await
}

fn tell_restored(file: &Path, place: &str, manifest: &Manifest) {
    println!("{} was restored into {place}: {}.", file.display(), told(manifest));
    println!("It was saved at {} by version {}.", manifest.created_at, manifest.cloudmart);
    println!();
}

fn told(manifest: &Manifest) -> String {
    let files = doctor::count(manifest.members.len() as u64, "file");
    format!("{files}, {}, checked", bytes(manifest.bytes()))
}
