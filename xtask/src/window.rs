//! The shop as it looks from outside, by two commands: Lighthouse's points, and pictures of every page.
//! It builds and installs what they need; what is looked at stands in testkit's table of pages.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{self, cargo};
use crate::steps::Steps;
use crate::test::{Part, npm, packages};
use crate::workspace::Workspace;

#[derive(Debug, clap::Args)]
pub struct Options {
    /// Look at this page only; may be given several times
    #[arg(long, value_name = "NAME")]
    page: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Packages(#[from] packages::Error),
    #[error(transparent)]
    Npm(#[from] npm::Error),
    #[error("{0}\nthe shop did not build")]
    Build(process::Error),
    #[error("{0}\na page is below its points, asks others or is too heavy; the table above says which and why")]
    Lighthouse(process::Error),
    #[error("{0}\nnot every picture could be taken; what was last tried is above")]
    Screenshots(process::Error),
    #[error("cannot empty {folder}: {source}")]
    Folder { folder: PathBuf, source: std::io::Error },
}

/// Measures the release build with the sample shop; fails when a page that must be fast and findable is not.
pub fn lighthouse(workspace: &Workspace, options: &Options, steps: &mut Steps) -> Result<(), Error> {
    steps.run("system packages", || packages::provide(|part| part == Part::Browser))?;
    let packages = steps.run("npm packages", || npm::provide(workspace))?;
    let binary = steps.run("release binary", || build_release(workspace))?;
    steps.run("what looks", || build(workspace))?;
    steps.run("Lighthouse, as a phone, median of 3", || {
        look(workspace, "lighthouse", &binary, &packages.lighthouse(), &options.page).map_err(Error::Lighthouse)
    })
}

/// Writes `target/screenshots/NAME-DEVICE-LIGHT-LANGUAGE.png` as a page is seen first, and `…-whole.png` to its end.
pub fn screenshots(workspace: &Workspace, options: &Options, steps: &mut Steps) -> Result<(), Error> {
    let folder = workspace.target.join("screenshots");
    steps.run("system packages", || packages::provide(|part| part == Part::Browser))?;
    let binary = steps.run("binary", || build(workspace))?;
    if options.page.is_empty() && folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|source| Error::Folder { folder: folder.clone(), source })?;
    }
    steps
        .run("pictures", || look(workspace, "screenshots", &binary, &folder, &options.page).map_err(Error::Screenshots))
}

/// The whole workspace's features, as the tests have them, so that nothing is built in two ways.
fn build(workspace: &Workspace) -> Result<PathBuf, Error> {
    let arguments = ["build", "--workspace", "--bin", "cloudmart", "--example", "shop_window", "--locked"];
    process::run(&mut cargo(&workspace.root, &arguments)).map_err(Error::Build)?;
    Ok(workspace.target.join("debug").join("cloudmart"))
}

fn build_release(workspace: &Workspace) -> Result<PathBuf, Error> {
    let arguments = ["build", "--release", "--locked", "--package", "cloudmart"];
    process::run(&mut cargo(&workspace.root, &arguments)).map_err(Error::Build)?;
    Ok(workspace.target.join("release").join("cloudmart"))
}

fn look(workspace: &Workspace, what: &str, binary: &Path, path: &Path, pages: &[String]) -> Result<(), process::Error> {
    let program = workspace.target.join("debug").join("examples").join("shop_window");
    process::run(Command::new(program).arg(what).arg(binary).arg(path).args(pages))
}
