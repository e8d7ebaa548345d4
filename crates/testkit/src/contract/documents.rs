//! What every place for documents must keep. Bodies are JSON: an engine may write the same value in other words.

mod checkpoints;

use std::sync::Arc;

use jiff::Timestamp;
use platform::documents::{
    Change, Checkpoint, Collection, Conditional, Document, Documents, ENTRIES_LOOKED_AT_MAX, Entry, Expected, Filter,
    Page, Put, Query, Range, Test, WriteBatch, tuple,
};
use platform::store::{StoreError, StoreResult};
use serde_json::Value;

use super::{Engine, Store, cases, second};
use checkpoints::{
    a_checkpoint_moves_from_where_it_is, checkpoints_are_kept_with_the_changes, of_racing_followers_one_moves_on,
    who_is_overtaken_writes_nothing,
};

pub async fn all(engine: &dyn Engine) {
    cases!(
        engine,
        [
            an_empty_store_has_nothing,
            a_document_comes_back_as_it_was,
            versions_rise_with_every_write,
            changes_of_one_batch_happen_in_order,
            what_is_deleted_is_found_nowhere,
            clearing_forgets_one_collection,
            an_update_replaces_the_entries,
            an_entry_said_twice_counts_once,
            indexes_are_walked_both_ways,
            ranges_bound_the_walk,
            equal_keys_are_ordered_by_id,
            filters_pass_over_documents,
            a_page_holds_at_least_one_document,
            pages_lose_and_repeat_nothing,
            pages_lose_nothing_while_others_write,
            a_query_looks_at_a_limited_number,
            conditional_writes_are_conditional,
            of_racing_writers_one_wins,
            of_racing_counters_none_is_lost,
            what_has_expired_is_hidden_and_then_deleted,
            the_ends_of_time_are_times,
            many_come_in_the_order_asked_for,
            a_collection_is_scanned_by_id,
            checkpoints_are_kept_with_the_changes,
            a_checkpoint_moves_from_where_it_is,
            who_is_overtaken_writes_nothing,
            of_racing_followers_one_moves_on,
            everything_survives_reopening,
        ]
    );
}

const ROOMS: Collection = Collection::derived("rooms");
const KEYS: Collection = Collection::primary("keys");
const BY_SIZE: &str = "by_size";
const BY_NAME: &str = "by_name";

fn now() -> Timestamp {
    second(0)
}

/// A document with entries by size and by name.
fn room(id: &str, size: i64) -> Put {
    Put {
        collection: ROOMS,
        id: id.to_owned(),
        body: format!("{{\"size\":{size},\"name\":\"{id}\"}}").into(),
        entries: vec![
            Entry::new(BY_SIZE, tuple::Key::new().int(size)),
            Entry::new(BY_NAME, tuple::Key::new().text(id)),
        ],
        expires: None,
    }
}

fn bare(collection: Collection, id: &str, body: &str) -> Put {
    Put { collection, id: id.to_owned(), body: body.into(), entries: Vec::new(), expires: None }
}

/// Writes and reads as a service would.
struct Desk {
    documents: Arc<dyn Documents>,
    _store: Box<dyn Store>,
}

impl Desk {
    async fn fresh(engine: &dyn Engine) -> Self {
        let store = engine.fresh().await;
        Self { documents: store.documents(), _store: store }
    }

    async fn write(&self, changes: impl IntoIterator<Item = Change>) {
        let batch = WriteBatch { changes: changes.into_iter().collect(), checkpoints: Vec::new() };
        self.documents.write(batch).await.expect("the batch is written");
    }

    async fn put(&self, puts: impl IntoIterator<Item = Put>) {
        self.write(puts.into_iter().map(Change::Put)).await;
    }

    /// Writes as a projection does.
    async fn follow(&self, changes: impl IntoIterator<Item = Change>, checkpoints: Vec<Checkpoint>) -> StoreResult<()> {
        self.documents.write(WriteBatch { changes: changes.into_iter().collect(), checkpoints }).await
    }

