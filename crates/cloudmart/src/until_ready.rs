//! Waits until a shop says that it can sell: right after its start it opens its store, fills itself and catches up first.
//! It does not know how the shop is asked.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

/// How long a shop is waited for, at most.
pub const WITHIN: Duration = Duration::from_secs(30);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// How a shop says that it is not ready.
pub const NOT_READY: u16 = 503;
/// Where it says so.
pub const PATH: [&str; 2] = ["health", "ready"];

/// Asks until the shop is ready, says something else, or [`WITHIN`] is over; answers with the last status and body. Standard
/// error is told, once, that `who` waits, and for how long.
pub async fn wait<E>(who: &str, mut ask: impl AsyncFnMut() -> Result<(u16, Value), E>) -> Result<(u16, Value), E> {
    let deadline = Instant::now() + WITHIN;
    let mut is_told = false;
    loop {
        let (status, said) = ask().await?;
        if status != NOT_READY || Instant::now() >= deadline {
            return Ok((status, said));
        }
        if !is_told {
            eprintln!("{who}: the shop is not ready yet ({}); waiting up to {} s", missing(&said), WITHIN.as_secs());
            is_told = true;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What a shop that is not ready says is missing.
pub fn missing(said: &Value) -> String {
    let listed: Vec<&str> = said["missing"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if listed.is_empty() { "it does not say why".to_owned() } else { listed.join("; ") }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use serde_json::json;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_shop_that_gets_ready_is_waited_for_and_one_that_does_not_is_not_waited_for_for_ever() {
        let mut looks = 0;
        let said = wait("a test", async || {
            looks += 1;
            let status = if looks < 5 { NOT_READY } else { 200 };
            Ok::<_, Infallible>((status, json!({"missing": ["its goods", "its books"]})))
        });
        assert!(matches!(said.await, Ok((200, _))));
        assert_eq!(looks, 5);

        let began = Instant::now();
        let stuck = json!({"missing": ["room on the disk", "a projection"]});
        let Ok((status, said)) = wait("a test", async || Ok::<_, Infallible>((NOT_READY, stuck.clone()))).await;
        assert_eq!((status, missing(&said)), (NOT_READY, "room on the disk; a projection".to_owned()));
        assert!(began.elapsed() >= WITHIN && began.elapsed() < WITHIN * 2);
        assert!(matches!(wait("a test", async || Err::<(u16, Value), _>("gone")).await, Err("gone")));
        assert_eq!(missing(&Value::Null), "it does not say why");
    }
}
