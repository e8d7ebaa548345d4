//! A shop comes into a database, whole or not at all: copied, summed up on both sides, with its pictures and its key.
//! It does not know where it comes from, but that it is a file of SQLite in a folder.

use std::io::ErrorKind;
use std::path::Path;

use adapters::postgres::{Arrival, Destined};
use adapters::sqlite::Inspection;
use platform::copying::{Contents, contents, copy};
use platform::sealing::MasterKey;

use super::Error;
use super::files::{copy_pictures, key_in, key_there};
use super::manifest::MEDIA;
use crate::config::{self, Config, Engine, Host, Secrets};
use crate::doctor::count;
use crate::numbers::grouped;
use crate::progress::Progress;
use crate::wiring::{self, KEY_FILE, SEARCH_FOLDER};

/// Where it comes to, as the settings say.
pub struct Home<'a> {
    pub config: &'a Config,
    pub secrets: &'a Secrets,
}

/// What came.
pub struct Arrived {
    contents: Contents,
    pictures: usize,
    /// An earlier attempt had brought all of it; the shop may have been served since.
    pub was_there: bool,
}

/// Whether the database can be reached and may take a shop: asked before anything is done that takes long.
pub async fn reach(home: &Home<'_>) -> Result<Destined, Error> {
    Ok(Destined::reach(&wiring::postgres_options(home.config, home.secrets)?).await?)
}

/// Copies a store into the database, goes on where an earlier attempt ended, and compares. `folder` holds its pictures and,
/// maybe, its key. `settle` is done when everything is there, right before nodes may open the database.
pub async fn arrive(
    from: &Inspection,
    folder: &Path,
    (home, destined): (&Home<'_>, Destined),
    settle: impl FnOnce() -> Result<(), Error>,
) -> Result<Arrived, Error> {
    let config = home.config;
    let key = key_to_bring(from, folder, home).await?;
    let origin = from.origin();
    let shards = origin.shards().await?;
    let facts: u64 = shards.iter().map(|info| info.head).sum();
    let mut progress = Progress::start("summed up", facts);
    let here = contents(origin.as_ref(), |done| progress.reach(done.min(facts), facts)).await?;
    drop(progress);
    let arrival = Arrival::begin(destined, &shards, &here.digest()).await?;
    if !arrival.is_complete() {
        let total = here.count();
        let mut progress = Progress::start("copied", total);
        copy(origin.as_ref(), &arrival, |done| progress.reach(done.min(total), total)).await?;
        drop(progress);
        let mut progress = Progress::start("compared", total);
        let there = contents(arrival.origin(), |done| progress.reach(done.min(total), total)).await?;
        drop(progress);
        let differences = here.differences(&there);
        if !differences.is_empty() {
            return Err(Error::NotTheSame(differences.join("; ")));
        }
    }
    let pictures = copy_pictures(&folder.join(MEDIA), &config.media_folder())?;
    std::fs::create_dir_all(&config.data).map_err(Error::at(&config.data))?;
    if let Some(key) = key {
        let path = config.data.join(KEY_FILE);
        wiring::write_key(&path, &key).map_err(Error::at(&path))?;
    }
    settle()?;
    let was_there = arrival.is_complete();
    if !was_there {
        arrival.finish().await?;
    }
    Ok(Arrived { contents: here, pictures, was_there })
}

/// The key that the new place has not got yet. One that it has must be the right one.
async fn key_to_bring(from: &Inspection, folder: &Path, home: &Home<'_>) -> Result<Option<MasterKey>, Error> {
    let documents = from.documents();
    if let Some(there) = key_there(&home.config.data, home.secrets)? {
        return match wiring::is_key_of(documents.as_ref(), &there).await? {
            Some(false) => Err(Error::OtherKey),
            _ => Ok(None),
        };
    }
    let Some(key) = key_in(folder)? else { return Err(Error::NoKey) };
    match wiring::is_key_of(documents.as_ref(), &key).await? {
        Some(false) => Err(Error::OtherKey),
        _ => Ok(Some(key)),
    }
}

impl Arrived {
    /// Says what there is, and what the operator has to do about it.
    pub fn tell(&self, config: &Config, secrets: &Secrets) {
        if !self.was_there {
            self.tell_contents();
        }
        println!("Pictures are in {}; all nodes must see that folder.", config.media_folder().display());
        match secrets.master_key {
            Some(_) => println!("The master key is where the settings say; every node needs the same."),
            None => println!(
                "The master key is in {}; every node needs it (master_key_file), and nobody else.",
                config.data.join(KEY_FILE).display()
            ),
        }
    }

    fn tell_contents(&self) {
        let facts = self.contents.parts.iter().filter(|part| part.name.starts_with("facts"));
        let facts: u64 = facts.map(|part| part.count).sum();
        let pictures = count(self.pictures as u64, "picture");
        println!(
            "{} facts of {} in all, {pictures}; the same on both sides:",
            grouped(facts),
            grouped(self.contents.count())
        );
        println!("{}", self.contents);
        println!("all of it  {}", self.contents.digest());
        println!();
    }
}

/// A node's index of a shop that was not this one, or of a later time of it. The next start builds it from the log.
pub fn forget_search_index(data: &Path) -> Result<(), Error> {
    let folder = data.join(SEARCH_FOLDER);
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::at(&folder)(error)),
        _ => Ok(()),
    }
}

/// Where a shop is, without any secret.
pub fn place(config: &Config) -> Result<String, Error> {
    if config.store.engine == Engine::Sqlite {
        return Ok(config.data.display().to_string());
    }
    let server = config.postgres.server(None);
    let server = server.map_err(|(key, reason)| config::Error::Unworkable { key, reason })?;
    let hosts: Vec<String> = server.hosts.iter().map(Host::to_string).collect();
    Ok(format!("PostgreSQL at {}, database {}, schema {}", hosts.join(","), server.database, config.postgres.schema))
}