    async fn checkpoints(&self, projection: &str) -> Vec<Checkpoint> {
        self.documents.checkpoints(projection).await.expect("an answer")
    }

    async fn get(&self, collection: Collection, id: &str) -> Option<Document> {
        self.documents.get(collection, id, now()).await.expect("an answer")
    }

    async fn put_if(&self, put: Put, expected: Expected) -> Conditional {
        self.documents.put_if(put, expected, now()).await.expect("an answer")
    }

    async fn query(&self, query: Query) -> Page {
        self.documents.query(query, now()).await.expect("a page")
    }

    async fn ids(&self, query: Query) -> Vec<String> {
        ids(&self.query(query.limit(10_000)).await)
    }
}

fn value(body: &str) -> Value {
    serde_json::from_str(body).expect("a body is JSON")
}

#[track_caller]
fn assert_same(one: Option<Document>, other: Option<Document>) {
    let parts = |document: Document| (document.id, document.version, value(&document.body), document.expires);
    assert_eq!(one.map(parts), other.map(parts));
}

fn ids(page: &Page) -> Vec<String> {
    page.documents.iter().map(|document| document.id.clone()).collect()
}

fn by_size() -> Query {
    Query::new(ROOMS, BY_SIZE, Range::all())
}

async fn an_empty_store_has_nothing(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    assert_eq!(desk.get(ROOMS, "hall").await, None);
    assert_eq!(desk.query(by_size()).await, Page::default());
    assert!(desk.documents.scan(ROOMS, None, 10).await.expect("a page").is_empty());
    assert!(desk.documents.checkpoints("rooms").await.expect("an answer").is_empty());
    assert_eq!(desk.documents.delete_expired(now(), 10).await.expect("an answer"), 0);
    let nothing = [Change::Delete { collection: ROOMS, id: "hall".into() }, Change::Clear { collection: ROOMS }];
    desk.write(nothing).await;
    desk.write([]).await;
}

async fn a_document_comes_back_as_it_was(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    let long = format!("\"{}\"", "x".repeat(200_000));
    let bodies = ["{}", "{\"a\":1.50,  \"b\":\"가 🫖 \\u0000\"}", &long];
    for (id, body) in ["hall", "o'dd \"id\" 가\0", ""].into_iter().zip(bodies) {
        let put = Put { expires: Some("9000-01-01T00:00:00.000001Z".parse().expect("a time")), ..bare(KEYS, id, body) };
        desk.put([put.clone()]).await;
        let written = Document { id: id.to_owned(), version: 1, body: body.into(), expires: put.expires };
        assert_same(desk.get(KEYS, id).await, Some(written));
        assert_eq!(desk.get(ROOMS, id).await, None, "a collection shows another's document");
    }
}

async fn versions_rise_with_every_write(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    for version in 1..=3 {
        desk.put([room("hall", 20)]).await;
        assert_eq!(desk.get(ROOMS, "hall").await.expect("the room").version, version);
    }
}

async fn changes_of_one_batch_happen_in_order(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    desk.write([
        Change::Put(room("hall", 1)),
        Change::Put(room("attic", 2)),
        Change::Delete { collection: ROOMS, id: "hall".into() },
        Change::Put(room("attic", 3)),
        Change::Put(room("hall", 4)),
    ])
    .await;
    assert_eq!(desk.ids(by_size()).await, ["attic", "hall"]);
    assert_eq!(desk.get(ROOMS, "attic").await.expect("the room").version, 2);
    desk.write([Change::Clear { collection: ROOMS }, Change::Put(room("cellar", 1))]).await;
    assert_eq!(desk.ids(by_size()).await, ["cellar"]);
}

