//! A test that is killed takes with it what it started: nodes, engines, also what stands still.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use testkit::mart::{Process, eventually};
use testkit::redis::RedisServer;

/// Where the one that is to be killed tells what it has started.
const VARIABLE: &str = "CLOUDMART_TEST_ORPHANS";
const NAME: &str = "orphans::what_a_killed_test_has_started_ends_with_it";
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn what_a_killed_test_has_started_ends_with_it() {
    #[expect(clippy::disallowed_methods, reason = "the one that is to be killed is this test again, and is told so")]
    let told = std::env::var(VARIABLE);
    if let Ok(told) = told {
        return start_and_wait(Path::new(&told)).await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let told = folder.path().join("pids");
    let mut again = Command::new(std::env::current_exe().expect("this program"));
    again.args(["--exact", NAME, "--nocapture"]).env(VARIABLE, &told);
    let parent = Process::spawn(again, &folder.path().join("out"), &folder.path().join("err"));
    let left = eventually("everything has started", PATIENCE, async || std::fs::read_to_string(&told).ok()).await;
    let left: Vec<&str> = left.split_whitespace().collect();
    assert_eq!(left.len(), 3);
    assert!(left.iter().all(|pid| is_there(pid)), "{left:?}");
    drop(parent);
    eventually("nothing is left of it", PATIENCE, async || (!left.iter().any(|pid| is_there(pid))).then_some(())).await;
}

/// One that was ended before, and whose number is nobody's, is among them.
async fn start_and_wait(told: &Path) {
    let folder = told.parent().expect("a folder");
    let sleeping = |name: &str| {
        let mut command = Command::new("sleep");
        command.arg("600");
        Process::spawn(command, &folder.join(format!("{name}.out")), &folder.join(format!("{name}.err")))
    };
    drop(sleeping("gone"));
    let (one, frozen, redis) = (sleeping("one"), sleeping("frozen"), RedisServer::start().await);
    frozen.signal(testkit::mart::Signal::Stop);
    let pids = format!("{} {} {}", one.id(), frozen.id(), redis.id());
    let partial = told.with_extension("partial");
    std::fs::write(&partial, pids).and_then(|()| std::fs::rename(&partial, told)).expect("it is told");
    std::future::pending::<()>().await;
}

/// What is dead and not yet buried has no root.
fn is_there(pid: &str) -> bool {
    Path::new("/proc").join(pid).join("root").exists()
}
