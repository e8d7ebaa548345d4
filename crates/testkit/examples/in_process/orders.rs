//! Fills a new data folder with real orders, as fast as the services place them with many under way.
//! It does not measure; the shop that is started on the folder afterwards is what is measured.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use contracts::caller::Caller;
use platform::naming;
use tokio::time::Instant;
use tower::ServiceExt;

use super::Outcome;
use super::open::{self, Till};

/// Orders under way at once.
const AT_ONCE: u64 = 512;
const SKUS: u32 = 50;
const TOLD_EVERY: Duration = Duration::from_secs(5);
/// A projection that takes longer to catch up has stopped.
const CATCH_UP: Duration = Duration::from_secs(600);
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// How often one order is asked for, and the pause between.
const ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(200);

pub async fn place(folder: &Path, count: u64) -> Outcome {
    if folder.join("shop.db").exists() {
        return Err(format!("{} holds a shop already", folder.display()).into());
    }
    let till = Arc::new(open::till(folder, SKUS).await?);
    let (next, placed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let began = Instant::now();
    let telling = tokio::spawn(tell(placed.clone(), count));
    let buyers: Vec<_> = (0..AT_ONCE.min(count.max(1)))
        .map(|_| {
            let (till, next, placed) = (till.clone(), next.clone(), placed.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return Ok(());
                    }
                    order(&till, number).await?;
                    placed.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for buyer in buyers {
        buyer.await?.map_err(|told: String| format!("an order was not taken: {told}"))?;
    }
    telling.abort();
    let took = began.elapsed();
    let till = Arc::into_inner(till).ok_or("a buyer is still there")?;
    if !till.machinery.projector.wait_for_heads(CATCH_UP).await? || !till.search.wait_for_heads(CATCH_UP).await? {
        return Err("the documents did not catch up".into());
    }
    till.store.close().await?;
    #[expect(clippy::cast_precision_loss, reason = "a rate that is shown")]
    let rate = count as f64 / took.as_secs_f64().max(f64::EPSILON);
    println!(
        "{count} orders in {:.1} s, {rate:.0} per second; caught up after {:.1} s",
        took.as_secs_f64(),
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

async fn tell(placed: Arc<AtomicU64>, count: u64) {
    let mut ticks = tokio::time::interval(TOLD_EVERY);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        eprintln!("    {} of {count} orders", placed.load(Ordering::Relaxed));
    }
}

/// Asks for an order until it is confirmed, as a careful buyer does whom a busy shop told to wait.
async fn order(till: &Till, number: u64) -> Result<(), String> {
    // As an integration would send it, and the shop's own pages do: a key that tells its time.
    let mut rest = [0; 10];
    rest[2..].copy_from_slice(&number.to_be_bytes());
    let key = naming::key(till.machinery.clock.now(), rest);
    for attempt in 1.. {
        match ask(till, number, &key).await? {
            (StatusCode::CREATED, _) => break,
            (StatusCode::ACCEPTED | StatusCode::CONFLICT | StatusCode::SERVICE_UNAVAILABLE, _)
                if attempt < ATTEMPTS =>
            {
                tokio::time::sleep(PAUSE).await;
            }
            (status, said) => return Err(format!("{status} {said}")),
        }
    }
    Ok(())
}

/// The same request each time, under one key.
async fn ask(till: &Till, number: u64, key: &str) -> Result<(StatusCode, String), String> {
    let sku = &till.skus[usize::try_from(number).unwrap_or(0) % till.skus.len()];
    let body = format!(
        "{{\"currency\":\"EUR\",\"lines\":[{{\"sku\":\"{sku}\",\"quantity\":1}}],\
         \"buyer\":{{\"email\":\"buyer{number}@example.com\",\"name\":\"A Buyer\"}},\
         \"shipping_address\":{{\"line1\":\"Main street 1\",\"city\":\"Berlin\",\"postal_code\":\"10115\",\"country\":\"DE\"}},\
         \"shipping_method\":\"standard\",\"payment\":{{\"provider\":\"test\",\"token\":\"tok_success\"}}}}"
    );
    let request = Request::post("/api/orders")
        .header("content-type", "application/json")
        .header("idempotency-key", key)
        .extension(Caller::default())
        .body(Body::from(body))
        .map_err(|error| error.to_string())?;
    let Ok(answer) = till.router.clone().oneshot(request).await;
    let status = answer.status();
    let said = to_bytes(answer.into_body(), ANSWER_BYTES_MAX).await.unwrap_or_default();
    Ok((status, String::from_utf8_lossy(&said).into_owned()))
}
