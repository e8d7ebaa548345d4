//! What a process asked of the system, in one order, as strace tells it: opened, wrote, synced, renamed, sent.
//! It does not know what the files are for.
//!
//! strace sees each call twice, when it is entered and when it is left, and hears of one thread at a time. So if a write
//! was left before a sync was entered, the sync covers it; and what is sent is sent no earlier than it is entered.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Everything by which a file can be changed or its name, what is sent, and what descriptors mean.
const CALLS: &str = "trace=openat,open,creat,close,dup,dup2,dup3,fcntl,lseek,write,writev,pwrite64,pwritev,pwritev2,\
    ftruncate,truncate,fallocate,fsync,fdatasync,sync_file_range,sync,syncfs,rename,renameat,renameat2,unlink,unlinkat,\
    mkdir,mkdirat,rmdir,link,linkat,symlink,symlinkat,copy_file_range,sendfile,splice,mmap,sendto,sendmsg";
/// What is read from connections, too.
const READS: &str = "read,readv,recvfrom,recvmsg";

/// Where a path begins that is told from an open folder: the number of its descriptor comes next.
pub const BY_DESCRIPTOR: &str = "/by-descriptor";

/// Whether strace is there.
pub fn has_strace() -> bool {
    std::process::Command::new("strace").arg("-V").output().is_ok_and(|output| output.status.success())
}

/// How much of each text is recorded.
#[derive(Debug, Clone, Copy)]
pub enum Recorded {
    /// Every byte, so that files can be built from it.
    Whole,
    /// Enough to know a request or an answer by, and what is read, too.
    Beginnings,
}

/// What to put before a command line. The process keeps its id; strace becomes its grandchild.
pub fn wrapper(trace: &Path, recorded: Recorded) -> Vec<String> {
    let (length, calls) = match recorded {
        Recorded::Whole => ("16777216", CALLS.to_owned()),
        Recorded::Beginnings => ("64", format!("{CALLS},{READS}")),
    };
    let words = ["strace", "-D", "-f", "--seccomp-bpf", "-xx", "-s", length, "-e", "signal=none", "-e", &calls, "-o"];
    words.into_iter().map(ToOwned::to_owned).chain([trace.to_string_lossy().into_owned()]).collect()
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub what: What,
    /// Lines of the trace, from 0. `left` is none when the process ended first.
    pub entered: usize,
    pub left: Option<usize>,
    /// What it came to; below zero when it failed.
    pub result: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Open {
        path: PathBuf,
        creates: bool,
        truncates: bool,
        appends: bool,
    },
    Close {
        fd: i32,
    },
    Duplicate {
        fd: i32,
    },
    Seek {
        fd: i32,
    },
    /// At the descriptor's own place, or at the one that is named.
    Write {
        fd: i32,
        bytes: Vec<u8>,
        at: Option<u64>,
    },
    Truncate {
        fd: i32,
        length: u64,
    },
    Sync {
        fd: i32,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Unlink {
        path: PathBuf,
    },
    MakeFolder {
        path: PathBuf,
    },
    /// Memory through which a file can be written.
    MapShared {
        fd: i32,
    },
    Read {
        bytes: Vec<u8>,
    },
    /// Changes a file, and nobody here knows how.
    Other {
        line: String,
    },
}

/// A trace, read to its end.
#[derive(Debug, Default)]
pub struct Trace {
    /// In the order in which they were entered.
    pub calls: Vec<Call>,
    pub lines: usize,
}

impl Trace {
    /// Whether strace has written all of it: the process has ended.
    pub fn is_whole(file: &Path) -> bool {
        const END: usize = 4_096;
        let Ok(bytes) = std::fs::read(file) else { return false };
        String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(END)..]).contains("+++ exited with 0 +++")
    }

    /// # Panics
    /// When a line is not as strace writes them.
    pub fn read(file: &Path) -> Self {
        let opened = std::fs::File::open(file).unwrap_or_else(|error| panic!("no trace: {error}"));
        Self::of(BufReader::new(opened).lines().map(|line| line.expect("a trace is ASCII")))
    }

    fn of(lines: impl Iterator<Item = String>) -> Self {
        let mut trace = Self::default();
        // By thread: its call under way, where it is one of those that are looked at.
        let mut under_way: HashMap<String, Option<usize>> = HashMap::new();
        for (number, line) in lines.enumerate() {
            trace.lines = number + 1;
            let Some((thread, rest)) = line.split_once(' ') else { continue };
            let rest = rest.trim_start();
            if rest.starts_with("<...") {
                if let Some(Some(index)) = under_way.remove(thread) {
                    let call = &mut trace.calls[index];
                    (call.left, call.result) = (Some(number), result_of(rest));
                    // What is read is known only now.
                    if let What::Read { bytes } = &mut call.what {
                        *bytes = texts(rest);
                    }
                }
                continue;
            }
            let is_unfinished = rest.ends_with("<unfinished ...>");
            let mut index = None;
            if let Some(what) = parse(rest) {
                index = Some(trace.calls.len());
                let left = (!is_unfinished).then_some(number);
                let result = if is_unfinished { None } else { result_of(rest) };
                trace.calls.push(Call { what, entered: number, left, result });
            }
            if is_unfinished {
                under_way.insert(thread.to_owned(), index);
            }
        }
        trace
    }
}

