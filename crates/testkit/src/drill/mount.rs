//! Small disks of a scenario's own, where mounting is allowed; they go away with it.
//! It does not know what is kept on them.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A disk in memory, at most so large.
#[derive(Debug)]
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None, where mounting is not allowed.
    ///
    /// # Panics
    /// When there can be no folder to mount it on.
    pub fn mount(folder: PathBuf, size: &str) -> Option<Self> {
        std::fs::create_dir_all(&folder).expect("a folder to mount on");
        let options = format!("size={size}");
        mount(&["-t", "tmpfs", "-o", &options, "tmpfs"], &folder).then(|| Self(folder))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// From now on nothing can be written, or again it can.
    ///
    /// # Panics
    /// When the system refuses, as it does while a file is open for writing.
    pub fn set_read_only(&self, read_only: bool) {
        let options = if read_only { "remount,ro" } else { "remount,rw" };
        assert!(mount(&["-o", options], &self.0), "cannot remount {}", self.0.display());
    }

    /// Takes all the room that is left, until the file is removed.
    ///
    /// # Panics
    /// When there can be no such file.
    pub fn fill(&self) -> PathBuf {
        let path = self.path("ballast");
        let mut ballast = File::create(&path).expect("a file that takes the room");
        let block = vec![7; 16 * 1024];
        while ballast.write_all(&block).is_ok() {}
        while ballast.write_all(&block[..512]).is_ok() {}
        path
    }
}

fn mount(arguments: &[&str], folder: &Path) -> bool {
    let done = Command::new("mount").args(arguments).arg(folder).output();
    done.is_ok_and(|done| done.status.success())
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Nothing else can be done about it when this fails.
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}
