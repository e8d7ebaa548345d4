//! A disk that is full: nothing acknowledged is lost, nobody is told a lie, and the shop goes on when there is room.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::mart::{Answer, Mart, Plan, eventually, guest_order};

use crate::{CLOUDMART, PATIENCE};

/// Orders that are tried on a full disk: what was set aside before may still take some.
const TRIED: usize = 400;

/// Unmounts a folder at the end of a test.
pub struct Unmount(pub PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        // Nothing else can be done about it when this fails.
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

/// A small disk, where mounting is allowed.
fn small_disk(folder: &Path) -> Option<Unmount> {
    std::fs::create_dir(folder).expect("a folder");
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=48m", "tmpfs"]).arg(folder).output();
    mount.is_ok_and(|done| done.status.success()).then(|| Unmount(folder.to_owned()))
}

/// Takes all the room that is left.
fn fill(path: &Path) {
    let mut ballast = File::create(path).expect("a file");
    let block = vec![7; 16 * 1024];
    while ballast.write_all(&block).is_ok() {}
    while ballast.write_all(&block[..512]).is_ok() {}
}

/// Orders until one is refused; answers with those that were acknowledged.
async fn order_until_refused(mart: &Mart) -> Vec<Answer> {
    let mut confirmed = Vec::new();
    for buyer in 0..TRIED {
        let key = format!("full-{buyer}");
        let answer = mart.place(&key, &guest_order("LAMP", 1)).await;
        if answer.status == 201 {
            confirmed.push(answer);
            continue;
        }
        let refused = answer.expect(503).well_formed_problem();
        assert!(refused.header("retry-after").is_some(), "{refused}");
        return confirmed;
    }
    panic!("{TRIED} orders on a full disk, and none was refused");
}

async fn sells_again(mart: &mut Mart, confirmed: &[Answer]) {
    assert!(mart.is_alive(), "{}", mart.log());
    eventually("it sells again", PATIENCE, async || {
        let answer = mart.place(&mart.fresh_key(), &guest_order("LAMP", 1)).await;
        (answer.status == 201).then_some(())
    })
    .await;
    for order in confirmed {
        assert_eq!(mart.order(&order.text("id")).await.body["status"], "confirmed", "acknowledged and lost");
    }
    eventually("nothing is half done", PATIENCE, async || {
        let running = mart.staff_list("/api/admin/processes").await;
        running.is_empty().then_some(())
    })
    .await;
    mart.doctor().await;
    mart.kill9();
    mart.restart().await;
    for order in confirmed {
        assert_eq!(mart.order(&order.text("id")).await.body["status"], "confirmed", "acknowledged and lost");
    }
    mart.doctor().await;
}

#[tokio::test]
async fn a_full_disk_refuses_and_recovers() {
    let scratch = tempfile::tempdir().expect("a folder");
    let disk = scratch.path().join("disk");
    let Some(_unmount) = small_disk(&disk) else {
        eprintln!("no right to mount: a limit on the size of files stands in for the full disk");
        return limited_files().await;
    };
    let mut mart = Mart::open_as(Plan::empty(CLOUDMART).data(disk.join("data"))).await;
    mart.product("LAMP", 1_000, 10_000).await;
    let first = mart.buy("LAMP", 1).await;
    let ballast = disk.join("ballast");
    fill(&ballast);
    let mut confirmed = order_until_refused(&mart).await;
    confirmed.push(first);
    // Reading goes on.
    mart.get("/api/products").send().await.expect(200);
    assert_eq!(mart.order(&confirmed[0].text("id")).await.body["status"], "confirmed");
    std::fs::remove_file(&ballast).expect("room again");
    sells_again(&mut mart, &confirmed).await;
}

/// Without the right to mount: files may not grow. The signal for that is ignored, so that writing fails instead.
async fn limited_files() {
    let wrapper = ["env", "--ignore-signal=XFSZ", "prlimit", "--fsize=unlimited:unlimited", "--"];
    let mut mart = Mart::open_as(Plan::empty(CLOUDMART).under(&wrapper)).await;
    mart.product("LAMP", 1_000, 10_000).await;
    let first = mart.buy("LAMP", 1).await;
    limit_files(&mart, "200000");
    let mut confirmed = order_until_refused(&mart).await;
    confirmed.push(first);
    limit_files(&mart, "unlimited");
    sells_again(&mut mart, &confirmed).await;
}

fn limit_files(mart: &Mart, bytes: &str) {
    let id = mart.id().to_string();
    let limit = format!("--fsize={bytes}:unlimited");
    let done = Command::new("prlimit").args(["--pid", &id, &limit]).status();
    assert!(done.is_ok_and(|status| status.success()), "prlimit of util-linux is needed");
}
