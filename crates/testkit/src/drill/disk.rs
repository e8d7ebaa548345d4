//! A disk that may lose power: what was synced is there, what was not is there, or not, or in part.
//! It does not know what the files are for; it follows a [`Trace`] up to an instant and tells what could be left then.
//!
//! It is harsher than the file systems that are in use: a file's name is only there when its folder was synced, and
//! names that were not may come back in any order. Writes tear at sectors of 512 bytes.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::trace::{BY_DESCRIPTOR, Call, Trace, What};
use crate::dice::Dice;

/// What hardware writes whole.
const SECTOR: u64 = 512;

/// What becomes of changes that were not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// None of them is there.
    Nothing,
    /// All of them are: the machine stood, only the process died.
    Everything,
    /// Those before an instant.
    Prefix,
    /// Some, whatever their order.
    Some,
    /// Some sectors of some.
    Torn,
}

pub const FATES: [Fate; 5] = [Fate::Nothing, Fate::Prefix, Fate::Some, Fate::Torn, Fate::Everything];

/// A folder on such a disk, at one instant.
#[derive(Debug, Clone)]
pub struct Disk {
    root: PathBuf,
    files: Vec<File>,
    open: HashMap<i32, Open>,
    /// As the process sees them.
    live: BTreeMap<PathBuf, Node>,
    synced: BTreeMap<PathBuf, Node>,
    unsynced: Vec<Change<Name>>,
    /// From this line of the trace on, syncs are answered and not done.
    lies_from: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Folder,
    File(usize),
}

#[derive(Debug, Clone, Default)]
struct File {
    synced: Vec<u8>,
    unsynced: Vec<Change<Bytes>>,
    /// As the process sees it.
    length: u64,
}

/// Something that is not synced yet, and at which line of the trace it was done; none: it was under way.
#[derive(Debug, Clone)]
struct Change<T> {
    what: T,
    done: Option<usize>,
}

#[derive(Debug, Clone)]
enum Bytes {
    Write { at: u64, bytes: Vec<u8> },
    Truncate(u64),
}

#[derive(Debug, Clone)]
enum Name {
    Made(PathBuf, Node),
    Removed(PathBuf),
    Moved(PathBuf, PathBuf),
}

#[derive(Debug, Clone)]
struct Open {
    node: Node,
    path: PathBuf,
    at: u64,
    appends: bool,
}

