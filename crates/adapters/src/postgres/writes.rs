//! Batches of documents: what they come to, sent as one statement.
//! It does not know how documents are read, nor conditional writes.

use std::borrow::Cow;
use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use platform::documents::{Change, Checkpoint, Class, Entry, Put, WriteBatch, overtaken};
use platform::log::{Position, Shard};
use platform::store::StoreResult;

use super::Store;
use super::values::{Time, count_of, escaped, fits_jsonb, get, signed};

const WRITE: &str =
    "SELECT write_documents_v2($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";
const DELETE_EXPIRED: &str = "WITH gone AS (
    DELETE FROM documents WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM documents WHERE expires <= $1 ORDER BY expires LIMIT $2 FOR UPDATE SKIP LOCKED))
    RETURNING collection, id
), unlisted AS (
    DELETE FROM entries e USING gone WHERE e.collection = gone.collection AND e.id = gone.id
) SELECT count(*) FROM gone";

/// Bodies as two lists, one of which has each: `jsonb`, and the text of what `jsonb` cannot hold.
#[derive(Default)]
pub struct Bodies<'a> {
    pub jsonb: Vec<Option<&'a str>>,
    pub exact: Vec<Option<Cow<'a, str>>>,
}

impl<'a> Bodies<'a> {
    /// `as_texts` keeps all of them as the texts that they are.
    pub fn of(bodies: impl IntoIterator<Item = &'a str>, as_texts: bool) -> Self {
        let mut lists = Self::default();
        for body in bodies {
            let fits = !as_texts && fits_jsonb(body);
            lists.jsonb.push(fits.then_some(body));
            lists.exact.push((!fits).then(|| escaped(body)));
        }
        lists
    }
}

/// A document's entries, sorted, and each once.
pub fn entries_of(put: &Put) -> Vec<&Entry> {
    let mut entries: Vec<&Entry> = put.entries.iter().collect();
    entries.sort();
    entries.dedup();
    entries
}

/// What the changes of a batch come to.
#[derive(Default)]
struct Net<'a> {
    cleared: BTreeSet<&'a str>,
    documents: BTreeMap<(&'a str, &'a str), NetDocument<'a>>,
}

#[derive(Default)]
struct NetDocument<'a> {
    /// It was deleted on the way: its versions begin anew.
    is_deleted: bool,
    puts: u64,
    last: Option<&'a Put>,
}

impl<'a> Net<'a> {
    fn of(changes: &'a [Change]) -> Self {
        let mut net = Self::default();
        for change in changes {
            match change {
                Change::Put(put) => {
                    let document = net.documents.entry((put.collection.name, &put.id)).or_default();
                    document.puts += 1;
                    document.last = Some(put);
                }
                Change::Delete { collection, id } => {
                    let deleted = NetDocument { is_deleted: true, ..NetDocument::default() };
                    net.documents.insert((collection.name, id), deleted);
                }
                Change::Clear { collection } => {
                    net.documents.retain(|(name, _), _| *name != collection.name);
                    net.cleared.insert(collection.name);
                }
            }
        }
        net
    }
}

pub async fn write(store: &Store, batch: &WriteBatch) -> StoreResult<()> {
    if batch.changes.is_empty() && batch.checkpoints.is_empty() {
        return Ok(());
    }
    match send(store, batch, false).await {
        Err(refused) if refused.is_about_a_value => send(store, batch, true).await.map_err(|refused| refused.error),
        sent => sent.map_err(|refused| refused.error),
    }
}

async fn send(store: &Store, batch: &WriteBatch, as_texts: bool) -> Result<(), super::ports::Refused> {
    let net = Net::of(&batch.changes);
    let cleared: Vec<&str> = net.cleared.into_iter().collect();
    let (mut deleted_collections, mut deleted_ids) = (Vec::new(), Vec::new());
    let (mut collections, mut ids, mut puts, mut expires) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut in_collections, mut in_indexes, mut keys, mut of_ids) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut bodies = Vec::new();
    for ((collection, id), document) in &net.documents {
        let id = escaped(id);
        if document.is_deleted {
            deleted_collections.push(*collection);
            deleted_ids.push(id.clone());
        }
        let Some(put) = document.last else { continue };
        for entry in entries_of(put) {
            in_collections.push(*collection);
            in_indexes.push(entry.index);
            keys.push(&entry.key[..]);
            of_ids.push(id.clone());
        }
        collections.push(*collection);
        ids.push(id);
        puts.push(signed(document.puts));
        expires.push(put.expires.map(Time));
        bodies.push(&*put.body);
    }
    let bodies = Bodies::of(bodies, as_texts);
    let moves = moves(&batch.checkpoints)?;
    let projections: Vec<_> = moves.keys().map(|(projection, _)| escaped(projection)).collect();
    let shards: Vec<i16> = moves.keys().map(|(_, shard)| shard.cast_signed()).collect();
    let positions: Vec<i64> = moves.values().map(|one| signed(one.to)).collect();
    let from: Vec<Option<i64>> = moves.values().map(|one| one.from.map(signed)).collect();
    store
        .try_write(
            WRITE,
            &[
                &cleared,
                &deleted_collections,
                &deleted_ids,
                &collections,
                &ids,
                &puts,
                &expires,
                &bodies.jsonb,
                &bodies.exact,
                &in_collections,
                &in_indexes,
                &keys,
                &of_ids,
                &projections,
                &shards,
                &positions,
                &from,
                &follows_from_facts(batch),
            ],
        )
        .await
        .map(drop)
}

