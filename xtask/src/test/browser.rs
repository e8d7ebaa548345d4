//! The shop in a real browser: starts the tests that drive one. It knows where their tools are, not what they look at.

use super::npm::Packages;
use super::units::{self, Counts};
use crate::process::cargo;
use crate::workspace::Workspace;

/// By this variable the tests find axe-core.
pub const AXE: &str = "CLOUDMART_AXE";

pub fn run(workspace: &Workspace, packages: &Packages, counts: &mut Option<Counts>) -> Result<(), units::Error> {
    let arguments = ["test", "--package", "cloudmart", "--test", "browser", "--locked", "--no-fail-fast"];
    let mut command = cargo(&workspace.root, &arguments);
    command.env(AXE, packages.axe());
    units::run_tests(command, counts)
}
