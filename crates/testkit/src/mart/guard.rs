//! A shell beside the tests that ends what they began and left: however this process ends, by `kill -9`, too, nothing that
//! it started goes on without it.
//! It does not know what the programs are.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use parking_lot::Mutex;

/// Reads who began and who has ended, until nobody holds the pipe's other end any more. Those that stand still are ended, too.
const GUARD: &str = r#"left=' '
while read -r what pid; do
    case "$what" in
        begun) left="$left$pid ";;
        ended) left="${left%% $pid *} ${left#* $pid }";;
    esac
done
for pid in $left; do kill -KILL "$pid"; done"#;

static GUARD_OF_ALL: Mutex<Option<Child>> = Mutex::new(None);

/// A program that was started, and not waited for yet.
pub fn begun(pid: u32) {
    tell("begun", pid);
}

/// One that was waited for: its number may be another one's from now on.
pub fn ended(pid: u32) {
    tell("ended", pid);
}

fn tell(what: &str, pid: u32) {
    let mut guard = GUARD_OF_ALL.lock();
    let guard = guard.get_or_insert_with(|| {
        // In a group of its own, which Ctrl-C does not reach.
        let mut shell = Command::new("sh");
        shell.args(["-c", GUARD, "guard"]).process_group(0);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        shell.spawn().expect("a shell to end what is left")
    });
    let pipe = guard.stdin.as_mut().expect("its input");
    writeln!(pipe, "{what} {pid}").expect("the shell reads");
}
