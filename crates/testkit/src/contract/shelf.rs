//! What every shared shelf must keep: nothing outdated is given, in whichever order things arrive.
//! It is asked through two of its users, who know nothing of each other.

use std::time::Duration;

use platform::cache::{Found, Moment, SharedShelf};

use crate::mart::eventually;

const MINUTE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes that some protocol might take for its own.
const VALUE: &[u8] = b"\0\xff\r\n$3\r\nbytes\n";

/// Needs a shelf that is empty.
pub async fn all(one: &dyn SharedShelf, other: &dyn SharedShelf) {
    a_value_is_shared_until_one_of_its_tags_is_forgotten(one, other).await;
    what_was_begun_before_something_was_forgotten_stays_out(one, other).await;
    everything_can_be_forgotten(one, other).await;
    time_runs_out(one).await;
}

fn tags(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn missing(shelf: &dyn SharedShelf, key: &str) -> Moment {
    match shelf.get(key).await {
        Some(Found::Missing(moment)) => moment,
        other => panic!("{key}: {other:?}"),
    }
}

async fn a_value_is_shared_until_one_of_its_tags_is_forgotten(one: &dyn SharedShelf, other: &dyn SharedShelf) {
    let value = Some(Found::Value(VALUE.into()));
    let began = missing(one, "shared").await;
    assert!(one.put("shared", began, VALUE, MINUTE, &tags(&["a", "b c"])).await);
    assert_eq!(other.get("shared").await, value);
    assert!(other.forget(&tags(&["unknown", "b"])).await);
    assert_eq!(one.get("shared").await, value);
    assert!(other.forget(&tags(&["unknown", "b c"])).await);
    let late = missing(one, "shared").await;
    assert!(late.0 > began.0);
    assert!(one.put("shared", late, VALUE, MINUTE, &[]).await);
    assert_eq!(other.get("shared").await, value, "without tags, nothing but time ends it");
}

async fn what_was_begun_before_something_was_forgotten_stays_out(one: &dyn SharedShelf, other: &dyn SharedShelf) {
    let began = missing(one, "late").await;
    assert!(other.forget(&tags(&["t"])).await);
    assert!(!one.put("late", began, VALUE, MINUTE, &tags(&["s", "t"])).await);
    assert!(one.put("late", began, VALUE, MINUTE, &tags(&["s"])).await);
    // One that was begun later takes its place.
    assert!(other.forget(&tags(&["s"])).await);
    let again = missing(other, "late").await;
    assert!(other.put("late", again, b"", MINUTE, &tags(&["s", "t"])).await);
    assert_eq!(one.get("late").await, Some(Found::Value("".into())));
}

async fn everything_can_be_forgotten(one: &dyn SharedShelf, other: &dyn SharedShelf) {
    let began = missing(one, "all").await;
    assert!(one.put("all", began, VALUE, MINUTE, &[]).await);
    assert!(other.forget_all().await);
    missing(one, "all").await;
    assert!(!one.put("all", began, VALUE, MINUTE, &[]).await);
}

async fn time_runs_out(one: &dyn SharedShelf) {
    let began = missing(one, "short").await;
    assert!(one.put("short", began, VALUE, Duration::from_millis(20), &[]).await);
    let is_over = async || matches!(one.get("short").await, Some(Found::Missing(_))).then_some(());
    eventually("its time is over", PATIENCE, is_over).await;
}
