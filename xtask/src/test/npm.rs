//! The npm packages that browser tests and Lighthouse need, under the build folder, made once per lock file.
//! It does not know what they are used for.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::packages::twice;
use crate::process;
use crate::workspace::Workspace;

const MANIFEST: &str = "xtask/npm/package.json";
const LOCK: &str = "xtask/npm/package-lock.json";
/// Scripts of packages are not run, and none of these packages may fetch a browser of its own.
const INSTALL: &[&str] = &["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
const NO_DOWNLOADS: &[&str] = &["PUPPETEER_SKIP_DOWNLOAD", "PUPPETEER_SKIP_CHROMIUM_DOWNLOAD"];

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot {doing} {path}: {source}")]
    File { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error("{0}\nnpm could not install {LOCK}, twice; is the npm registry reached?")]
    Install(process::Error),
}

/// What the lock file names, installed.
#[derive(Debug, Clone)]
pub struct Packages(PathBuf);

impl Packages {
    /// The program that a page runs to look at itself.
    pub fn axe(&self) -> PathBuf {
        self.0.join("axe-core").join("axe.min.js")
    }

    /// What Node runs as Lighthouse.
    pub fn lighthouse(&self) -> PathBuf {
        self.0.join("lighthouse").join("cli").join("index.js")
    }

    fn are_there(&self) -> bool {
        self.axe().is_file() && self.lighthouse().is_file()
    }
}

pub fn provide(workspace: &Workspace) -> Result<Packages, Error> {
    let folder = workspace.target.join("npm");
    let packages = Packages(folder.join("node_modules"));
    let manifest = read(&workspace.root.join(MANIFEST))?;
    let lock = read(&workspace.root.join(LOCK))?;
    let stamp = folder.join("lock.installed");
    let wanted = format!("{manifest}{lock}");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && packages.are_there() {
        println!("    already there");
        return Ok(packages);
    }
    std::fs::create_dir_all(&folder).map_err(|source| Error::File { doing: "make", path: folder.clone(), source })?;
    write(&folder.join("package.json"), &manifest)?;
    write(&folder.join("package-lock.json"), &lock)?;
    twice(|| process::run(&mut install(&folder))).map_err(Error::Install)?;
    // Written last: an installation that broke off is done again.
    write(&stamp, &wanted)?;
    Ok(packages)
}

fn install(folder: &Path) -> Command {
    let mut command = Command::new("npm");
    command.args(INSTALL).current_dir(folder);
    for name in NO_DOWNLOADS {
        command.env(name, "true");
    }
    command
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::File { doing: "read", path: path.to_path_buf(), source })
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text).map_err(|source| Error::File { doing: "write", path: path.to_path_buf(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(path: &str) -> String {
        let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
        read(&xtask.join(path).components().collect::<PathBuf>()).unwrap()
    }

    /// `npm install --package-lock-only --omit-lockfile-registry-resolved=true` writes it so.
    #[test]
    fn the_lock_names_contents_and_no_server() {
        let lock = own("npm/package-lock.json");
        assert!(!lock.contains("\"resolved\""), "where packages come from is each machine's own matter");
        let packages = lock.matches("\"node_modules/").count();
        assert_eq!(lock.matches("\"integrity\": \"sha512-").count(), packages, "every package is known by its hash");
    }

    #[test]
    fn every_direct_version_is_pinned() {
        let manifest = own("npm/package.json");
        assert!(!manifest.contains(['^', '~', '*']), "{manifest}");
        assert!(manifest.contains("axe-core") && manifest.contains("lighthouse"));
    }
}
