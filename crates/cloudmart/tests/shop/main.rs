//! The shop as a customer, as staff and as an operator: the real binary, asked over HTTP, killed and started again.
//! One binary for all of it, so that it is linked once.

mod after_sale;
mod bad_input;
mod bench;
mod buying;
mod carts;
mod crash;
mod drill;
mod flash_sale;
mod import;
mod keeping;
mod mail;
mod moving;
mod nodes;
mod once;
mod payments;
mod privacy;
mod redis;
mod replay;
mod replicas;
mod routes;
mod search;
mod settings;
mod start;
mod stock;
mod stop;
mod totals;
mod waiting;

use std::time::Duration;

/// The binary under test.
const CLOUDMART: &str = env!("CARGO_BIN_EXE_cloudmart");
/// Longer than anything takes that is not broken, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs so many at once, and answers with what each came to, in any order.
async fn at_once<F: Future>(at_once: usize, all: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    use futures::StreamExt as _;
    futures::stream::iter(all).buffer_unordered(at_once).collect().await
}
