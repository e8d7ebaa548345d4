//! Lists hold what they promise: keys sort as what they stand for, and page by page, by cursors that went over the wire, a list
//! shows everything once and in order.

use platform::documents::memory::MemoryDocuments;
use platform::documents::{Change, Collection, Documents, Entry, Put, Query, Range, WriteBatch};
use platform::http::lists::{Cursor, Fingerprint};
use proptest::prelude::*;
use testkit::contract::second;
use testkit::fuzz::{Element, key_of, keys_sort_as_values};

const THINGS: Collection = Collection::derived("things");
const INDEX: &str = "by_what";

fn element() -> impl Strategy<Value = Element> {
    let text = prop_oneof![Just(String::new()), "[ab\u{0}\u{ff}가]{0,4}", ".{0,6}"];
    let int = prop_oneof![any::<i64>(), -300..300i64, Just(i64::MIN), Just(i64::MAX)];
    prop_oneof![
        1 => Just(Element::Null),
        1 => any::<bool>().prop_map(Element::Bool),
        3 => int.prop_map(Element::Int),
        3 => text.prop_map(Element::Text),
    ]
}

fn elements() -> impl Strategy<Value = Vec<Element>> {
    prop::collection::vec(element(), 0..4)
}

async fn filled(keys: &[Vec<Element>]) -> MemoryDocuments {
    let documents = MemoryDocuments::default();
    let put = |(n, elements): (usize, &Vec<Element>)| {
        Change::Put(Put {
            collection: THINGS,
            id: format!("thing-{n:03}"),
            body: "{}".into(),
            entries: vec![Entry::new(INDEX, key_of(elements))],
            expires: None,
        })
    };
    let changes = keys.iter().enumerate().map(put).collect();
    documents.write(WriteBatch { changes, checkpoints: Vec::new() }).await.expect("a write");
    documents
}

/// Ids on all pages, each begun by the cursor that the one before gave out.
async fn walked(documents: &MemoryDocuments, limit: usize, descending: bool) -> Vec<String> {
    let list = Fingerprint::new("things").with("state", None);
    let mut ids = Vec::new();
    let mut sent: Option<String> = None;
    loop {
        let after = Cursor::decode_opt(sent.as_deref(), &list).expect("a cursor that was given out");
        let mut query = Query::new(THINGS, INDEX, Range::all()).limit(limit).after(after.map(Cursor::after));
        query.descending = descending;
        let page = documents.query(query, second(0)).await.expect("a page");
        assert!(page.documents.len() <= limit);
        ids.extend(page.documents.iter().map(|document| document.id.clone()));
        match Cursor::next_of(&page) {
            Some(cursor) => sent = Some(cursor.encode(&list)),
            None => return ids,
        }
    }
}

proptest! {
    #[test]
    fn keys_sort_as_what_they_stand_for(left in elements(), right in elements()) {
        keys_sort_as_values(&left, &right);
        keys_sort_as_values(&left, &[left.clone(), right].concat());
    }

    #[test]
    fn a_list_shows_everything_once_and_in_order(
        keys in prop::collection::vec(elements(), 0..30),
        limit in 1..8usize,
        descending: bool,
    ) {
        let mut wanted: Vec<(&Vec<Element>, String)> =
            keys.iter().enumerate().map(|(n, elements)| (elements, format!("thing-{n:03}"))).collect();
        wanted.sort();
        if descending {
            wanted.reverse();
        }
        let wanted: Vec<String> = wanted.into_iter().map(|(_, id)| id).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let shown = runtime.block_on(async { walked(&filled(&keys).await, limit, descending).await });
        prop_assert_eq!(shown, wanted);
    }
}
