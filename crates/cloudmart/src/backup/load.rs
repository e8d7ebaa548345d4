//! Brings a backup back: unpacks beside the place, checks every byte, and only then moves the parts into place.
//! It writes nothing but the members that the manifest names, and never over a shop that is there.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::Error;
use super::files::sync_folder;
use super::manifest::{DATABASE, KEY, MANIFEST, MANIFEST_BYTES_MAX, MEDIA, Manifest, Member, copy_hashed};
use crate::progress::Progress;

const MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;
/// Where members wait until all of them are checked. Within the folder, since that may be a mount of its own.
const WAITING: &str = ".restoring";
/// What a folder may hold and still count as empty: the lock that a shop takes, and what an earlier attempt left.
const NOTHING: [&str; 3] = ["lock", WAITING, "lost+found"];

/// The folder into which is restored, locked as by a shop, so that none starts there meanwhile.
pub struct Place {
    data: PathBuf,
    /// Where what was unpacked lies.
    pub waiting: PathBuf,
    _lock: File,
}

impl Place {
    /// A folder that becomes a shop.
    fn empty(data: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(data).map_err(Error::at(data))?;
        for entry in std::fs::read_dir(data).map_err(Error::at(data))? {
            let name = entry.map_err(Error::at(data))?.file_name();
            if !NOTHING.iter().any(|nothing| name == *nothing) {
                return Err(Error::NotEmpty(data.to_owned()));
            }
        }
        Self::within(data)
    }

    /// A folder where things wait and go on from there.
    fn within(data: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(data).map_err(Error::at(data))?;
        let path = data.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(Error::at(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::InUse(data.to_owned())),
            Err(TryLockError::Error(error)) => return Err(Error::at(&path)(error)),
        }
        let place = Self { data: data.to_owned(), waiting: data.join(WAITING), _lock: lock };
        match std::fs::remove_dir_all(&place.waiting) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(Error::at(&place.waiting)(error)),
            _ => {}
        }
        let media = place.waiting.join(MEDIA);
        DirBuilder::new().mode(FOLDER_MODE).recursive(true).create(&media).map_err(Error::at(&media))?;
        Ok(place)
    }

    /// The database last: without it a folder is no shop.
    fn fill(&self) -> Result<(), Error> {
        sync_folder(&self.waiting.join(MEDIA))?;
        sync_folder(&self.waiting)?;
        for name in [MEDIA, KEY, DATABASE] {
            let (from, to) = (self.waiting.join(name), self.data.join(name));
            match std::fs::rename(&from, &to) {
                // A backup need not hold a key.
                Err(error) if error.kind() == ErrorKind::NotFound && name == KEY => {}
                moved => moved.map_err(Error::at(&to))?,
            }
            sync_folder(&self.data)?;
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What stays behind counts as nothing for the next attempt.
        let _ = std::fs::remove_dir_all(&self.waiting);
    }
}

/// Unpacks a backup into a folder that is empty, or not there yet.
pub fn load(file: &Path, data: &Path) -> Result<Manifest, Error> {
    let (manifest, place) = unpack_all(file, || Place::empty(data))?;
    place.fill()?;
    Ok(manifest)
}

/// Unpacks a backup within a folder, to be taken on from [`Place::waiting`]; it is gone with the place.
pub fn open(file: &Path, data: &Path) -> Result<(Manifest, Place), Error> {
    unpack_all(file, || Place::within(data))
}

fn unpack_all(file: &Path, take: impl FnOnce() -> Result<Place, Error>) -> Result<(Manifest, Place), Error> {
    let source = File::open(file).map_err(Error::at(file))?;
    let mut archive = tar::Archive::new(std::io::BufReader::with_capacity(1 << 20, source));
    // Raw: no extension may say that a name or size is another than the one in the header.
    let mut entries = archive.entries().map_err(Error::at(file))?.raw(true);
    let first = entries.next().ok_or_else(|| Error::Foreign("it is empty".to_owned()))?;
    let manifest = read_manifest(first.map_err(|error| Error::Foreign(error.to_string()))?)?;
    let place = take()?;
    let mut expected: BTreeMap<&str, &Member> =
        manifest.members.iter().map(|member| (member.name.as_str(), member)).collect();
    let mut progress = Progress::start("file", manifest.bytes());
    let mut done = 0;
    for entry in entries {
        let mut entry = entry.map_err(|error| Error::Damaged(error.to_string()))?;
        let name = name_of(&entry)?;
        let member = expected.remove(name.as_str());
        let member = member.ok_or_else(|| Error::Damaged(format!("`{name}` is there, and should not be")))?;
        if entry.size() != member.size {
            return Err(Error::Damaged(format!("{name} has {} bytes instead of {}", entry.size(), member.size)));
        }
        unpack(&mut entry, member, &place.waiting, |bytes| {
            done += bytes;
            progress.reach(done, manifest.bytes());
        })?;
    }
    if let Some(missing) = expected.keys().next() {
        return Err(Error::Damaged(format!("{missing} is missing; the file ends too early")));
    }
    drop(progress);
    Ok((manifest, place))
}

fn read_manifest(mut entry: tar::Entry<'_, impl Read>) -> Result<Manifest, Error> {
    let foreign = |reason: &str| Error::Foreign(reason.to_owned());
    if name_of(&entry).map_err(|_| foreign("its first part has no readable name"))? != MANIFEST {
        return Err(foreign("it does not begin with a manifest"));
    }
    let size = entry.size();
    if size > MANIFEST_BYTES_MAX {
        return Err(foreign("its manifest is too large"));
    }
    let mut json = Vec::new();
    let read = entry.read_to_end(&mut json).map_err(|error| Error::Damaged(error.to_string()))?;
    if read as u64 != size {
        return Err(Error::Damaged("the file ends within its manifest".to_owned()));
    }
    Manifest::read(&json)
}

/// Only plain files have names here.
fn name_of(entry: &tar::Entry<'_, impl Read>) -> Result<String, Error> {
    let bytes = entry.path_bytes();
    let name = std::str::from_utf8(&bytes).map_err(|_| Error::Damaged("a name is not UTF-8".to_owned()))?;
    if entry.header().entry_type() != tar::EntryType::Regular {
        return Err(Error::Damaged(format!("`{name}` is not a plain file")));
    }
    Ok(name.to_owned())
}

/// `member.name` was checked when the manifest was read: it leads to a file right within the folder, or its `media`.
fn unpack(entry: &mut impl Read, member: &Member, folder: &Path, progress: impl FnMut(u64)) -> Result<(), Error> {
    let path = folder.join(&member.name);
    let file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&path);
    let mut file = file.map_err(Error::at(&path))?;
    let mut from = Source { entry, failure: None };
    let copied = copy_hashed(&mut from, &mut file, member.size, progress);
    if let Some(failure) = from.failure {
        return Err(Error::Damaged(format!("{}: {failure}", member.name)));
    }
    let (size, sha256) = copied.map_err(Error::at(&path))?;
    if size != member.size {
        return Err(Error::Damaged(format!("the file ends within {}", member.name)));
    }
    if sha256 != member.sha256 {
        return Err(Error::Damaged(format!("{} is not what was saved: its checksum differs", member.name)));
    }
    file.sync_all().map_err(Error::at(&path))
}

/// Tells a backup that cannot be read from a folder that cannot be written.
struct Source<'a, R> {
    entry: &'a mut R,
    failure: Option<String>,
}

impl<R: Read> Read for Source<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.entry.read(buffer).inspect_err(|error| self.failure = Some(error.to_string()))
    }
}