impl Disk {
    /// A disk on which `root` is an empty folder.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            files: Vec::new(),
            open: HashMap::new(),
            live: BTreeMap::from([(root.to_owned(), Node::Folder)]),
            synced: BTreeMap::from([(root.to_owned(), Node::Folder)]),
            unsynced: Vec::new(),
            lies_from: usize::MAX,
        }
    }

    /// From this line on it says that it synced, and does not.
    #[must_use]
    pub fn lying_from(mut self, line: usize) -> Self {
        self.lies_from = line;
        self
    }

    /// The disk at each of these lines of the trace, in their order.
    pub fn at_each(mut self, trace: &Trace, lines: &[usize], mut see: impl FnMut(usize, &Self)) {
        // A call takes effect when it is left, but for writes, of which a part may be there from when they are entered.
        let mut moments: Vec<(usize, bool, usize)> = Vec::with_capacity(trace.calls.len() * 2);
        for (index, call) in trace.calls.iter().enumerate() {
            moments.push((call.entered, false, index));
            moments.extend(call.left.map(|left| (left, true, index)));
        }
        moments.sort_unstable();
        let mut moments = moments.into_iter().peekable();
        for &line in lines {
            while let Some((_, is_left, index)) = moments.next_if(|(at, ..)| *at <= line) {
                let call = &trace.calls[index];
                if is_left { self.left(call) } else { self.entered(call) }
            }
            see(line, &self);
        }
    }

    fn entered(&mut self, call: &Call) {
        match &call.what {
            What::Write { fd, bytes, at } => self.write(*fd, bytes, *at, call),
            What::Truncate { fd, length } => {
                if let Some(file) = self.file(*fd).filter(|_| call.result != Some(-1)) {
                    self.files[file].length = *length;
                    self.files[file].unsynced.push(Change { what: Bytes::Truncate(*length), done: call.left });
                }
            }
            What::MapShared { fd } => {
                let opened = self.open.get(fd);
                let is_index = |open: &Open| open.path.to_string_lossy().ends_with("-shm");
                assert!(opened.is_none_or(is_index), "written through memory, which no trace shows: {opened:?}");
            }
            What::Other { line } => panic!("changes files in a way that is not followed here: {line}"),
            _ => {}
        }
    }

    fn write(&mut self, fd: i32, bytes: &[u8], at: Option<u64>, call: &Call) {
        let Some(open) = self.open.get_mut(&fd) else { return };
        let Node::File(file) = open.node else { return };
        // What failed wrote nothing; what ended early wrote a part.
        let length = call.result.map_or(bytes.len(), |written| usize::try_from(written).unwrap_or(0));
        let bytes = &bytes[..length.min(bytes.len())];
        let at = match at {
            Some(at) => at,
            None if open.appends => self.files[file].length,
            None => open.at,
        };
        let end = at + bytes.len() as u64;
        open.at = end;
        let file = &mut self.files[file];
        file.length = file.length.max(end);
        let what = Bytes::Write { at, bytes: bytes.to_vec() };
        file.unsynced.push(Change { what, done: call.left });
    }

    fn file(&self, fd: i32) -> Option<usize> {
        match self.open.get(&fd)?.node {
            Node::File(file) => Some(file),
            Node::Folder => None,
        }
    }

    fn left(&mut self, call: &Call) {
        let Some(result) = call.result.filter(|result| *result >= 0) else { return };
        let done = call.left;
        let descriptor = i32::try_from(result).unwrap_or(-1);
        match &call.what {
            What::Open { path, creates, truncates, appends } => {
                self.open.remove(&descriptor);
                let Some(path) = self.inside(path) else { return };
                let node = self.opened(&path, *creates, *truncates, done);
                self.open.insert(descriptor, Open { node, path, at: 0, appends: *appends });
            }
            What::Duplicate { fd } => {
                if let Some(open) = self.open.get(fd).cloned() {
                    self.open.insert(descriptor, open);
                }
            }
            What::Close { fd } => drop(self.open.remove(fd)),
            What::Seek { fd } => {
                if let Some(open) = self.open.get_mut(fd) {
                    open.at = u64::try_from(result).unwrap_or(0);
                }
            }
            What::Sync { fd } if call.entered < self.lies_from => self.sync(*fd, call.entered),
            What::Rename { from, to } => {
                let (Some(from), Some(to)) = (self.inside(from), self.inside(to)) else { return };
                self.name(Name::Moved(from, to), done);
            }
            What::Unlink { path } => {
                self.inside(path).into_iter().for_each(|path| self.name(Name::Removed(path), done))
            }
            What::MakeFolder { path } => {
                self.inside(path).into_iter().for_each(|path| self.name(Name::Made(path, Node::Folder), done));
            }
            _ => {}
        }
    }

    /// The path, if it is the root or below it.
    fn inside(&self, path: &Path) -> Option<PathBuf> {
        let Ok(told) = path.strip_prefix(BY_DESCRIPTOR) else {
            return path.starts_with(&self.root).then(|| path.to_owned());
        };
        let mut parts = told.components();
        let folder = parts.next()?.as_os_str().to_str()?.parse().ok()?;
        Some(self.open.get(&folder)?.path.join(parts.as_path()))
    }

    fn opened(&mut self, path: &Path, creates: bool, truncates: bool, done: Option<usize>) -> Node {
        match self.live.get(path) {
            Some(Node::File(file)) if truncates => {
                self.files[*file].length = 0;
                self.files[*file].unsynced.push(Change { what: Bytes::Truncate(0), done });
                Node::File(*file)
            }
            Some(node) => *node,
            None => {
                assert!(creates, "opened and never made: {}", path.display());
                self.files.push(File::default());
                let node = Node::File(self.files.len() - 1);
                self.name(Name::Made(path.to_owned(), node), done);
                node
            }
        }
    }

    fn name(&mut self, what: Name, done: Option<usize>) {
        what.apply(&mut self.live);
        self.unsynced.push(Change { what, done });
    }

    /// What was done before the sync was entered is there from now on.
    fn sync(&mut self, fd: i32, entered: usize) {
        let Some(open) = self.open.get(&fd) else { return };
        let is_covered = |done: Option<usize>| done.is_some_and(|done| done < entered);
        match open.node {
            Node::File(file) => {
                let file = &mut self.files[file];
                let (covered, left) = file.unsynced.drain(..).partition(|change| is_covered(change.done));
                file.unsynced = left;
                let covered: Vec<Change<Bytes>> = covered;
                covered.iter().for_each(|change| change.what.apply(&mut file.synced));
            }
            Node::Folder => {
                let folder = open.path.clone();
                let is_here = |change: &Change<Name>| is_covered(change.done) && change.what.is_in(&folder);
                let (covered, left) = self.unsynced.drain(..).partition(is_here);
                self.unsynced = left;
                let covered: Vec<Change<Name>> = covered;
                covered.iter().for_each(|change| change.what.apply(&mut self.synced));
            }
        }
    }

    /// Whether anything is not synced that could be lost.
    pub fn unsynced_changes(&self) -> usize {
        self.unsynced.len() + self.files.iter().map(|file| file.unsynced.len()).sum::<usize>()
    }

    /// Writes what a power cut leaves into a new folder.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn leave(&self, folder: &Path, fate: Fate, dice: &mut Dice) {
        let mut names = self.synced.clone();
        let chosen = choose(&self.unsynced, fate, dice);
        chosen.into_iter().for_each(|change| change.what.apply(&mut names));
        std::fs::create_dir_all(folder).expect("a folder for what is left");
        for (path, node) in &names {
            let Ok(below) = path.strip_prefix(&self.root) else { continue };
            let has_parent = path == &self.root || path.parent().is_some_and(|parent| names.contains_key(parent));
            // SQLite's index of the WAL is memory; whatever it holds is made anew.
            if !has_parent || path.to_string_lossy().ends_with("-shm") {
                continue;
            }
            let target = folder.join(below);
            match node {
                Node::Folder => std::fs::create_dir_all(&target),
                Node::File(file) => std::fs::write(&target, self.files[*file].left(fate, dice)),
            }
            .unwrap_or_else(|error| panic!("{}: {error}", target.display()));
        }
    }
}