/// Whether the log has what all of it was made of, and its checkpoint tells how much.
fn follows_from_facts(batch: &WriteBatch) -> bool {
    let mut collections = batch.changes.iter().map(|change| match change {
        Change::Put(put) => put.collection,
        Change::Delete { collection, .. } | Change::Clear { collection } => *collection,
    });
    !batch.checkpoints.is_empty() && collections.all(|collection| collection.class == Class::Derived)
}

/// What the moves of one checkpoint come to.
struct Move {
    from: Option<Position>,
    to: Position,
}

fn moves(checkpoints: &[Checkpoint]) -> StoreResult<BTreeMap<(&str, Shard), Move>> {
    let mut moves: BTreeMap<(&str, Shard), Move> = BTreeMap::new();
    for Checkpoint { projection, shard, position, from } in checkpoints {
        match moves.entry((projection, *shard)) {
            Slot::Vacant(slot) => {
                slot.insert(Move { from: *from, to: *position });
            }
            Slot::Occupied(mut slot) if *from == Some(slot.get().to) => slot.get_mut().to = *position,
            Slot::Occupied(_) => return Err(overtaken(projection, *shard, *from)),
        }
    }
    Ok(moves)
}

pub async fn delete_expired(store: &Store, now: Timestamp, limit: usize) -> StoreResult<usize> {
    let rows = store.write(DELETE_EXPIRED, &[&Time(now), &count_of(limit)]).await?;
    let deleted: i64 = rows.first().map_or(Ok(0), |row| get(row, 0))?;
    Ok(usize::try_from(deleted).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use platform::documents::Collection;

    use super::*;

    const ROOMS: Collection = Collection::derived("rooms");
    const KEYS: Collection = Collection::primary("keys");

    fn put(collection: Collection, id: &str) -> Change {
        let (id, body) = (id.to_owned(), "{}".into());
        Change::Put(Put { collection, id, body, entries: Vec::new(), expires: None })
    }

    fn delete(collection: Collection, id: &str) -> Change {
        Change::Delete { collection, id: id.to_owned() }
    }

    /// Each document with whether it is deleted first, and how often it is put then.
    fn net(changes: &[Change]) -> Vec<(String, bool, u64)> {
        let net = Net::of(changes);
        let one = |(name, document): (&(&str, &str), &NetDocument<'_>)| {
            assert_eq!(document.last.is_some(), document.puts > 0);
            (format!("{} {}", name.0, name.1), document.is_deleted, document.puts)
        };
        net.documents.iter().map(one).collect()
    }

    #[test]
    fn each_document_is_written_once() {
        let changes = [put(ROOMS, "b"), put(ROOMS, "a"), put(KEYS, "b"), put(ROOMS, "b"), delete(ROOMS, "c")];
        assert_eq!(
            net(&changes),
            [
                ("keys b".into(), false, 1),
                ("rooms a".into(), false, 1),
                ("rooms b".into(), false, 2),
                ("rooms c".into(), true, 0)
            ]
        );
    }

    #[test]
    fn what_was_deleted_begins_anew() {
        let changes = [put(ROOMS, "a"), put(ROOMS, "a"), delete(ROOMS, "a"), put(ROOMS, "a")];
        assert_eq!(net(&changes), [("rooms a".into(), true, 1)]);
    }

    #[test]
    fn clearing_takes_what_came_before() {
        let clear = Change::Clear { collection: ROOMS };
        let changes = [put(ROOMS, "a"), put(KEYS, "a"), delete(ROOMS, "b"), clear, put(ROOMS, "c")];
        assert_eq!(net(&changes), [("keys a".into(), false, 1), ("rooms c".into(), false, 1)]);
        assert_eq!(Net::of(&changes).cleared.into_iter().collect::<Vec<_>>(), ["rooms"]);
    }

    #[test]
    fn only_what_can_be_made_again_waits_for_no_disk() {
        let checkpoints = vec![Checkpoint::first("rooms", 0, 1)];
        let of = |changes, checkpoints: &[Checkpoint]| {
            follows_from_facts(&WriteBatch { changes, checkpoints: checkpoints.to_vec() })
        };
        assert!(of(vec![put(ROOMS, "a"), delete(ROOMS, "b"), Change::Clear { collection: ROOMS }], &checkpoints));
        assert!(of(Vec::new(), &checkpoints), "facts that changed nothing");
        assert!(!of(vec![put(ROOMS, "a"), delete(KEYS, "b")], &checkpoints), "nobody makes a key again");
        assert!(!of(vec![put(ROOMS, "a")], &[]), "nobody would know that it is gone");
    }

    #[test]
    fn a_body_lies_in_one_of_two_columns() {
        let bodies = Bodies::of(["{}", r#""\u0000""#], false);
        assert_eq!(bodies.jsonb, [Some("{}"), None]);
        assert_eq!(bodies.exact, [None, Some(r#""\u0000""#.into())]);
        assert_eq!(Bodies::of(["{}"], true).jsonb, [None]);
    }
}
