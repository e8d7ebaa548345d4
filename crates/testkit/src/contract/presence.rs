//! What everybody who keeps presence must keep: who is where is seen by all until they go, and each who came counts once.
//! It is asked through two of its users, who know nothing of each other.

use std::time::Duration;

use platform::presence::{SharedPresence, WINDOWS_MAX};

use crate::mart::eventually;

const MINUTE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(30);

/// Needs one that is empty.
pub async fn all(one: &dyn SharedPresence, other: &dyn SharedPresence) {
    who_is_there_is_seen_until_they_leave(one, other).await;
    several_windows_are_one_person(one, other).await;
    places_are_apart(one, other).await;
    who_says_nothing_more_is_gone(one, other).await;
    a_crowd_of_windows_is_bounded(one).await;
    each_who_came_counts_once(one, other).await;
}

async fn names(keeper: &dyn SharedPresence, place: &str, who: &str, window: &str) -> Vec<String> {
    let there = keeper.enter(place, who, window, MINUTE).await.expect("it can be asked");
    there.into_iter().map(|present| present.who).collect()
}

async fn who_is_there_is_seen_until_they_leave(one: &dyn SharedPresence, other: &dyn SharedPresence) {
    assert_eq!(names(one, "seen", "zoe", "1").await, ["zoe"]);
    eventually("some time goes by", PATIENCE, async || {
        let there = one.enter("seen", "zoe", "1", MINUTE).await.expect("it can be asked");
        (there[0].stayed > Duration::from_millis(5)).then_some(())
    })
    .await;
    assert_eq!(names(other, "seen", "ada", "1").await, ["zoe", "ada"], "whoever came first, first");
    assert_eq!(names(one, "seen", "zoe", "1").await, ["zoe", "ada"]);
    assert!(one.leave("seen", "zoe", "1").await);
    assert!(one.leave("seen", "nobody", "1").await && one.leave("nowhere", "zoe", "1").await);
    assert_eq!(names(other, "seen", "ada", "1").await, ["ada"]);
}

async fn several_windows_are_one_person(one: &dyn SharedPresence, other: &dyn SharedPresence) {
    names(one, "windows", "zoe", "1").await;
    let stayed = eventually("some time goes by", PATIENCE, async || {
        let there = other.enter("windows", "zoo", "1", MINUTE).await.expect("it can be asked");
        let zoe = there.into_iter().find(|present| present.who == "zoe").expect("she is there");
        (zoe.stayed > Duration::from_millis(20)).then_some(zoe.stayed)
    })
    .await;
    // A page that is loaded again is there before the old one has gone.
    assert_eq!(names(other, "windows", "zoe", "2").await, ["zoe", "zoo"]);
    assert!(one.leave("windows", "zoe", "1").await);
    let there = one.enter("windows", "zoo", "1", MINUTE).await.expect("it can be asked");
    let zoe = there.iter().find(|present| present.who == "zoe").expect("her other window is open");
    assert!(zoe.stayed >= stayed, "{there:?}");
}

async fn places_are_apart(one: &dyn SharedPresence, other: &dyn SharedPresence) {
    names(one, "here", "zoe", "1").await;
    assert_eq!(names(other, "there", "ada", "1").await, ["ada"]);
    assert_eq!(names(other, "her", "ada", "1").await, ["ada"]);
}

async fn who_says_nothing_more_is_gone(one: &dyn SharedPresence, other: &dyn SharedPresence) {
    one.enter("short", "zoe", "1", Duration::from_millis(30)).await.expect("it can be asked");
    eventually("she is gone", PATIENCE, async || {
        let there = other.enter("short", "ada", "1", Duration::from_millis(30)).await.expect("it can be asked");
        (there.len() == 1).then_some(())
    })
    .await;
}

async fn a_crowd_of_windows_is_bounded(one: &dyn SharedPresence) {
    for window in 0..=WINDOWS_MAX {
        names(one, "crowded", "zoe", &window.to_string()).await;
    }
    assert_eq!(names(one, "crowded", "ada", "1").await.len(), 2, "who finds no room is told who is there");
    assert_eq!(names(one, "crowded", "zoe", "0").await, ["zoe"], "and is not told of");
}

async fn each_who_came_counts_once(one: &dyn SharedPresence, other: &dyn SharedPresence) {
    assert_eq!(one.count().await, Some(0));
    assert!(one.came(&[1, 2, 3, 2]).await && other.came(&[3, u64::MAX]).await && other.came(&[]).await);
    assert_eq!([one.count().await, other.count().await], [Some(4), Some(4)]);
    let many: Vec<u64> = (0..20_000_u64).map(|nth| nth.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
    assert!(one.came(&many).await && other.came(&many[10_000..]).await);
    let count = other.count().await.expect("it can be asked");
    assert!((19_000..=21_000).contains(&count), "{count}");
}