impl File {
    fn left(&self, fate: Fate, dice: &mut Dice) -> Vec<u8> {
        let mut content = self.synced.clone();
        for change in choose(&self.unsynced, fate, dice) {
            match &change.what {
                Bytes::Write { at, bytes } if fate == Fate::Torn => tear(*at, bytes, &mut content, dice),
                what => what.apply(&mut content),
            }
        }
        content
    }
}

/// Each sector of a write for itself.
fn tear(at: u64, bytes: &[u8], content: &mut Vec<u8>, dice: &mut Dice) {
    let mut from = 0;
    while from < bytes.len() {
        let place = at + from as u64;
        let length = usize::try_from(SECTOR - place % SECTOR).unwrap_or(0).min(bytes.len() - from);
        if dice.percent(60) {
            let piece = bytes[from..from + length].to_vec();
            Bytes::Write { at: place, bytes: piece }.apply(content);
        }
        from += length;
    }
}

fn choose<'a, T>(changes: &'a [Change<T>], fate: Fate, dice: &mut Dice) -> Vec<&'a Change<T>> {
    match fate {
        Fate::Nothing => Vec::new(),
        Fate::Everything => changes.iter().collect(),
        Fate::Prefix => changes.iter().take(dice.index(changes.len() + 1)).collect(),
        Fate::Some | Fate::Torn => changes.iter().filter(|_| dice.percent(60)).collect(),
    }
}

impl Bytes {
    fn apply(&self, content: &mut Vec<u8>) {
        let index = |place: u64| usize::try_from(place).expect("files of a drill are small");
        match self {
            Self::Write { at, bytes } => {
                let (from, to) = (index(*at), index(*at) + bytes.len());
                // What lies between the end and a write beyond it reads as zeros.
                content.resize(content.len().max(to), 0);
                content[from..to].copy_from_slice(bytes);
            }
            Self::Truncate(length) => content.resize(index(*length), 0),
        }
    }
}

impl Name {
    fn apply(&self, names: &mut BTreeMap<PathBuf, Node>) {
        match self {
            Self::Made(path, node) => drop(names.insert(path.clone(), *node)),
            Self::Removed(path) => drop(names.remove(path)),
            Self::Moved(from, to) => {
                if let Some(node) = names.remove(from) {
                    assert!(node != Node::Folder, "folders are not moved here: {}", from.display());
                    names.insert(to.clone(), node);
                }
            }
        }
    }

    fn is_in(&self, folder: &Path) -> bool {
        let path = match self {
            Self::Made(path, _) | Self::Removed(path) | Self::Moved(_, path) => path,
        };
        path.parent() == Some(folder)
    }
}
