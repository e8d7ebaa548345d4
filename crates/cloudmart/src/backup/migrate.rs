//! Moves the shop of a folder into a database. The folder stays as it was, and is not served any more.
//! It does not know how things come into the database.

use std::path::Path;
use std::process::ExitCode;

use adapters::sqlite::{self, OpenError};
use platform::clock::{Clock, SystemClock};

use super::Error;
use super::arrive::{Arrived, Home, arrive, forget_search_index, place, reach};
use super::files::write_new;
use crate::config::{Config, Engine, Secrets};
use crate::progress::Progress;
use crate::wiring::MOVED_FILE;
use crate::{Failure, doctor};

/// Moves, compares, and lets the doctor look at the new place. Success: all is well.
pub async fn migrate(from: &Path, config: &Config, secrets: &Secrets) -> Result<ExitCode, Failure> {
    let arrived = bring(from, config, secrets).await?;
    let place = place(config)?;
    match arrived.was_there {
        true => {
            println!("{} had been moved into {place} before, and compared then. Nothing was changed.", from.display())
        }
        false => println!("{} was moved into {place}.", from.display()),
    }
    arrived.tell(config, secrets);
    println!(
        "{} is as it was, and no shop is served from it any more. When you are content, destroy it: it holds everything, \
         also what is erased in the new place from now on.",
        from.display()
    );
    println!();
    doctor::run_on_database(config, secrets, false).await
}

async fn bring(from: &Path, config: &Config, secrets: &Secrets) -> Result<Arrived, Error> {
    if config.store.engine != Engine::Postgres {
        return Err(Error::Nowhere);
    }
    let _locked = sqlite::lock_existing(from).map_err(|error| match error {
        OpenError::InUse(folder) => Error::Running(folder),
        other => other.into(),
    })?;
    let home = Home { config, secrets };
    let destined = reach(&home).await?;
    let checking = Progress::start("pages", 0);
    let problems = sqlite::integrity_check(from)?;
    drop(checking);
    if !problems.is_empty() {
        return Err(Error::DamagedSource { data: from.to_owned(), reason: problems.join("; ") });
    }
    let origin = sqlite::open_read_only(from)?;
    let note = format!("This shop moved into {} at {}.\n", place(config)?, SystemClock.now());
    let settle = || write_new(&from.join(MOVED_FILE), &note);
    let arrived = arrive(&origin, from, (&home, destined), settle).await?;
    // Of the same folder it is this shop's own, at the very place in the log.
    let is_same = || Ok::<_, std::io::Error>(from.canonicalize()? == config.data.canonicalize()?);
    if !is_same().map_err(Error::at(&config.data))? && !arrived.was_there {
        forget_search_index(&config.data)?;
    }
    Ok(arrived)
}
