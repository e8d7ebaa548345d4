//! What a key promises: done once, answered alike, and nobody waits for ever.
//! The work in here only counts how often it was done.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Json;
use axum::http::header;
use futures::FutureExt;
use serde_json::{Value, json};

use super::*;
use crate::clock::ManualClock;
use crate::documents::memory::MemoryDocuments;

struct Desk {
    idempotency: Idempotency,
    documents: Arc<MemoryDocuments>,
    clock: Arc<ManualClock>,
    done: AtomicUsize,
}

/// A handler in these tests: works for a while, then answers with how often it has worked.
#[derive(Clone, Copy)]
struct Work {
    status: StatusCode,
    code: Option<&'static str>,
    takes: Duration,
}

const CREATED: Work = Work { status: StatusCode::CREATED, code: None, takes: Duration::ZERO };

fn desk() -> Desk {
    let documents = Arc::new(MemoryDocuments::default());
    let clock = Arc::new(ManualClock::starting_at(Timestamp::UNIX_EPOCH));
    let idempotency = Idempotency::new(documents.clone(), clock.clone(), b"secret");
    Desk { idempotency, documents, clock, done: AtomicUsize::new(0) }
}

fn keep(status: StatusCode, code: Option<&str>) -> bool {
    status.is_success() || code == Some("used_up")
}

impl Desk {
    async fn ask(&self, key: &str, body: u8, mode: Mode, work: Work) -> Response {
        self.ask_on("POST /things", key, body, mode, work).await
    }

    async fn ask_on(&self, route: &str, key: &str, body: u8, mode: Mode, work: Work) -> Response {
        let key = Key::parse(key).unwrap();
        let scope = Scope { caller: "someone", route };
        let attempt = Attempt { scope, key: &key, body_hash: [body; 32], mode, keep, ttl: KEPT_FOR };
        self.idempotency
            .run(attempt, || async {
                tokio::time::sleep(work.takes).await;
                let nth = self.done.fetch_add(1, Ordering::SeqCst) + 1;
                match work.code {
                    Some(code) => Problem::new(work.status, code, "No").extra("nth", nth).into_response(),
                    None => (work.status, [(header::LOCATION, "/things/1")], Json(json!({"nth": nth}))).into_response(),
                }
            })
            .await
    }
}

async fn seen(response: Response) -> (StatusCode, Value, bool) {
    let (status, replayed) = (response.status(), response.headers().contains_key(&REPLAYED));
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap(), replayed)
}

#[tokio::test(start_paused = true)]
async fn a_retry_gets_the_same_answer() {
    let desk = desk();
    let first = desk.ask("k", 1, Mode::Replay, CREATED).await;
    let again = desk.ask("k", 1, Mode::Replay, CREATED).await;
    assert_eq!(again.headers()[header::LOCATION], "/things/1");
    assert_eq!(again.headers()[header::CONTENT_TYPE], "application/json");
    assert_eq!(seen(first).await, (StatusCode::CREATED, json!({"nth": 1}), false));
    assert_eq!(seen(again).await, (StatusCode::CREATED, json!({"nth": 1}), true));
}

#[tokio::test(start_paused = true)]
async fn another_body_another_key_another_route() {
    let desk = desk();
    desk.ask("k", 1, Mode::Replay, CREATED).await;
    let (status, problem, _) = seen(desk.ask("k", 2, Mode::Replay, CREATED).await).await;
    assert_eq!((status.as_u16(), &problem["code"]), (422, &json!("idempotency_key_reused")));
    assert_eq!(seen(desk.ask("l", 2, Mode::Replay, CREATED).await).await.1["nth"], 2);
    assert_eq!(seen(desk.ask_on("POST /others", "k", 2, Mode::Replay, CREATED).await).await.1["nth"], 3);
}

