//! Mail into a folder: one `.eml` file per letter, which any mail program opens. For trying a shop out, and for machines whose
//! own programs carry mail on.
//! It does not send anything. The files are readable by their owner only, go away with the order they are about, and are never more than
//! so many.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use domain::text::Email;
use parking_lot::Mutex;
use services::mail::{Letter, Refused, Transport};

use super::message::message;
use crate::blocking::on_a_thread;

/// Who writes for a shop without an address.
const SENDER: &str = "shop@localhost";
/// Files under way begin with a dot.
const PARTIAL: &str = ".partial-";
const EXTENSION: &str = "eml";

/// A folder of this machine that mail goes into.
pub struct MailFolder {
    folder: PathBuf,
    keep: usize,
    /// The files that are there; their names begin with their time.
    names: Arc<Mutex<BTreeSet<String>>>,
}

impl MailFolder {
    /// Creates the folder where it is not there. The newest `keep` letters stay.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn open(folder: &Path, keep: usize) -> std::io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut names = BTreeSet::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            if name.starts_with(PARTIAL) {
                std::fs::remove_file(entry.path())?;
            } else if Path::new(&name).extension().is_some_and(|extension| extension == EXTENSION) {
                names.insert(name);
            }
        }
        Ok(Self { folder: folder.to_owned(), keep: keep.max(1), names: Arc::new(Mutex::new(names)) })
    }
}

#[async_trait]
impl Transport for MailFolder {
    async fn send(&self, letter: &Letter) -> Result<(), Refused> {
        let bytes = message(letter)?.formatted();
        let (folder, name) = (self.folder.clone(), file_name(letter));
        let (names, keep) = (self.names.clone(), self.keep);
        let work = move || {
            store(&folder, &name, &bytes)?;
            let mut names = names.lock();
            names.insert(name);
            while names.len() > keep {
                let Some(oldest) = names.pop_first() else { break };
                remove(&folder.join(oldest))?;
            }
            Ok(())
        };
        on_a_thread(work).await.map_err(|error| error.to_string()).and_then(told).map_err(Refused::Unreachable)
    }

    async fn forget(&self, order_number: &str) -> Result<(), Refused> {
        let part = format!("_{order_number}_");
        let (folder, names) = (self.folder.clone(), self.names.clone());
        let work = move || {
            let mut names = names.lock();
            let gone: Vec<String> = names.iter().filter(|name| name.contains(&part)).cloned().collect();
            for name in gone {
                remove(&folder.join(&name))?;
                names.remove(&name);
            }
            Ok(())
        };
        on_a_thread(work).await.map_err(|error| error.to_string()).and_then(told).map_err(Refused::Unreachable)
    }

    fn describe(&self) -> String {
        std::path::absolute(&self.folder).unwrap_or_else(|_| self.folder.clone()).display().to_string()
    }

    fn stand_in_sender(&self) -> Option<Email> {
        Email::parse(SENDER).ok()
    }
}

fn told(outcome: std::io::Result<()>) -> Result<(), String> {
    outcome.map_err(|error| error.to_string())
}

/// The same letter again replaces its file. Such as `20261127T080000_placed_7K3M9QXZ_….eml`.
fn file_name(letter: &Letter) -> String {
    let time = letter.written_at.strftime("%Y%m%dT%H%M%S");
    let kind = serde_json::to_value(letter.kind).ok();
    let kind = kind.as_ref().and_then(|kind| kind.as_str()).unwrap_or("mail").replace('_', "-");
    let about = letter.order_number.as_deref().unwrap_or("trial");
    format!("{time}_{kind}_{about}_{}.{EXTENSION}", letter.id)
}

/// Whole or not at all, and durable before it counts as sent.
fn store(folder: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let partial = folder.join(format!("{PARTIAL}{name}"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&partial, folder.join(name))?;
    std::fs::File::open(folder)?.sync_all()
}

/// Somebody may have carried it on.
fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::letter;
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_letter_is_one_file_however_often_it_comes() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("mail");
        let mail = MailFolder::open(&folder, 10).unwrap();
        mail.send(&letter("one")).await.unwrap();
        mail.send(&letter("one")).await.unwrap();
        assert_eq!(names(&folder), ["20261127T080000_placed_7K3M9QXZ_one.eml"]);
        let text = std::fs::read_to_string(folder.join(&names(&folder)[0])).unwrap();
        assert!(text.contains("Message-ID: <one@shop.example>"), "{text}");
    }

    #[tokio::test]
    async fn the_newest_stay_and_an_order_is_forgotten_after_a_restart_too() {
        let place = tempfile::tempdir().unwrap();
        let mail = MailFolder::open(place.path(), 2).unwrap();
        for second in 0..4_i64 {
            let mut letter = letter(&format!("n{second}"));
            letter.written_at = jiff::Timestamp::from_second(1_800_000_000 + second).unwrap();
            letter.order_number = Some(format!("ORDER{second}"));
            mail.send(&letter).await.unwrap();
        }
        assert!(names(place.path()).iter().all(|name| name.contains("ORDER2") || name.contains("ORDER3")));
        std::fs::write(place.path().join(".partial-x"), "half").unwrap();
        std::fs::write(place.path().join("notes.txt"), "somebody else's").unwrap();
        let mail = MailFolder::open(place.path(), 2).unwrap();
        mail.forget("ORDER3").await.unwrap();
        let left = names(place.path());
        assert_eq!(left.len(), 2, "{left:?}");
        assert!(left[0].contains("ORDER2") && left[1] == "notes.txt", "{left:?}");
    }
}
