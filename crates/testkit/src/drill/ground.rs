//! Where a scenario takes place: a binary, a folder for its data, and the seed that decides what happens.
//! It does not know what happens.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use crate::dice::Dice;
use crate::mart::files_under;

/// The place of one scenario. Its folder goes away when all went well, and stays for whoever looks for the reason when not.
#[derive(Debug)]
pub struct Ground {
    binary: PathBuf,
    folder: PathBuf,
    seed: u64,
    is_told: bool,
}

impl Ground {
    /// In a folder that is made anew.
    ///
    /// # Panics
    /// When it cannot be.
    pub fn at(binary: impl AsRef<Path>, folder: impl Into<PathBuf>, seed: u64) -> Self {
        let folder = folder.into();
        std::fs::remove_dir_all(&folder).ok();
        std::fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("cannot make {}: {error}", folder.display()));
        Self { binary: binary.as_ref().to_owned(), folder, seed, is_told: true }
    }

    /// In a temporary folder, and silent.
    ///
    /// # Panics
    /// When there can be none.
    pub fn for_a_test(binary: impl AsRef<Path>, seed: u64) -> Self {
        let folder = tempfile::Builder::new().prefix("drill-").tempdir().expect("a folder for a drill").keep();
        Self { binary: binary.as_ref().to_owned(), folder, seed, is_told: false }
    }

    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn dice(&self) -> Dice {
        Dice::new(self.seed)
    }

    /// A line of progress, for whoever watches.
    pub fn tell(&self, line: impl Display) {
        if self.is_told {
            println!("    {line}");
        }
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("\n  seed {}; what is left of it is kept in {}", self.seed, self.folder.display());
            return;
        }
        // What cannot be removed is only in the way.
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// A folder once more, in the place of whatever was there.
pub(super) fn copy_folder(from: &Path, to: &Path) {
    std::fs::remove_dir_all(to).ok();
    for file in files_under(from) {
        let target = to.join(file.strip_prefix(from).expect("a file of the folder"));
        std::fs::create_dir_all(target.parent().expect("a folder")).expect("a folder");
        std::fs::copy(&file, &target).expect("a copy");
    }
}
