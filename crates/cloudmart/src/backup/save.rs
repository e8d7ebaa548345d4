//! Writes a backup beside a running shop: a consistent copy of the database first, then everything into one file.
//! The file appears under its name when it is whole and durable, and not before.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use adapters::sqlite::{self, NewFile};
use jiff::Timestamp;
use platform::copying;

use super::Error;
use super::files::{pictures, sync_folder};
use super::manifest::{DATABASE, KEY, MANIFEST, MEDIA, Manifest, Member, copy_hashed};
use crate::progress::Progress;
use crate::wiring::Moment;

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

/// What lies beside the database.
pub struct Beside<'a> {
    /// Where the master key may be.
    pub data: &'a Path,
    pub media: &'a Path,
}

/// A file that becomes a member.
struct Source {
    name: String,
    path: PathBuf,
}

/// Saves the shop of a folder into a file that is not there yet.
pub fn save(data: &Path, target: &Path, created_at: Timestamp) -> Result<Manifest, Error> {
    still_free(target)?;
    sqlite::existing(data)?;
    let staging = Staging::beside(target)?;
    let mut progress = Progress::start("database", 0);
    sqlite::backup(data, &staging.database(), |done, total| progress.reach(done, total))?;
    drop(progress);
    pack_up(&staging, &Beside { data, media: &data.join(MEDIA) }, target, created_at)
}

/// Saves what a database holds at one moment into a file that is not there yet: as a folder's shop would be saved, so that
/// the backup can be brought back into either.
pub async fn save_moment(
    moment: &Moment,
    beside: &Beside<'_>,
    target: &Path,
    created_at: Timestamp,
) -> Result<Manifest, Error> {
    still_free(target)?;
    let staging = Staging::beside(target)?;
    let origin = moment.origin();
    let shards = origin.shards().await?;
    let facts = shards.iter().map(|info| info.head).sum();
    let file = NewFile::create(&staging.folder, &shards)?;
    let mut progress = Progress::start("facts", facts);
    copying::copy(origin.as_ref(), &file, |done| progress.reach(done.min(facts), facts)).await?;
    file.finish().await?;
    drop(progress);
    let mut progress = Progress::start("compared", 2 * facts);
    let there = copying::contents(origin.as_ref(), |done| progress.reach(done.min(facts), 2 * facts)).await?;
    let copy = sqlite::open_read_only(&staging.folder)?;
    let tell = |done: u64| progress.reach(facts + done.min(facts), 2 * facts);
    let saved = copying::contents(copy.origin().as_ref(), tell).await?;
    drop((copy, progress));
    if !moment.is_one() {
        return Err(Error::MomentLost);
    }
    let differences = there.differences(&saved);
    if !differences.is_empty() {
        return Err(Error::NotTheSame(differences.join("; ")));
    }
    pack_up(&staging, beside, target, created_at)
}

/// It is not ours to overwrite.
fn still_free(target: &Path) -> Result<(), Error> {
    if target.symlink_metadata().is_ok() { Err(Error::Exists(target.to_owned())) } else { Ok(()) }
}

/// Makes the file of the database's copy and what lies beside.
fn pack_up(staging: &Staging, beside: &Beside<'_>, target: &Path, created_at: Timestamp) -> Result<Manifest, Error> {
    let checking = Progress::start("pages", 0);
    let problems = sqlite::integrity_check(&staging.folder)?;
    drop(checking);
    if !problems.is_empty() {
        return Err(Error::DamagedCopy(problems.join("; ")));
    }
    let sources = sources(beside, staging)?;
    let manifest = Manifest::new(created_at, members(&sources)?);
    pack(&staging.archive(), &sources, &manifest)?;
    // Somebody may have put a file there meanwhile.
    still_free(target)?;
    std::fs::rename(staging.archive(), target).map_err(Error::at(target))?;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sync_folder(folder)?;
    Ok(manifest)
}

/// The database first: pictures that are added meanwhile do no harm.
fn sources(beside: &Beside<'_>, staging: &Staging) -> Result<Vec<Source>, Error> {
    let mut sources = vec![Source { name: DATABASE.to_owned(), path: staging.database() }];
    let key = beside.data.join(KEY);
    if key.exists() {
        sources.push(Source { name: KEY.to_owned(), path: key });
    }
    let pictures = pictures(beside.media)?.into_iter();
    sources.extend(pictures.map(|(name, path)| Source { name: format!("{MEDIA}/{name}"), path }));
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
