//! The shop in a real browser: starts the tests that drive one. It knows where their tools are, not what they look at.

use super::npm::Packages;
use super::units::{self, Counts};
use crate::process::cargo;
use crate::workspace::Workspace;

/// By this variable the tests find axe-core.
pub const AXE: &str = "CLOUDMART_AXE";

pub fn run(workspace: &Workspace, packages: &Packages, counts: &mut Option<Counts>) -> Result<(), units::Error> {
    // With the features of the whole workspace, as the other tests have them, so that nothing is built in two ways.
    let arguments = ["test", "--workspace", "--test", "browser", "--locked", "--no-fail-fast"];
    let mut command = cargo(&workspace.root, &arguments);
    command.env(AXE, packages.axe());
    units::run_tests(command, counts)
}
