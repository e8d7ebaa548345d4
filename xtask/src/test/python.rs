//! A Python environment for schemathesis under the build folder, made once per list of pinned versions.
//! It does not know what schemathesis is asked to do.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::packages::twice;
use crate::process;
use crate::workspace::Workspace;

const REQUIREMENTS: &str = "xtask/requirements.txt";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot {doing} {path}: {source}")]
    File { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error("{0}\npython3 could not make an environment; it takes Python 3.10 or later")]
    Make(process::Error),
    #[error("{0}\npip could not install {REQUIREMENTS}, twice; is the Python package index reached?")]
    Install(process::Error),
}

/// The path of the `schemathesis` program.
pub fn provide(workspace: &Workspace) -> Result<PathBuf, Error> {
    let environment = workspace.target.join("venv");
    let program = environment.join("bin").join("schemathesis");
    let requirements = workspace.root.join(REQUIREMENTS);
    let wanted = read(&requirements)?;
    let stamp = environment.join("requirements.installed");
    if is_current(&stamp, &wanted) && process::succeeds(Command::new(&program).arg("--version")) {
        println!("    already there");
        return Ok(program);
    }
    process::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment)).map_err(Error::Make)?;
    twice(|| process::run(&mut pip_install(&environment, &requirements))).map_err(Error::Install)?;
    // Written last: an installation that broke off is done again.
    std::fs::write(&stamp, wanted).map_err(|source| Error::File { doing: "write", path: stamp, source })?;
    Ok(program)
}

fn pip_install(environment: &Path, requirements: &Path) -> Command {
    let mut command = Command::new(environment.join("bin").join("python"));
    command.args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(requirements);
    command
}

fn is_current(stamp: &Path, wanted: &str) -> bool {
    std::fs::read_to_string(stamp).is_ok_and(|installed| installed == wanted)
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::File { doing: "read", path: path.to_path_buf(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_without_its_stamp_is_not_current() {
        assert!(!is_current(Path::new("no/such/stamp"), "a==1\n"));
    }

    #[test]
    fn every_requirement_is_pinned() {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let requirements = read(&manifest.join("requirements.txt")).unwrap();
        let loose: Vec<&str> =
            requirements.lines().filter(|line| !line.starts_with('#') && !line.contains("==")).collect();
        assert!(loose.is_empty(), "{loose:?}");
    }
}
