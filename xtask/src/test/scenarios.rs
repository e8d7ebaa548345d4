//! Runs the shop's scenarios again on what a cluster stands on: one node on PostgreSQL, then two nodes with Redis.
//! It does not know the scenarios, but which of them are about one process or its folder and run on SQLite only.

use super::units::{self, Counts, Error};
use crate::process::cargo;
use crate::workspace::Workspace;

/// As testkit's `mart::Stand` reads it.
const VARIABLE: &str = "CLOUDMART_TEST_STAND";

/// Where scenarios run beside SQLite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    Postgres,
    Cluster,
}

/// Modules of the shop's test binary that say nothing of what it stands on.
const EVERYWHERE: &[&str] =
    &["after_sale", "buying", "carts", "flash_sale", "mail", "once", "payments", "routes", "search", "stock", "totals"];
/// What counts on memory, folders or keys that each node has for itself; one node on PostgreSQL has them like any other.
const ON_ONE_NODE: &[&str] = &["bad_input", "import", "privacy"];
/// Other tests whose names hold one of the words above.
const NOT_THESE: &[&str] =
    &["bench::", "crash::", "drill::", "keeping::", "redis::", "replay::", "settings::", "start::", "stop::"];

impl Stand {
    fn name(self) -> &'static str {
        match self {
            Stand::Postgres => "postgres",
            Stand::Cluster => "cluster",
        }
    }

    fn arguments(self) -> Vec<String> {
        let mut modules = EVERYWHERE.to_vec();
        if self == Stand::Postgres {
            modules.extend(ON_ONE_NODE);
        }
        let skips = NOT_THESE.iter().flat_map(|name| ["--skip".to_owned(), (*name).to_owned()]);
        modules.into_iter().map(|module| format!("{module}::")).chain(skips).collect()
    }
}

pub fn run(workspace: &Workspace, stand: Stand, counts: &mut Option<Counts>) -> Result<(), Error> {
    let mut command = cargo(&workspace.root, &["test", "--workspace", "--locked", "--test", "shop", "--"]);
    command.args(stand.arguments()).env(VARIABLE, stand.name());
    units::run_tests(command, counts)
}

/// Drills of a whole cluster: two nodes, a primary with its standby, and Redis.
pub fn drills(workspace: &Workspace, counts: &mut Option<Counts>) -> Result<(), Error> {
    let arguments = ["test", "--workspace", "--locked", "--test", "cluster", "--no-fail-fast"];
    units::run_tests(cargo(&workspace.root, &arguments), counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_node_s_own_runs_on_one_node() {
        let (one, two) = (Stand::Postgres.arguments(), Stand::Cluster.arguments());
        assert!(one.contains(&"privacy::".to_owned()) && !two.contains(&"privacy::".to_owned()));
        assert!([one, two].iter().all(|arguments| arguments.contains(&"buying::".to_owned())));
    }
}
