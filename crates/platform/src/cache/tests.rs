//! What a cache promises: one load for many, nothing stale, no more than its bytes.
//! The values are texts; what is kept elsewhere does not matter here.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;
use tokio::sync::Notify;

use super::*;
use crate::entropy::SeededEntropy;
use crate::http::metrics::Registry;

const MINUTE: Duration = Duration::from_secs(60);

type Text = Arc<str>;

fn cache(bytes_max: usize) -> Arc<Cache<Text>> {
    Arc::new(Cache::new(bytes_max, Arc::new(SeededEntropy::new(1))))
}

async fn put(cache: &Cache<Text>, key: &str, value: &str, tags: &[&str]) {
    let load = || async { Ok::<_, ()>(Text::from(value)) };
    cache.get_or_load(key, MINUTE, tags, load).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn many_ask_and_one_loads() {
    let cache = cache(1 << 20);
    let loads = AtomicUsize::new(0);
    let ask = || {
        cache.get_or_load("k", MINUTE, &[], || async {
            loads.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok::<_, ()>(Text::from("v"))
        })
    };
    let answers = futures::future::join_all((0..50).map(|_| ask())).await;
    assert!(answers.iter().all(|answer| answer.as_deref() == Ok("v")));
    assert_eq!(ask().await.as_deref(), Ok("v"));
    assert_eq!(loads.load(Ordering::Relaxed), 1);
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.joined), (1, 50, 49));
}

#[tokio::test(start_paused = true)]
async fn an_error_is_shared_and_not_kept() {
    let cache = cache(1 << 20);
    let loads = AtomicUsize::new(0);
    let ask = || {
        cache.get_or_load("k", MINUTE, &[], || async {
            tokio::task::yield_now().await;
            Err::<Text, _>(loads.fetch_add(1, Ordering::Relaxed))
        })
    };
    assert_eq!(tokio::join!(ask(), ask()), (Err(0), Err(0)));
    assert_eq!(ask().await, Err(1));
}

#[tokio::test(start_paused = true)]
async fn when_the_one_who_loads_goes_away_the_next_loads() {
    let cache = cache(1 << 20);
    let mut gone = Box::pin(cache.get_or_load("k", MINUTE, &[], std::future::pending::<Result<Text, ()>>));
    assert!((&mut gone).now_or_never().is_none());
    let mut next = Box::pin(cache.get_or_load("k", MINUTE, &[], || async { Ok::<_, ()>(Text::from("v")) }));
    assert!((&mut next).now_or_never().is_none());
    drop(gone);
    assert_eq!(next.await.as_deref(), Ok("v"));
}

#[tokio::test(start_paused = true)]
async fn time_runs_out_but_not_for_all_at_once() {
    let cache = cache(1 << 20);
    for n in 0..100 {
        put(&cache, &n.to_string(), "v", &[]).await;
    }
    let alive = || (0..100).filter(|n| cache.get(&n.to_string()).is_some()).count();
    tokio::time::advance(Duration::from_millis(47_900)).await;
    assert_eq!(alive(), 100);
    tokio::time::advance(Duration::from_secs(6)).await;
    assert!((20..80).contains(&alive()), "{}", alive());
    tokio::time::advance(Duration::from_secs(7)).await;
    assert_eq!(alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_tag_forgets_what_carries_it() {
    let cache = cache(1 << 20);
    put(&cache, "a", "1", &["x", "y"]).await;
    put(&cache, "b", "1", &["y"]).await;
    put(&cache, "c", "1", &["z"]).await;
    cache.invalidate(["x", "unknown"]);
    assert_eq!((cache.get("a"), cache.get("b").is_some()), (None, true));
    cache.invalidate(["y"]);
    assert_eq!((cache.get("b"), cache.get("c").is_some()), (None, true));
    cache.remove("c");
    assert_eq!((cache.get("c"), cache.stats().bytes, cache.stats().invalidated), (None, 0, 3));
    assert!(cache.shelf.read().len() == 0);
}

/// Loads slowly, lets `meanwhile` happen, asks once more before the load is done, and answers with what was kept, what
/// the first and what the second was given.
async fn overtaken(meanwhile: impl FnOnce(&Cache<Text>)) -> (Option<Text>, Text, Text) {
    let cache = cache(1 << 20);
    let go_on = Notify::new();
    let slow = cache.get_or_load_with("k", || async {
        go_on.notified().await;
        Ok::<_, ()>(Loaded { value: Text::from("old"), ttl: MINUTE, tags: vec!["found".to_owned()] })
    });
    let mut slow = Box::pin(slow);
    assert!((&mut slow).now_or_never().is_none());
    meanwhile(&cache);
    let fresh = cache.get_or_load_with("k", || async {
        Ok::<_, ()>(Loaded { value: Text::from("new"), ttl: Duration::ZERO, tags: Vec::new() })
    });
    let mut fresh = Box::pin(fresh);
    assert!((&mut fresh).now_or_never().is_none());
    go_on.notify_one();
    let first = slow.await.unwrap();
    let kept = cache.get("k");
    (kept, first, fresh.await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn what_was_overtaken_is_not_kept_and_not_given_to_the_later() {
    let (old, new) = (Text::from("old"), Text::from("new"));
    assert_eq!(overtaken(|_| {}).await, (Some(old.clone()), old.clone(), old.clone()));
    assert_eq!(overtaken(|cache| cache.invalidate(["other"])).await.0, Some(old.clone()));
    assert_eq!(overtaken(|cache| cache.invalidate(["found"])).await, (None, old.clone(), new.clone()));
    assert_eq!(overtaken(|cache| cache.remove("k")).await, (None, old.clone(), new.clone()));
    assert_eq!(overtaken(Cache::clear).await, (None, old, new));
    let many = |cache: &Cache<Text>| cache.invalidate((0..20_000).map(|n| n.to_string()));
    assert_eq!(overtaken(many).await.0, None);
}

#[tokio::test(start_paused = true)]
async fn bytes_are_bounded_and_what_is_wanted_stays() {
    let cache = cache(100_000);
    let value = "x".repeat(1_000);
    put(&cache, "wanted", &value, &["t"]).await;
    for n in 0..1_000 {
        put(&cache, &format!("once-{n}"), &value, &["t"]).await;
        assert!(cache.get("wanted").is_some(), "{n}");
        assert!(cache.stats().bytes <= 100_000);
    }
    assert!(cache.stats().evicted > 900 && cache.stats().entries > 60);
    put(&cache, "huge", &"x".repeat(50_000), &[]).await;
    assert_eq!(cache.get("huge"), None);
    cache.invalidate(["t"]);
    assert_eq!((cache.stats().bytes, cache.stats().entries), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn how_well_it_does_is_shown() {
    let (cache, registry) = (cache(1 << 20), Registry::new());
    cache.show_in(&registry, "things");
    put(&cache, "a", "1", &[]).await;
    put(&cache, "a", "1", &[]).await;
    assert!(registry.render().contains("cache_hit_ratio{cache=\"things\"} 0.5"));
}
