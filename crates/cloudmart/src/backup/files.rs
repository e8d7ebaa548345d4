//! Pictures and the master key as files: which there are, and how they come to another place whole.
//! It knows no database.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use platform::blobs::is_name;
use platform::entropy::SystemEntropy;
use platform::sealing::MasterKey;

use super::Error;
use super::manifest::copy_hashed;
use crate::config::Secrets;
use crate::progress::Progress;
use crate::wiring::{self, KEY_FILE};

const MODE: u32 = 0o600;

/// Names and places of a folder's pictures, sorted by name. None, where there is no folder.
pub fn pictures(folder: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(Error::at(folder))?,
    };
    let mut pictures = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::at(folder))?;
        // Files under way begin with a dot, which no picture's name does.
        if let Some(name) = entry.file_name().to_str().filter(|name| is_name(name)) {
            pictures.push((name.to_owned(), entry.path()));
        }
    }
    pictures.sort();
    Ok(pictures)
}

/// Copies a folder's pictures into another one, but those that are there. Answers how many there are now.
pub fn copy_pictures(from: &Path, to: &Path) -> Result<usize, Error> {
    let pictures = pictures(from)?;
    if from.canonicalize().is_ok_and(|from| to.canonicalize().is_ok_and(|to| to == from)) {
        return Ok(pictures.len());
    }
    std::fs::create_dir_all(to).map_err(Error::at(to))?;
    let mut progress = Progress::start("pictures", pictures.len() as u64);
    for (name, path) in &pictures {
        copy_picture(path, name, to)?;
        progress.step();
    }
    sync_folder(to)?;
    Ok(pictures.len())
}

/// One that is there must be the same: a name's bytes never change.
fn copy_picture(from: &Path, name: &str, folder: &Path) -> Result<(), Error> {
    let to = folder.join(name);
    let hash = |path: &Path| {
        let mut file = File::open(path).map_err(Error::at(path))?;
        copy_hashed(&mut file, &mut std::io::sink(), u64::MAX, |_| ()).map_err(Error::at(path))
    };
    if to.exists() {
        return if hash(&to)? == hash(from)? { Ok(()) } else { Err(Error::OtherPicture(to)) };
    }
    // As pictures under way are named; the next start of a shop removes what a crash leaves.
    let partial = folder.join(format!(".partial-{name}"));
    let mut file = File::create(&partial).map_err(Error::at(&partial))?;
    let mut source = File::open(from).map_err(Error::at(from))?;
    let written = copy_hashed(&mut source, &mut file, u64::MAX, |_| ()).map_err(Error::at(&partial))?;
    file.sync_all().map_err(Error::at(&partial))?;
    if hash(&partial)? != written {
        return Err(Error::Changed(name.to_owned()));
    }
    std::fs::rename(&partial, &to).map_err(Error::at(&to))
}

/// The master key that a shop's new place uses already: what the settings say, else the file in its data folder.
pub fn key_there(data: &Path, secrets: &Secrets) -> Result<Option<MasterKey>, Error> {
    if secrets.master_key.is_none() && !data.join(KEY_FILE).exists() {
        return Ok(None);
    }
    Ok(Some(wiring::master_key(data, secrets, &SystemEntropy)?))
}

/// The master key in a folder's file.
pub fn key_in(folder: &Path) -> Result<Option<MasterKey>, Error> {
    key_there(folder, &Secrets::default())
}

/// Writes a new file, readable by its owner only.
pub fn write_new(path: &Path, text: &str) -> Result<(), Error> {
    use std::io::Write;
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(path);
    let mut file = file.map_err(Error::at(path))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(Error::at(path))?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

pub fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::at(folder))
}
