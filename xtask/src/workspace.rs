//! Where the workspace and its build folder are. It knows paths only, not what lies in them.

use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no Cargo.toml with [workspace] here or above: run cargo xtask inside the repository")]
    NotFound,
    #[error("cannot tell {what}: {source}")]
    Unknown { what: &'static str, source: std::io::Error },
}

#[derive(Debug)]
pub struct Workspace {
    pub root: PathBuf,
    /// Cargo's build folder, wherever the developer has put it.
    pub target: PathBuf,
}

impl Workspace {
    pub fn find() -> Result<Self, Error> {
        let here = std::env::current_dir().map_err(|source| Error::Unknown { what: "the current folder", source })?;
        let root = root_above(&here).ok_or(Error::NotFound)?;
        let program =
            std::env::current_exe().map_err(|source| Error::Unknown { what: "where xtask was built", source })?;
        let target = target_of(&program).unwrap_or_else(|| root.join("target"));
        Ok(Self { root, target })
    }
}

fn root_above(here: &Path) -> Option<PathBuf> {
    here.ancestors()
        .find(|folder| {
            std::fs::read_to_string(folder.join("Cargo.toml"))
                .is_ok_and(|manifest| manifest.lines().any(|line| line.trim() == "[workspace]"))
        })
        .map(Path::to_path_buf)
}

/// Cargo puts this program into `<target>/<profile>/xtask`.
fn target_of(program: &Path) -> Option<PathBuf> {
    Some(program.parent()?.parent()?.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_folder_is_two_above_the_program() {
        assert_eq!(target_of(Path::new("/build/debug/xtask")), Some(PathBuf::from("/build")));
    }

    #[test]
    fn the_root_is_the_folder_whose_manifest_has_a_workspace() {
        let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(root_above(&crate_folder.join("src")).as_deref(), crate_folder.parent());
    }
}
