//! Writes a backup beside a running shop: a consistent copy of the database first, then everything into one file.
//! The file appears under its name when it is whole and durable, and not before.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use adapters::sqlite;
use jiff::Timestamp;
use platform::blobs::is_name;

use super::Error;
use super::manifest::{DATABASE, KEY, MANIFEST, MEDIA, Manifest, Member, copy_hashed};
use crate::progress::Progress;

/// Members are the owner's alone.
const MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// A folder beside the target, in which it is put together. Removed in any case.
struct Staging {
    folder: PathBuf,
    /// Held as long as the folder is used.
    _lock: File,
}

impl Staging {
    fn beside(target: &Path) -> Result<Self, Error> {
        let mut name = target.as_os_str().to_owned();
        name.push(".partial");
        let folder = PathBuf::from(name);
        match DirBuilder::new().mode(FOLDER_MODE).create(&folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(Error::at(&folder)(error)),
            _ => {}
        }
        let path = folder.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(Error::at(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::UnderWay(target.to_owned())),
            Err(TryLockError::Error(error)) => return Err(Error::at(&path)(error)),
        }
        let staging = Self { folder, _lock: lock };
        for leftover in [staging.database(), staging.archive()] {
            match std::fs::remove_file(&leftover) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(Error::at(&leftover)(error)),
                _ => {}
            }
        }
        Ok(staging)
    }

    fn database(&self) -> PathBuf {
        self.folder.join(DATABASE)
    }

    fn archive(&self) -> PathBuf {
        self.folder.join("backup.tar")
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What stays behind is cleared by the next backup to the same name.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A file that becomes a member.
struct Source {
    name: String,
    path: PathBuf,
}

/// Saves the shop of a folder into a file that is not there yet.
pub fn save(data: &Path, target: &Path, created_at: Timestamp) -> Result<Manifest, Error> {
    if target.symlink_metadata().is_ok() {
        return Err(Error::Exists(target.to_owned()));
    }
    if !data.join(DATABASE).exists() {
        return Err(sqlite::OpenError::Missing(data.to_owned()).into());
    }
    let staging = Staging::beside(target)?;
    let mut progress = Progress::start("database", 0);
    sqlite::backup(data, &staging.database(), |done, total| progress.reach(done, total))?;
    drop(progress);
    let problems = sqlite::integrity_check(&staging.folder)?;
    if !problems.is_empty() {
        return Err(Error::DamagedCopy(problems.join("; ")));
    }
    let sources = sources(data, &staging)?;
    let manifest = Manifest::new(created_at, members(&sources)?);
    pack(&staging.archive(), &sources, &manifest)?;
    // Somebody may have put a file there meanwhile; it is not ours to overwrite.
    if target.symlink_metadata().is_ok() {
        return Err(Error::Exists(target.to_owned()));
    }
    std::fs::rename(staging.archive(), target).map_err(Error::at(target))?;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sync_folder(folder)?;
    Ok(manifest)
}

/// The database first: pictures that are added meanwhile do no harm.
fn sources(data: &Path, staging: &Staging) -> Result<Vec<Source>, Error> {
    let mut sources = vec![Source { name: DATABASE.to_owned(), path: staging.database() }];
    let key = data.join(KEY);
    if key.exists() {
        sources.push(Source { name: KEY.to_owned(), path: key });
    }
    let folder = data.join(MEDIA);
    let mut pictures = Vec::new();
    match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(Error::at(&folder)(error)),
        Ok(entries) => {
            for entry in entries {
                let entry = entry.map_err(Error::at(&folder))?;
                // Files under way begin with a dot, which no picture's name does.
                if let Some(name) = entry.file_name().to_str().filter(|name| is_name(name)) {
                    pictures.push(Source { name: format!("{MEDIA}/{name}"), path: entry.path() });
                }
            }
        }
    }
    pictures.sort_by(|a, b| a.name.cmp(&b.name));
    sources.extend(pictures);
    Ok(sources)
}

fn members(sources: &[Source]) -> Result<Vec<Member>, Error> {
    let mut progress = Progress::start("checksums", sources.len() as u64);
    let mut members = Vec::with_capacity(sources.len());
    for source in sources {
        progress.step();
        let mut file = match File::open(&source.path) {
            Ok(file) => file,
            // Deleted since the folder was listed.
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(Error::Changed(source.name.clone())),
            Err(error) => return Err(Error::at(&source.path)(error)),
        };
        let hashed = copy_hashed(&mut file, &mut std::io::sink(), u64::MAX, |_| ());
        let (size, sha256) = hashed.map_err(Error::at(&source.path))?;
        members.push(Member { name: source.name.clone(), size, sha256 });
    }
    Ok(members)
}

/// Writes the archive, and checks on the way that every member still is what the manifest says.
fn pack(archive: &Path, sources: &[Source], manifest: &Manifest) -> Result<(), Error> {
    let options = OpenOptions::new().write(true).create_new(true).mode(MODE).open(archive);
    let mut file = options.map_err(Error::at(archive))?;
    let mut progress = Progress::start("file", manifest.bytes());
    let mut done = 0;
    let json = serde_json::to_vec_pretty(manifest).map_err(|error| Error::Foreign(error.to_string()))?;
    let written_at = manifest.created_at;
    begin(&mut file, MANIFEST, json.len() as u64, written_at).map_err(Error::at(archive))?;
    file.write_all(&json).and_then(|()| pad(&mut file, json.len() as u64)).map_err(Error::at(archive))?;
    for (source, member) in sources.iter().zip(&manifest.members) {
        begin(&mut file, &member.name, member.size, written_at).map_err(Error::at(archive))?;
        let mut from = File::open(&source.path).map_err(|_| Error::Changed(source.name.clone()))?;
        let copied = copy_hashed(&mut from, &mut file, member.size, |bytes| {
            done += bytes;
            progress.reach(done, manifest.bytes());
        });
        let copied = copied.map_err(Error::at(archive))?;
        if copied != (member.size, member.sha256.clone()) {
            return Err(Error::Changed(source.name.clone()));
        }
        pad(&mut file, member.size).map_err(Error::at(archive))?;
    }
    let end = [0; 2 * BLOCK];
    file.write_all(&end).and_then(|()| file.sync_all()).map_err(Error::at(archive))
}

/// A tar archive is made of these.
const BLOCK: usize = 512;

fn begin(to: &mut impl Write, name: &str, size: u64, at: Timestamp) -> std::io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_path(name)?;
    header.set_size(size);
    header.set_mode(MODE);
    header.set_mtime(u64::try_from(at.as_second()).unwrap_or(0));
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    to.write_all(header.as_bytes())
}

/// Fills the last block.
fn pad(to: &mut impl Write, size: u64) -> std::io::Result<()> {
    let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
    if over > 0 { to.write_all(&[0; BLOCK][over..]) } else { Ok(()) }
}

pub fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::at(folder))
}
