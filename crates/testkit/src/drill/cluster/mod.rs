//! Drills of a shop on several nodes: two processes of the real binary, a primary with a synchronous standby, Redis, and an
//! ordinary gateway in front.
//! It does not know how nodes share their work; it knows what buyers and staff were told, and asks for it again.
//!
//! | drill | what happens |
//! |---|---|
//! | [`node_killed`] | `kill -9` of a node under load |
//! | [`node_frozen`] | a node is stopped for some seconds under load, and woken |
//! | [`primary_lost`] | every process of the primary is killed at once, and the standby is promoted |
//! | [`redis_restarted`] | Redis ends under load, and is started again, empty |
//! | [`replica_frozen`] | a replica lags under load, later it stands still for some seconds; each time it comes back |
//! | [`flash_sale`] | 1,200 buyers at once on a stock of 1,000 |
//! | [`staff_meet`] | two members of staff on two nodes see each other; sessions end on both; Redis ends and comes back |
//! | [`rolling_deploy`] | both nodes are replaced, one after the other, while orders flow |

mod engines;
mod looks;
mod nodes;

pub mod flash_sale;
pub mod node_frozen;
pub mod node_killed;
pub mod primary_lost;
pub mod redis_restarted;
pub mod replica_frozen;
pub mod rolling_deploy;
pub mod staff_meet;

pub use engines::{Engines, Replica};
pub use nodes::{Cluster, Following, Settings};

use std::time::Duration;

use futures::future::join_all;
use parking_lot::Mutex;

use super::audit::audit;
use super::book::Book;
use super::load::Load;
use super::settle::settle;
use crate::dice::Dice;
use crate::mart::{Mart, eventually};

/// Longer than anything takes that is not broken, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// So many customers until the load is closed, and beside them what happens to the cluster.
async fn while_it_sells<T>(load: &Load<'_>, customers: usize, dice: &mut Dice, happens: impl Future<Output = T>) -> T {
    let customers: Vec<_> = (0..customers).map(|_| load.regular(dice.fork())).collect();
    let happens = async {
        let outcome = happens.await;
        load.close();
        outcome
    };
    futures::join!(join_all(customers), happens).1
}

/// Waits until so many more requests were answered.
async fn answered(load: &Load<'_>, more: u64) {
    let wanted = load.answers() + more;
    eventually("requests are answered", PATIENCE, async || (load.answers() >= wanted).then_some(())).await;
}

/// Asks for everything again that had no answer, waits for every end, and holds the shop to its word.
///
/// # Panics
/// When anything that was told turns out not to be so.
async fn keeps_its_word(mart: &Mart, book: &Mutex<Book>, dice: &mut Dice) {
    settle(mart, book, dice).await;
    eventually("lists show every order", PATIENCE, async || {
        let listed = mart.staff_list("/api/admin/orders").await;
        let book = book.lock();
        book.orders.keys().all(|id| listed.iter().any(|row| row["id"] == **id)).then_some(())
    })
    .await;
    audit(mart, book, dice).await;
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The middle one, in milliseconds; 0 of none.
fn median(times: &[Duration]) -> u64 {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get(times.len() / 2).copied().map_or(0, millis)
}

/// The longest, in milliseconds; 0 of none.
fn longest(times: &[Duration]) -> u64 {
    times.iter().max().copied().map_or(0, millis)
}