async fn what_is_deleted_is_found_nowhere(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    desk.put([room("hall", 1), room("attic", 2)]).await;
    desk.write([Change::Delete { collection: ROOMS, id: "hall".into() }]).await;
    assert_eq!(desk.get(ROOMS, "hall").await, None);
    assert_eq!(desk.ids(by_size()).await, ["attic"]);
    assert_eq!(desk.ids(Query::new(ROOMS, BY_NAME, Range::all())).await, ["attic"]);
    assert_eq!(desk.documents.scan(ROOMS, None, 10).await.expect("a page").len(), 1);
}

async fn clearing_forgets_one_collection(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    desk.put((0..50).map(|n| room(&format!("room {n}"), n))).await;
    desk.put([bare(KEYS, "hall", "1")]).await;
    desk.write([Change::Clear { collection: ROOMS }]).await;
    assert!(desk.ids(by_size()).await.is_empty());
    assert!(desk.documents.scan(ROOMS, None, 10).await.expect("a page").is_empty());
    assert!(desk.get(KEYS, "hall").await.is_some());
    desk.put([room("room 1", 7)]).await;
    assert_eq!(desk.get(ROOMS, "room 1").await.expect("the room").version, 1);
}

async fn an_update_replaces_the_entries(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    let named = |name: &str| Query::new(ROOMS, BY_NAME, Range::prefix(tuple::Key::new().text(name)));
    desk.put([room("hall", 1), room("attic", 5)]).await;
    desk.put([room("hall", 9)]).await;
    assert_eq!(desk.ids(by_size()).await, ["attic", "hall"], "the old entry is still walked");
    assert_eq!(desk.ids(named("hall")).await, ["hall"], "an entry that did not change was lost");
    desk.put([Put { entries: Vec::new(), ..room("hall", 9) }]).await;
    assert_eq!(desk.ids(by_size()).await, ["attic"]);
    assert!(desk.ids(named("hall")).await.is_empty());
    desk.put([room("hall", 2)]).await;
    assert_eq!(desk.ids(by_size()).await, ["hall", "attic"]);
}

async fn an_entry_said_twice_counts_once(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    let mut put = room("hall", 1);
    put.entries.extend(put.entries.clone());
    put.entries.push(Entry::new(BY_SIZE, tuple::Key::new().int(2)));
    desk.put([put.clone()]).await;
    assert_eq!(desk.ids(by_size()).await, ["hall", "hall"], "a document may have several entries in an index");
    put.entries.reverse();
    desk.put([put]).await;
    assert_eq!(desk.ids(by_size()).await, ["hall", "hall"]);
    desk.write([Change::Delete { collection: ROOMS, id: "hall".into() }]).await;
    assert!(desk.ids(by_size()).await.is_empty());
}

async fn indexes_are_walked_both_ways(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    desk.put([("c", 300), ("a", -70_000), ("d", 70_000), ("b", 0)].map(|(id, size)| room(id, size))).await;
    assert_eq!(desk.ids(by_size()).await, ["a", "b", "c", "d"]);
    assert_eq!(desk.ids(by_size().descending()).await, ["d", "c", "b", "a"]);
    assert!(desk.ids(Query::new(ROOMS, "by_nothing", Range::all())).await.is_empty());
    assert!(desk.ids(Query::new(KEYS, BY_SIZE, Range::all())).await.is_empty());
}

async fn ranges_bound_the_walk(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    let pair = |id: &str, state: &str, size| Put {
        entries: vec![Entry::new("by_state", tuple::Key::new().text(state).int(size))],
        ..room(id, size)
    };
    desk.put([pair("a", "open", 1), pair("b", "open", 2), pair("c", "opened", 1), pair("d", "shut", 9)]).await;
    let within = |range| Query::new(ROOMS, "by_state", range);
    let open = || tuple::Key::new().text("open");
    let cases = [
        (Range::prefix(open()), &["a", "b"][..]),
        (Range::prefix(open().int(2)), &["b"]),
        (Range::between(open().int(1), open().int(2)), &["a"]),
        (Range::between(open().int(2), tuple::Key::new().text("shut")), &["b", "c"]),
        (Range::between(open().int(2), open().int(2)), &[]),
        (Range::between(open().int(2), open().int(1)), &[]),
        (Range { from: open().int(2).into_bytes(), to: Vec::new() }, &["b", "c", "d"]),
    ];
    for (range, expected) in cases {
        assert_eq!(desk.ids(within(range.clone())).await, expected, "{range:?}");
        let backwards: Vec<_> = expected.iter().rev().copied().collect();
        assert_eq!(desk.ids(within(range.clone()).descending()).await, backwards, "{range:?} backwards");
    }
}

