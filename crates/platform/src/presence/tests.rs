//! Presence of several processes, and of one that cannot ask the others.

use super::*;

fn both(shared: &Arc<MemoryPresence>) -> [Arc<Presence>; 2] {
    [0, 1].map(|_| Presence::start(Some(shared.clone()), || false))
}

fn names(known: &Known<Vec<Present>>) -> Vec<&str> {
    known.value.iter().map(|present| present.who.as_str()).collect()
}

async fn a_second() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn who_is_at_one_process_is_seen_at_the_other() {
    let [one, other] = both(&Arc::new(MemoryPresence::default()));
    one.enter("lamp", "ada", "1").await;
    a_second().await;
    let seen = other.enter("lamp", "bob", "1").await;
    assert_eq!((names(&seen), seen.is_whole), (vec!["ada", "bob"], true));
    assert_eq!(seen.value[0].stayed, Duration::from_secs(1));
    assert_eq!(names(&other.enter("book", "bob", "2").await), ["bob"]);
    one.leave("lamp", "ada", "1").await;
    assert_eq!(names(&other.enter("lamp", "bob", "1").await), ["bob"]);
}

#[tokio::test(start_paused = true)]
async fn who_cannot_ask_the_others_says_what_it_knows_and_that_it_is_not_all() {
    let shared = Arc::new(MemoryPresence::default());
    let [one, other] = both(&shared);
    one.enter("lamp", "ada", "1").await;
    other.enter("lamp", "bob", "1").await;
    one.came(1, || true);
    other.came(2, || true);
    assert_eq!(one.count().await, Known { value: 1, is_whole: true }, "the other has not told yet");
    a_second().await;
    assert_eq!(one.count().await, Known { value: 2, is_whole: true });
    shared.be_gone(true);
    let seen = one.enter("lamp", "ada", "1").await;
    assert_eq!((names(&seen), seen.is_whole), (vec!["ada"], false));
    one.came(3, || true);
    assert_eq!(one.count().await, Known { value: 2, is_whole: false });
    a_second().await;
    shared.be_gone(false);
    // What could not be told is told then.
    assert_eq!(other.count().await, Known { value: 2, is_whole: true });
    a_second().await;
    assert_eq!(other.count().await, Known { value: 3, is_whole: true });
}

#[tokio::test(start_paused = true)]
async fn who_is_alone_knows_everything() {
    let alone = Presence::start(None, || true);
    alone.came(1, || true);
    alone.came(1, || panic!("it came a moment ago"));
    alone.came(2, || false);
    assert_eq!(alone.count().await, Known { value: 1, is_whole: true });
    assert!(alone.enter("lamp", "ada", "1").await.is_whole);
}

#[tokio::test(start_paused = true)]
async fn everything_is_forgotten_in_time() {
    let alone = Presence::start(None, || true);
    alone.enter("lamp", "ada", "1").await;
    alone.came(1, || true);
    tokio::time::sleep(Duration::from_secs(4 * 60)).await;
    assert_eq!(alone.count().await.value, 1);
    assert_eq!(names(&alone.enter("lamp", "bob", "1").await), ["bob"]);
    tokio::time::sleep(Duration::from_secs(2 * 60)).await;
    assert_eq!(alone.count().await.value, 0);
    assert_eq!(alone.own.places_held(), 0);
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded() {
    let alone = Presence::start(None, || true);
    for window in 0..2 * WINDOWS_MAX {
        alone.enter("lamp", "ada", &window.to_string()).await;
    }
    for place in 0..20_000 {
        alone.enter(&place.to_string(), "ada", "1").await;
    }
    for mark in 0..=crowd::MARKS_MAX as u64 {
        alone.came(mark, || true);
    }
    assert_eq!(alone.count().await.value, crowd::MARKS_MAX as u64);
    assert!(alone.own.places_held() <= 10_000);
    assert_eq!(names(&alone.enter("lamp", "bob", "1").await), ["ada", "bob"]);
}
