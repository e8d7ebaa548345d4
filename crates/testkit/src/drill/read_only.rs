//! A folder that cannot be written: the shop says so and does not start; when it can be again, everything is there.
//! It does not know why it cannot.

use std::path::Path;

use super::mount::SmallDisk;
use super::{Ground, Outcome};
use crate::mart::{Mart, Plan};

/// # Panics
/// When it starts, or says something that does not help.
pub async fn run(ground: &Ground) -> Outcome {
    let Some(disk) = SmallDisk::mount(ground.path("disk"), "64m") else {
        return Outcome::skipped("no right to mount: a read-only disk was not tried");
    };
    let data = disk.path("data");
    let mut mart = Mart::open_as(Plan::empty(ground.binary()).data(&data)).await;
    mart.product("LAMP", 1_000, 10).await;
    let order = mart.buy("LAMP", 2).await;
    assert!(mart.terminate().await.success(), "{}", mart.log());
    disk.set_read_only(true);
    refuses(ground, &data).await;
    refuses(ground, &disk.path("a-new-shop")).await;
    // Looking is allowed.
    mart.doctor().await;
    disk.set_read_only(false);
    mart.restart().await;
    assert_eq!(mart.order(&order.text("id")).await.body["number"], order.body["number"]);
    assert_eq!(mart.stock("LAMP").await, (10, 2, 8));
    mart.buy("LAMP", 1).await;
    mart.kill9();
    drop(mart);
    ground.tell("refused twice, with the folder's name; doctor looked; afterwards everything was there");
    Outcome::default().with("starts refused", 2).with("orders lost", 0)
}

/// It must end by itself and name the folder.
async fn refuses(ground: &Ground, folder: &Path) {
    let mut mart = Mart::prepare(Plan::empty(ground.binary()).data(folder)).await;
    mart.spawn();
    let status = mart.ended().await;
    let told = mart.output();
    assert!(!status.success(), "it started on {}: {told}", folder.display());
    assert!(told.contains(&*folder.to_string_lossy()), "it names the folder: {told}");
    assert!(told.contains("cannot be written"), "it says what is wrong: {told}");
    assert!(!told.to_lowercase().contains("panic"), "{told}");
}