async fn equal_keys_are_ordered_by_id(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    desk.put(["c", "a", "b", "B", "가"].map(|id| room(id, 1))).await;
    assert_eq!(desk.ids(by_size()).await, ["B", "a", "b", "c", "가"]);
    assert_eq!(desk.ids(by_size().descending()).await, ["가", "c", "b", "a", "B"]);
}

async fn filters_pass_over_documents(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    let bodies = [
        ("a", r#"{"name":"Blue Hall","tags":["x","y"],"size":5}"#),
        ("b", r#"{"name":"red hall","tags":["y"],"size":6}"#),
        ("c", r#"{"name":"Attic","size":"6"}"#),
    ];
    desk.put(bodies.map(|(id, body)| Put { body: body.into(), ..room(id, 1) })).await;
    let filtered = async |filters: Vec<Filter>| {
        desk.ids(filters.into_iter().fold(by_size(), |query, filter| query.filter(filter))).await.concat()
    };
    assert_eq!(filtered(vec![Filter::equals("size", 6)]).await, "b");
    assert_eq!(filtered(vec![Filter::differs("size", 6)]).await, "ac");
    assert_eq!(filtered(vec![Filter::contains("name", "HALL")]).await, "ab");
    assert_eq!(filtered(vec![Filter::has("tags", "y")]).await, "ab");
    assert_eq!(filtered(vec![Filter::has("tags", "y"), Filter::contains("name", "red")]).await, "b");
    assert_eq!(filtered(vec![Filter { field: "size", test: Test::AtLeast(6) }]).await, "b");
    assert_eq!(filtered(vec![Filter { field: "size", test: Test::Below(6) }]).await, "a");
    assert_eq!(filtered(vec![Filter::equals("nothing", "x")]).await, "");
    let page = desk.query(by_size().filter(Filter::equals("size", 6)).limit(1)).await;
    assert_eq!(ids(&page), ["b"]);
    let rest = desk.query(by_size().filter(Filter::equals("size", 6)).limit(1).after(page.next)).await;
    assert_eq!(rest, Page::default());
}

async fn a_page_holds_at_least_one_document(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    desk.put([room("a", 1), room("b", 2)]).await;
    let none = desk.query(by_size().limit(0)).await;
    assert_eq!(none, desk.query(by_size().limit(1)).await);
    assert_eq!(ids(&none), ["a"]);
    assert!(none.next.is_some());
    assert_eq!(desk.query(by_size().limit(2)).await.next, None, "a full page at the very end has no next one");
    assert_eq!(ids(&desk.query(by_size().limit(usize::MAX)).await), ["a", "b"]);
}

async fn pages_lose_and_repeat_nothing(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    desk.put((0..40).map(|n| room(&format!("room {n:02}"), n / 7))).await;
    for limit in [1, 3, 7, 39, 40, 41] {
        for descending in [false, true] {
            let mut expected: Vec<String> = (0..40).map(|n| format!("room {n:02}")).collect();
            let mut query = by_size().limit(limit);
            if descending {
                query = query.descending();
                expected.reverse();
            }
            assert_eq!(walk(&desk, query).await, expected, "{limit} a page, descending: {descending}");
        }
    }
    // A cursor from elsewhere does not lead out of the range.
    let range = Range::between(tuple::Key::new().int(2), tuple::Key::new().int(4));
    let query = || Query::new(ROOMS, BY_SIZE, range.clone());
    let inside: Vec<String> = (14..28).map(|n| format!("room {n}")).collect();
    let backwards: Vec<String> = inside.iter().rev().cloned().collect();
    let cursor = |size| Some((tuple::Key::new().int(size).into_bytes(), "room 99".to_owned()));
    assert_eq!(desk.ids(query().after(cursor(0))).await, inside);
    assert!(desk.ids(query().after(cursor(9))).await.is_empty());
    assert_eq!(desk.ids(query().descending().after(cursor(9))).await, backwards);
    assert!(desk.ids(query().descending().after(cursor(0))).await.is_empty());
    assert_eq!(desk.ids(query().after(cursor(2))).await, inside[7..]);
}

/// All pages of a query.
async fn walk(desk: &Desk, query: Query) -> Vec<String> {
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = desk.query(query.clone().after(after)).await;
        assert!(page.documents.len() <= query.limit);
        seen.extend(ids(&page));
        after = page.next;
        if after.is_none() {
            return seen;
        }
    }
}

async fn pages_lose_nothing_while_others_write(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    desk.put((0..30).map(|n| room(&format!("old {n:02}"), n * 10))).await;
    let mut seen = Vec::new();
    let mut after = None;
    for round in 0.. {
        let page = desk.query(by_size().limit(4).after(after)).await;
        seen.extend(ids(&page));
        after = page.next;
        if after.is_none() {
            break;
        }
        // One before the cursor, one after it, and the last that was seen goes away.
        desk.put([room(&format!("before {round}"), -1), room(&format!("later {round}"), 1_000 + round)]).await;
        let last = seen.last().expect("a page before the last is not empty").clone();
        desk.write([Change::Delete { collection: ROOMS, id: last }]).await;
    }
    let old: Vec<String> = seen.iter().filter(|id| id.starts_with("old")).cloned().collect();
    assert_eq!(old, (0..30).map(|n| format!("old {n:02}")).collect::<Vec<_>>());
    let mut once = seen.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), seen.len(), "a document was shown twice");
    assert!(!seen.iter().any(|id| id.starts_with("before")));
}

