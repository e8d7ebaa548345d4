//! What is asked again after a crash, with the same keys, until everything has come to its end.
//! It does not check that the end is right.

use std::time::Duration;

use futures::StreamExt as _;
use parking_lot::Mutex;
use serde_json::json;
use tokio::time::Instant;

use super::book::{Book, Deed, What};
use super::load::ask_for;
use crate::dice::Dice;
use crate::mart::{Mart, eventually};

/// Longer than any pause between attempts that this drill can come to.
const PATIENCE: Duration = Duration::from_secs(60);
const CONNECTIONS: usize = 16;

/// Every wish and every deed is answered, every buyer decides, and no process is left.
///
/// # Panics
/// When something is not at its end within a minute.
pub async fn settle(mart: &Mart, book: &Mutex<Book>, dice: &mut Dice) {
    let wishes: Vec<String> = book.lock().unanswered.iter().cloned().collect();
    let asked = wishes.iter().map(|key| ask_again(mart, book, key));
    futures::stream::iter(asked).buffer_unordered(CONNECTIONS).collect::<Vec<()>>().await;
    let waiting: Vec<(String, String)> = book.lock().to_decide.drain(..).collect();
    for (number, (order, url)) in waiting.into_iter().enumerate() {
        let what = What::Decide { url, approve: dice.percent(70) };
        book.lock().undone.push(Deed { order, key: format!("settle-{number}"), what });
    }
    let undone = std::mem::take(&mut book.lock().undone);
    let asked = undone.iter().map(|deed| do_again(mart, book, deed));
    futures::stream::iter(asked).buffer_unordered(CONNECTIONS).collect::<Vec<()>>().await;
    no_process_is_left(mart).await;
}

async fn ask_again(mart: &Mart, book: &Mutex<Book>, key: &str) {
    let body = book.lock().wishes[key].body.clone();
    eventually(&format!("an answer to {key}"), PATIENCE, async || {
        let answer = mart.post("/api/orders").key(key).json(&body).send().await;
        book.lock().placed(key, &answer).then_some(())
    })
    .await;
}

async fn do_again(mart: &Mart, book: &Mutex<Book>, deed: &Deed) {
    eventually(&format!("an answer to {deed:?}"), PATIENCE, async || {
        let answer = ask_for(mart, deed).send().await;
        book.lock().did(deed, &answer).then_some(())
    })
    .await;
}

/// Staff retry what the bank refused once; everything else ends by itself.
async fn no_process_is_left(mart: &Mart) {
    let began = Instant::now();
    let mut is_told = false;
    eventually("every process is at its end", PATIENCE, async || {
        for parked in mart.staff_list("/api/admin/processes?state=parked").await {
            let id = parked["order_id"].as_str().unwrap_or_default();
            let path = format!("/api/admin/processes/{id}/retry");
            // Another retry may be under way, or the process at its end meanwhile.
            mart.staff_post(&path).json(&json!({"reason": "the bank is ready"})).send().await;
        }
        let running = mart.staff_list("/api/admin/processes").await;
        let pending = mart.staff_list("/api/admin/orders?status=pending").await;
        if !is_told && began.elapsed() > PATIENCE / 2 {
            let metrics = mart.get("/metrics").send().await.bytes;
            eprintln!("not ended yet: {running:#?}\npending: {pending:#?}\n{}", String::from_utf8_lossy(&metrics));
            is_told = true;
        }
        (running.is_empty() && pending.is_empty()).then_some(())
    })
    .await;
}
