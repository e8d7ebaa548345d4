//! Two nodes on one database: what an operator reads in their logs.
//! It knows no load and no fault but a node that is killed; the drills of a cluster do.

use testkit::mart::{Mart, Plan, eventually};
use testkit::postgres::{Durability, Server};

use crate::{CLOUDMART, PATIENCE};

/// The id in a line of the log that says this.
fn node_in(log: &str, says: &str) -> Option<String> {
    let line = log.lines().find(|line| line.contains(says))?;
    Some(line.split_once("node=\"")?.1.split_once('"')?.0.to_owned())
}

#[tokio::test]
async fn whoever_is_missed_can_be_told_from_the_logs() {
    const STARTS: &str = "this node is one of those that serve the shop";
    let server = Server::start(Durability::Forgetful);
    let settings = tempfile::tempdir().expect("a folder");
    let key = settings.path().join("master.key");
    std::fs::write(&key, "0123456789abcdef".repeat(4)).expect("a key");
    let open = async |name: &str| {
        let path = settings.path().join(format!("{name}.toml"));
        let text = format!(
            "master_key_file = {key:?}\n[node]\nname = \"{name}\"\n[store]\nengine = \"postgres\"\n\
             [postgres]\nurl = \"{}\"\nconnections = 8\n",
            server.url()
        );
        std::fs::write(&path, text).expect("settings");
        Mart::open_as(Plan::empty(CLOUDMART).alone().argument("--config").argument(path.to_string_lossy())).await
    };
    let (mut till, office) = (open("till-1").await, open("office").await);
    let id = node_in(&till.output(), STARTS).expect("a node says who it is");
    assert_ne!(node_in(&office.output(), STARTS), Some(id.clone()));
    let named = till.output().lines().any(|line| line.contains(STARTS) && line.contains("name=\"till-1\""));
    assert!(named, "{}", till.log());
    till.kill9();
    let gone = eventually("the other misses it", PATIENCE, async || node_in(&office.output(), "a node is gone")).await;
    assert_eq!(gone, id);
}