async fn a_query_looks_at_a_limited_number(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    let count = ENTRIES_LOOKED_AT_MAX as i64 + 5;
    desk.put((0..count).map(|n| room(&format!("{n:05}"), n))).await;
    let rare = || by_size().filter(Filter::equals("size", count - 2)).limit(10);
    let first = desk.query(rare()).await;
    assert!(first.documents.is_empty(), "nothing among the first passes the filter");
    let (_, last) = first.next.clone().expect("there is more to look at");
    assert_eq!(last, format!("{:05}", ENTRIES_LOOKED_AT_MAX - 1));
    let rest = desk.query(rare().after(first.next)).await;
    assert_eq!((ids(&rest), rest.next), (vec![format!("{:05}", count - 2)], None));

    let whole = desk.query(by_size().limit(usize::MAX)).await;
    assert_eq!(whole.documents.len(), ENTRIES_LOOKED_AT_MAX);
    assert!(whole.next.is_some());
    let exact = Range { from: tuple::Key::new().int(5).into_bytes(), to: Vec::new() };
    let exact = desk.query(Query::new(ROOMS, BY_SIZE, exact).limit(usize::MAX)).await;
    assert_eq!((exact.documents.len(), exact.next), (ENTRIES_LOOKED_AT_MAX, None));
}