/// After the last `) = `.
fn result_of(line: &str) -> Option<i64> {
    let (_, result) = line.rsplit_once(" = ")?;
    result.split(' ').next()?.parse().ok()
}

fn parse(line: &str) -> Option<What> {
    let (name, rest) = line.split_once('(')?;
    // Texts are hexadecimal, so they hold neither commas nor brackets.
    let words = rest.trim_end_matches("<unfinished ...>");
    // strace aligns what a call came to.
    let words = words.rsplit_once(" = ").map_or(words, |(words, _)| words.trim_end().trim_end_matches(')'));
    let words: Vec<&str> = words.split(", ").map(str::trim).collect();
    let fd = |index: usize| -> i32 { number(words.get(index).copied()) };
    let path =
        |index: usize| words.get(index).map(|word| PathBuf::from(String::from_utf8_lossy(&texts(word)).as_ref()));
    // Names within an open folder are told by its descriptor.
    let path_at = |index: usize| match words.get(index).copied() {
        Some("AT_FDCWD") | None => path(index + 1),
        Some(folder) => path(index + 1).map(|path| Path::new(BY_DESCRIPTOR).join(folder).join(path)),
    };
    Some(match name {
        "open" => open(path(0)?, words.get(1)?),
        "openat" => open(path_at(0)?, words.get(2)?),
        "creat" => open(path(0)?, "O_CREAT|O_TRUNC"),
        "close" => What::Close { fd: fd(0) },
        "dup" | "dup2" | "dup3" => What::Duplicate { fd: fd(0) },
        "fcntl" if words.get(1)?.starts_with("F_DUPFD") => What::Duplicate { fd: fd(0) },
        "fcntl" => return None,
        "lseek" => What::Seek { fd: fd(0) },
        "write" | "writev" | "sendto" | "sendmsg" => What::Write { fd: fd(0), bytes: texts(rest), at: None },
        "pwrite64" | "pwritev" | "pwritev2" => {
            let place = words.get(3).copied();
            What::Write { fd: fd(0), bytes: texts(rest), at: Some(number(place)) }
        }
        "ftruncate" => What::Truncate { fd: fd(0), length: number(words.get(1).copied()) },
        "fsync" | "fdatasync" => What::Sync { fd: fd(0) },
        "rename" => What::Rename { from: path(0)?, to: path(1)? },
        "renameat" | "renameat2" => What::Rename { from: path_at(0)?, to: path_at(2)? },
        "unlink" | "rmdir" => What::Unlink { path: path(0)? },
        "unlinkat" => What::Unlink { path: path_at(0)? },
        "mkdir" => What::MakeFolder { path: path(0)? },
        "mkdirat" => What::MakeFolder { path: path_at(0)? },
        "mmap" => {
            let is_shared = words.get(2)?.contains("PROT_WRITE") && words.get(3)?.contains("MAP_SHARED");
            return is_shared.then(|| What::MapShared { fd: fd(4) });
        }
        "read" | "readv" | "recvfrom" | "recvmsg" => What::Read { bytes: texts(rest) },
        "sync_file_range" => return None,
        _ => What::Other { line: line.to_owned() },
    })
}

