//! Documents in memory, on disk and in a database.

use platform::documents::{
    Change, Checkpoint, Collection, Documents, Entry, Expected, Filter, Put, Query, Range, WriteBatch, tuple,
};
use proptest::prelude::*;
use testkit::contract::{Store, second};

use super::{beside_memory, config, postgres, sqlite};

const COLLECTIONS: [Collection; 2] = [Collection::derived("rooms"), Collection::primary("keys")];
const INDEXES: [&str; 2] = ["by_size", "by_name"];

#[derive(Debug, Clone)]
enum Step {
    Write(Vec<Wish>, Option<(u16, u64)>),
    PutIf(Wish, Option<u64>, i64),
    Query { collection: usize, index: usize, bounds: Option<(i64, i64)>, descending: bool, filter: bool, limit: usize },
    GetMany(usize, Vec<String>, i64),
    Scan(usize, Option<String>, usize),
    DeleteExpired(i64),
}

/// A change, as plain values.
#[derive(Debug, Clone)]
enum Wish {
    Put { collection: usize, id: String, size: i64, entries: Vec<(usize, i64)>, expires: Option<i64> },
    Delete { collection: usize, id: String },
    Clear { collection: usize },
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![Just("a"), Just("b"), Just("c"), Just("B"), Just("가"), Just("")].prop_map(str::to_owned)
}

fn put() -> impl Strategy<Value = Wish> {
    let entries = prop::collection::vec((0..2usize, -3..4i64), 0..4);
    (0..2usize, id(), -3..4i64, entries, prop::option::weighted(0.2, 0..10i64))
        .prop_map(|(collection, id, size, entries, expires)| Wish::Put { collection, id, size, entries, expires })
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        8 => put(),
        3 => (0..2usize, id()).prop_map(|(collection, id)| Wish::Delete { collection, id }),
        1 => (0..2usize).prop_map(|collection| Wish::Clear { collection }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let checkpoint = prop::option::of((0..4u16, 0..9u64));
    let bounds = prop::option::of((-3..4i64, -3..4i64));
    prop_oneof![
        4 => (prop::collection::vec(wish(), 0..5), checkpoint).prop_map(|(wishes, at)| Step::Write(wishes, at)),
        3 => (put(), prop::option::of(0..4u64), 0..10i64).prop_map(|(put, version, now)| Step::PutIf(put, version, now)),
        4 => (0..2usize, 0..2usize, bounds, any::<bool>(), any::<bool>(), 0..4usize).prop_map(
            |(collection, index, bounds, descending, filter, limit)| Step::Query {
                collection, index, bounds, descending, filter, limit
            }
        ),
        1 => (0..2usize, prop::collection::vec(id(), 0..4), 0..10i64).prop_map(|(of, ids, now)| Step::GetMany(of, ids, now)),
        1 => (0..2usize, prop::option::of(id()), 0..5usize).prop_map(|(of, after, limit)| Step::Scan(of, after, limit)),
        1 => (0..10i64).prop_map(Step::DeleteExpired),
    ]
}

fn put_of(wish: &Wish) -> Option<Put> {
    let Wish::Put { collection, id, size, entries, expires } = wish else { return None };
    let entry = |(index, key): &(usize, i64)| Entry::new(INDEXES[*index], tuple::Key::new().int(*key));
    Some(Put {
        collection: COLLECTIONS[*collection],
        id: id.clone(),
        body: format!("{{\"size\":{size}}}").into(),
        entries: entries.iter().map(entry).collect(),
        expires: expires.map(second),
    })
}

fn change_of(wish: &Wish) -> Change {
    match wish {
        Wish::Put { .. } => Change::Put(put_of(wish).expect("it is a put")),
        Wish::Delete { collection, id } => Change::Delete { collection: COLLECTIONS[*collection], id: id.clone() },
        Wish::Clear { collection } => Change::Clear { collection: COLLECTIONS[*collection] },
    }
}

/// What an engine answers to a step, as a text.
async fn take(documents: &dyn Documents, step: &Step) -> String {
    match step {
        Step::Write(wishes, at) => {
            let stored = documents.checkpoints("rooms").await.expect("an answer");
            let from = |shard| stored.iter().find(|there| there.shard == shard).map(|there| there.position);
            let checkpoints = at.map(|(shard, position)| Checkpoint {
                from: from(shard),
                ..Checkpoint::first("rooms", shard, position)
            });
            let changes = wishes.iter().map(change_of).collect();
            let batch = WriteBatch { changes, checkpoints: checkpoints.into_iter().collect() };
            documents.write(batch).await.expect("a write");
            format!("{:?}", documents.checkpoints("rooms").await)
        }
        Step::PutIf(wish, version, now) => {
            let expected = version.map_or(Expected::Absent, Expected::Version);
            format!("{:?}", documents.put_if(put_of(wish).expect("it is a put"), expected, second(*now)).await)
        }
        Step::Query { collection, index, bounds, descending, filter, limit } => {
            let key = |bound| tuple::Key::new().int(bound);
            let range = bounds.map_or(Range::all(), |(from, to)| Range::between(key(from), key(to)));
            let mut query = Query::new(COLLECTIONS[*collection], INDEXES[*index], range).limit(*limit);
            query.descending = *descending;
            if *filter {
                query = query.filter(Filter::differs("size", 1));
            }
            walk(documents, query).await
        }
        Step::GetMany(of, ids, now) => {
            format!("{:?}", documents.get_many(COLLECTIONS[*of], ids, second(*now)).await)
        }
        Step::Scan(of, after, limit) => {
            format!("{:?}", documents.scan(COLLECTIONS[*of], after.as_deref(), *limit).await)
        }
        Step::DeleteExpired(now) => format!("{:?}", documents.delete_expired(second(*now), usize::MAX).await),
    }
}

/// All pages of a query.
async fn walk(documents: &dyn Documents, query: Query) -> String {
    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let page = documents.query(query.clone().after(after), second(5)).await.expect("a page");
        after = page.next.clone();
        pages.push(page);
        if after.is_none() {
            return format!("{pages:?}");
        }
    }
}

/// Takes the steps on both.
async fn compare(memory: Box<dyn Store>, other: Box<dyn Store>, steps: Vec<Step>) {
    let (memory, other) = (memory.documents(), other.documents());
    // An engine may write the same JSON with other spaces.
    let plain = |answer: String| answer.replace("\\\": ", "\\\":");
    for step in &steps {
        let answers = (take(memory.as_ref(), step).await, take(other.as_ref(), step).await);
        assert_eq!(plain(answers.0), plain(answers.1), "{step:?}");
    }
    for collection in COLLECTIONS {
        let (ours, theirs) = (memory.scan(collection, None, 99).await, other.scan(collection, None, 99).await);
        assert_eq!(plain(format!("{:?}", ours.expect("a page"))), plain(format!("{:?}", theirs.expect("a page"))));
    }
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn documents_on_sqlite_are_alike(steps in prop::collection::vec(step(), 1..40)) {
        beside_memory(sqlite, |memory, disk| compare(memory, disk, steps));
    }

    #[test]
    fn documents_on_postgres_are_alike(steps in prop::collection::vec(step(), 1..40)) {
        beside_memory(postgres, |memory, database| compare(memory, database, steps));
    }
}