async fn conditional_writes_are_conditional(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    let put = |size| room("hall", size);
    let there = async || desk.get(ROOMS, "hall").await;
    assert_eq!(desk.put_if(put(1), Expected::Version(1)).await, Conditional::Differs(None));
    assert_eq!(desk.put_if(put(1), Expected::Version(0)).await, Conditional::Differs(None));
    assert_eq!(desk.put_if(put(1), Expected::Absent).await, Conditional::Written(1));
    let shown = there().await;
    assert_eq!(desk.put_if(put(2), Expected::Absent).await, Conditional::Differs(shown.clone()));
    assert_same(shown, Some(Document { id: "hall".into(), version: 1, body: put(1).body, expires: None }));
    assert_eq!(desk.put_if(put(2), Expected::Version(2)).await, Conditional::Differs(there().await));
    assert_eq!(desk.put_if(put(2), Expected::Version(1)).await, Conditional::Written(2));
    assert_eq!(value(&there().await.expect("the room").body), value(&put(2).body));
    let large = Query::new(ROOMS, BY_SIZE, Range::prefix(tuple::Key::new().int(2)));
    assert_eq!(desk.ids(large).await, ["hall"]);
    assert_eq!(desk.ids(by_size()).await, ["hall"], "the first write's entry is still there");
}

async fn of_racing_writers_one_wins(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    for expected in [Expected::Absent, Expected::Version(1)] {
        let racers = (0..20).map(|n| desk.put_if(room("hall", n), expected));
        let answers = futures::future::join_all(racers).await;
        let won = answers.iter().position(|answer| matches!(answer, Conditional::Written(_)));
        let winners = answers.iter().filter(|answer| matches!(answer, Conditional::Written(_))).count();
        assert_eq!(winners, 1, "{expected:?}");
        let body = desk.get(ROOMS, "hall").await.expect("the room").body;
        assert_eq!(value(&body), value(&room("hall", won.expect("a winner") as i64).body));
    }
}

async fn of_racing_counters_none_is_lost(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    desk.put([bare(KEYS, "count", "0")]).await;
    let counting = (0..8).map(|_| async {
        let mut there = desk.get(KEYS, "count").await.expect("the counter");
        for _ in 0..10 {
            loop {
                let count: u32 = there.read().expect("a number");
                let put = bare(KEYS, "count", &(count + 1).to_string());
                match desk.put_if(put, Expected::Version(there.version)).await {
                    Conditional::Written(version) => {
                        there.version = version;
                        there.body = (count + 1).to_string().into();
                        break;
                    }
                    Conditional::Differs(other) => there = other.expect("the counter"),
                }
            }
        }
    });
    futures::future::join_all(counting).await;
    let there = desk.get(KEYS, "count").await.expect("the counter");
    assert_eq!((there.read::<u32>().expect("a number"), there.version), (80, 81));
}

async fn what_has_expired_is_hidden_and_then_deleted(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    let until = |id: &str, n| Put { expires: Some(second(n)), ..room(id, n) };
    desk.put([until("a", 10), until("b", 20), until("c", 30), room("d", 40)]).await;
    let at = |n| desk.documents.query(by_size(), second(n));
    assert_eq!(ids(&at(9).await.expect("a page")), ["a", "b", "c", "d"]);
    assert_eq!(ids(&at(10).await.expect("a page")), ["b", "c", "d"], "from its time on it is not found");
    assert_eq!(desk.documents.get(ROOMS, "a", second(10)).await.expect("an answer"), None);
    let both = ["a".to_owned(), "b".to_owned()];
    assert_eq!(desk.documents.get_many(ROOMS, &both, second(10)).await.expect("an answer").len(), 1);

    // An expired one is absent, though its version goes on.
    let answer = desk.documents.put_if(until("a", 15), Expected::Version(1), second(10)).await.expect("an answer");
    assert_eq!(answer, Conditional::Differs(None));
    let answer = desk.documents.put_if(until("a", 15), Expected::Absent, second(10)).await.expect("an answer");
    assert_eq!(answer, Conditional::Written(2));

    let delete = |n, limit| desk.documents.delete_expired(second(n), limit);
    assert_eq!(delete(14, 10).await.expect("an answer"), 0);
    assert_eq!(desk.documents.scan(ROOMS, None, 10).await.expect("a page").len(), 4);
    assert_eq!(delete(30, 1).await.expect("an answer"), 1);
    assert_eq!(delete(30, 10).await.expect("an answer"), 2);
    assert_eq!(desk.ids(by_size()).await, ["d"]);
    assert_eq!(desk.documents.scan(ROOMS, None, 10).await.expect("a page").len(), 1);
    // Writing it anew without an end keeps it.
    desk.put([until("d", 50)]).await;
    desk.put([room("d", 50)]).await;
    assert_eq!(delete(99, 10).await.expect("an answer"), 0);
}

