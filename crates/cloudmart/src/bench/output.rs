//! Where a load's figures go: a table for people, JSON for programs, onto standard output or into a file.
//! It does not know what they say.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::options::Json;
use super::report::Report;
use crate::Failure;
use crate::progress::{say, say_aside};

#[derive(Debug)]
pub enum Output {
    /// On standard output.
    Table,
    /// JSON there, and the table on standard error.
    Json,
    /// The table on standard output, and JSON in a file.
    Both(Draft),
}

impl Output {
    /// Opens the file, so that nobody puts a load on a shop for figures that cannot be written.
    pub fn open(json: Json) -> Result<Self, Failure> {
        match json {
            Json::None => Ok(Self::Table),
            Json::StandardOutput => Ok(Self::Json),
            Json::File(path) => match Draft::begin(&path) {
                Ok(draft) => Ok(Self::Both(draft)),
                Err(error) => Err(cannot_write(&path, &error)),
            },
        }
    }

    /// Where there are two, one that takes nothing does not keep the other one from being told.
    pub fn tell(self, report: &Report) -> Result<(), Failure> {
        let text = || serde_json::to_string_pretty(report).map(|text| text + "\n");
        match self {
            Self::Table => say(report),
            Self::Json => {
                let table = say_aside(report);
                say(&text()?)?;
                table
            }
            Self::Both(draft) => {
                let table = say(report);
                let path = draft.path.clone();
                draft.finish(&text()?).map_err(|error| cannot_write(&path, &error))?;
                table
            }
        }
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("{} cannot be written: {error}", path.display()))
}

/// A file that is opened before there is anything to write. Unless it is finished it is left as it was, or gone if it was not
/// there.
#[derive(Debug)]
pub struct Draft {
    file: File,
    path: PathBuf,
    is_new: bool,
}

impl Draft {
    fn begin(path: &Path) -> io::Result<Self> {
        let of = |file, is_new| Self { file, path: path.to_owned(), is_new };
        match OpenOptions::new().write(true).create_new(true).open(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                // Also a link to a file that is not there yet.
                let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
                Ok(of(file, false))
            }
            made => Ok(of(made?, true)),
        }
    }

    fn finish(mut self, text: &str) -> io::Result<()> {
        // Pipes and devices have no length.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.file.write_all(text.as_bytes())?;
        self.is_new = false;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.is_new {
            // An empty file that nobody asked for; there is nothing to lose.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_only_when_there_are_figures() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("figures.json");
        drop(Draft::begin(&path).unwrap());
        assert!(!path.exists(), "no figures, no file");

        Draft::begin(&path).unwrap().finish("the first figures\n").unwrap();
        drop(Draft::begin(&path).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "the first figures\n", "those of the last run stay");
        Draft::begin(&path).unwrap().finish("shorter\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "shorter\n");
        Draft::begin(Path::new("/dev/null")).unwrap().finish("a device").unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_written_is_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        for bad in [folder.path().to_owned(), folder.path().join("no-such-folder").join("figures.json")] {
            assert!(Output::open(Json::File(bad.clone())).is_err(), "{}", bad.display());
        }
    }
}