#[tokio::test(start_paused = true)]
async fn only_what_is_worth_it_is_kept() {
    let desk = desk();
    for (status, code, kept) in [
        (StatusCode::CONFLICT, "used_up", true),
        (StatusCode::CONFLICT, "busy", false),
        (StatusCode::UNPROCESSABLE_ENTITY, "invalid", false),
        (StatusCode::SERVICE_UNAVAILABLE, "unavailable", false),
    ] {
        let work = Work { status, code: Some(code), takes: Duration::ZERO };
        let first = seen(desk.ask(code, 1, Mode::Replay, work).await).await;
        let again = desk.ask(code, 1, Mode::Replay, work).await;
        assert_eq!(again.extensions().get::<Problem>().unwrap().code(), code);
        let again = seen(again).await;
        assert_eq!((again.2, again.1["nth"] == first.1["nth"]), (kept, kept), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_waits_for_the_running_one() {
    let desk = desk();
    let slow = Work { takes: Duration::from_secs(3), ..CREATED };
    let ask = || desk.ask("k", 1, Mode::Replay, slow);
    let (first, second, other) = tokio::join!(ask(), ask(), desk.ask("k", 2, Mode::Replay, slow));
    assert_eq!(seen(first).await, (StatusCode::CREATED, json!({"nth": 1}), false));
    assert_eq!(seen(second).await, (StatusCode::CREATED, json!({"nth": 1}), true));
    assert_eq!(other.status(), StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_does_not_wait_for_ever() {
    let desk = desk();
    let endless = Work { takes: Duration::from_secs(60), ..CREATED };
    let began = tokio::time::Instant::now();
    let first = desk.ask("k", 1, Mode::Replay, endless);
    let second = async {
        let response = desk.ask("k", 1, Mode::Replay, endless).await;
        (response, began.elapsed())
    };
    let (_, (second, waited)) = tokio::join!(first, second);
    assert_eq!(waited, WAITS_FOR);
    assert_eq!(second.headers()[header::RETRY_AFTER], "1");
    let (status, problem, _) = seen(second).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("idempotency_in_flight")));
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_goes_away_leaves_the_key_free() {
    let desk = desk();
    let slow = Work { takes: Duration::from_secs(5), ..CREATED };
    let mut gone = Box::pin(desk.ask("k", 1, Mode::Replay, slow));
    assert!((&mut gone).now_or_never().is_none());
    let mut waiting = Box::pin(desk.ask("k", 1, Mode::Replay, slow));
    assert!((&mut waiting).now_or_never().is_none());
    drop(gone);
    assert_eq!(seen(waiting.await).await, (StatusCode::CREATED, json!({"nth": 1}), false));
}

#[tokio::test(start_paused = true)]
async fn a_rerun_remembers_the_body_but_not_the_answer() {
    let desk = desk();
    desk.ask("k", 1, Mode::Rerun, CREATED).await;
    assert_eq!(
        seen(desk.ask("k", 1, Mode::Rerun, CREATED).await).await,
        (StatusCode::CREATED, json!({"nth": 2}), true)
    );
    assert_eq!(desk.ask("k", 2, Mode::Rerun, CREATED).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let stored = desk.documents.scan(COLLECTION, None, 10).await.unwrap();
    assert_eq!(stored.len(), 1);
    assert!(!stored[0].body.contains("nth") && !stored[0].id.contains('k'));
    desk.ask("l", 1, Mode::WaitOnly, CREATED).await;
    assert_eq!(desk.documents.scan(COLLECTION, None, 10).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_processes_answer_the_same() {
    let (one, slow) = (desk(), Work { takes: Duration::from_secs(1), ..CREATED });
    let other = Desk {
        idempotency: Idempotency::new(one.documents.clone(), one.clock.clone(), b"secret"),
        documents: one.documents.clone(),
        clock: one.clock.clone(),
        done: AtomicUsize::new(10),
    };
    let (first, second) = tokio::join!(one.ask("k", 1, Mode::Replay, CREATED), other.ask("k", 1, Mode::Replay, slow));
    let (first, second) = (seen(first).await, seen(second).await);
    assert_eq!(first.1, second.1);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_forgotten_after_its_time() {
    let desk = desk();
    desk.ask("k", 1, Mode::Replay, CREATED).await;
    desk.clock.advance(KEPT_FOR - Duration::from_secs(1));
    assert!(seen(desk.ask("k", 1, Mode::Replay, CREATED).await).await.2);
    desk.clock.advance(Duration::from_secs(2));
    assert_eq!(seen(desk.ask("k", 2, Mode::Replay, CREATED).await).await.1["nth"], 2);
}