async fn the_ends_of_time_are_times(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    let end: Timestamp = "9999-12-30T22:00:00Z".parse().expect("a time");
    let last = Put { expires: Some(end), ..bare(KEYS, "hall", "1") };
    for (expected, at) in [(Expected::Absent, Timestamp::MIN), (Expected::Version(1), Timestamp::MIN)] {
        let written = desk.documents.put_if(last.clone(), expected, at).await.expect("an answer");
        assert!(matches!(written, Conditional::Written(_)), "{written:?}");
        let found = desk.documents.get(KEYS, "hall", at).await.expect("an answer").expect("the document");
        assert_eq!(found.expires, Some(end));
    }
    assert_eq!(desk.documents.get(KEYS, "hall", Timestamp::MAX).await.expect("an answer"), None);
    assert_eq!(desk.documents.delete_expired(Timestamp::MIN, 10).await.expect("an answer"), 0);
}

async fn many_come_in_the_order_asked_for(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    desk.put(["a", "b", "c"].map(|id| room(id, 1))).await;
    let asked = ["c", "nothing", "a", "c"].map(str::to_owned);
    let found = desk.documents.get_many(ROOMS, &asked, now()).await.expect("an answer");
    assert_eq!(found.iter().map(|document| document.id.as_str()).collect::<Vec<_>>(), ["c", "a", "c"]);
    assert!(desk.documents.get_many(ROOMS, &[], now()).await.expect("an answer").is_empty());
}

async fn a_collection_is_scanned_by_id(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    let put = |id: &str| Put { expires: Some(second(-5)), ..bare(KEYS, id, "{}") };
    desk.put(["c", "a", "가", "B", ""].map(put)).await;
    desk.put([room("other", 1)]).await;
    let page = async |after, limit| {
        let page = desk.documents.scan(KEYS, after, limit).await.expect("a page");
        page.into_iter().map(|document| document.id).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 10).await, ["", "B", "a", "c", "가"], "also what has expired");
    assert_eq!(page(None, 2).await, ["", "B"]);
    assert_eq!(page(Some("B"), 2).await, ["a", "c"]);
    assert_eq!(page(Some("b"), 9).await, ["c", "가"]);
    assert_eq!(page(Some(""), 1).await, ["B"]);
    assert!(page(Some("가"), 9).await.is_empty());
}

async fn everything_survives_reopening(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let documents = store.documents();
    let checkpoint = Checkpoint::first("rooms", 3, 4);
    let changes = vec![Change::Put(room("hall", 1)), Change::Put(room("attic", 2))];
    documents.write(WriteBatch { changes, checkpoints: vec![checkpoint] }).await.expect("a batch is written");
    documents.put_if(room("hall", 3), Expected::Version(1), now()).await.expect("an answer");
    let before = documents.query(by_size(), now()).await.expect("a page");
    drop(documents);

    let Some(store) = store.reopened().await else { return };
    let desk = Desk { documents: store.documents(), _store: store };
    assert_eq!(desk.query(by_size()).await, before);
    assert_eq!(desk.checkpoints("rooms").await, [Checkpoint::stored("rooms", 3, 4)]);
    assert_eq!(desk.put_if(room("hall", 4), Expected::Version(2)).await, Conditional::Written(3));
}