fn open(path: PathBuf, flags: &str) -> What {
    let has = |flag: &str| flags.contains(flag);
    What::Open { path, creates: has("O_CREAT"), truncates: has("O_TRUNC"), appends: has("O_APPEND") }
}

fn number<N: std::str::FromStr>(word: Option<&str>) -> N {
    let parsed = word.and_then(|word| word.parse().ok());
    parsed.unwrap_or_else(|| panic!("not a number in a trace: {word:?}"))
}

/// All texts of a call's arguments, one after the other.
fn texts(words: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(words.len() / 4);
    let mut rest = words;
    while let Some((_, after)) = rest.split_once('"') {
        let (text, after) = after.split_once('"').unwrap_or_else(|| panic!("a text without end in a trace"));
        bytes.extend(text.as_bytes().chunks_exact(4).map(|letter| hex(letter[2]) << 4 | hex(letter[3])));
        rest = after;
    }
    bytes
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => panic!("not hexadecimal in a trace"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Vec<Call> {
        Trace::of(lines.iter().map(|line| (*line).to_owned())).calls
    }

    #[test]
    fn a_call_that_another_thread_interrupts_is_one_call() {
        let calls = read(&[
            "10  openat(AT_FDCWD, \"\\x2f\\x61\", O_RDWR|O_CREAT|O_CLOEXEC, 0644) = 7",
            "10  pwrite64(7, \"\\x41\\x42\", 2, 4096 <unfinished ...>",
            "11  fdatasync(7 <unfinished ...>",
            "10  <... pwrite64 resumed>)            = 2",
            "11  <... fdatasync resumed>)           = 0",
            "12  close(7)                          = 0",
        ]);
        let open = What::Open { path: "/a".into(), creates: true, truncates: false, appends: false };
        assert_eq!(calls[0], Call { what: open, entered: 0, left: Some(0), result: Some(7) });
        let write = What::Write { fd: 7, bytes: b"AB".to_vec(), at: Some(4_096) };
        assert_eq!(calls[1], Call { what: write, entered: 1, left: Some(3), result: Some(2) });
        assert_eq!(calls[2], Call { what: What::Sync { fd: 7 }, entered: 2, left: Some(4), result: Some(0) });
        assert_eq!(calls[3].what, What::Close { fd: 7 });
    }

    #[test]
    fn pieces_of_one_answer_are_put_together() {
        let calls =
            read(&["3 writev(9, [{iov_base=\"\\x48\\x54\", iov_len=2}, {iov_base=\"\\x54\", iov_len=1}], 2) = 3"]);
        assert_eq!(calls[0].what, What::Write { fd: 9, bytes: b"HTT".to_vec(), at: None });
    }

    #[test]
    fn what_nobody_knows_is_kept_for_whoever_must_know() {
        let calls = read(&["3 copy_file_range(4, NULL, 5, NULL, 100, 0) = 100", "3 +++ exited with 0 +++"]);
        assert!(matches!(calls[..], [Call { what: What::Other { .. }, .. }]), "{calls:?}");
    }

    #[test]
    fn a_call_that_the_end_cut_off_was_never_left() {
        let calls = read(&["3 fsync(4 <unfinished ...>", "3 +++ killed by SIGKILL +++"]);
        assert_eq!((calls[0].left, calls[0].result), (None, None));
    }
}
