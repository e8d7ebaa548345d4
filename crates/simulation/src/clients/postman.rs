//! The postman: brings the bank's letters to the shop, and brings back those that were not taken.
//! He does not read them.

use std::sync::Arc;
use std::time::Duration;

use services::payments::provider::HeaderMap;

use crate::bank::{Letter, NAME};
use crate::town::Town;

/// How often he looks into the bank's mailbag.
const EVERY: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(20);

/// Carries letters for as long as the street is open.
pub async fn carries(town: Arc<Town>) {
    loop {
        tokio::time::sleep(EVERY).await;
        for letter in town.bank.letters() {
            tokio::spawn(bring(town.clone(), letter));
        }
    }
}

async fn bring(town: Arc<Town>, letter: Letter) {
    let body = letter.body();
    let taken = match town.door() {
        None => None,
        Some(door) => {
            let receive = move |node: Arc<crate::node::Node>| async move {
                node.notices.receive(NAME, &HeaderMap::new(), &body).await
            };
            door.call(PATIENCE, receive).await
        }
    };
    if !matches!(taken, Some(Ok(()))) {
        town.bank.send_again(letter);
    }
}
