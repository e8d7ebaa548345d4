//! Documents as rows: how they are read, and how an index is walked.
//! It does not know how they come there.

use std::collections::HashMap;

use jiff::Timestamp;
use platform::documents::{
    Checkpoint, Collection, Document, ENTRIES_LOOKED_AT_MAX, Page, Query, is_expired, matches_all,
};
use platform::store::StoreResult;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::Store;
use super::values::{Time, count_of, escaped, get as column, text, unescaped, unsigned};

/// Entries that one statement of a walk reads at most.
const CHUNK_MAX: usize = 1_000;
/// And at least, where a filter may pass over most of them.
const CHUNK_FILTERED: usize = 200;

/// Everything of a document, in the order in which [`document_of`] reads it.
macro_rules! document {
    () => {
        "d.id, d.version, d.expires, coalesce(d.exact, d.body::text)"
    };
}

const GET: &str = concat!("SELECT ", document!(), " FROM documents d WHERE d.collection = $1 AND d.id = $2");
/// The limit keeps each id a probe of its own: as `id = ANY ($2)`, or as a join that may be turned around, it is planned as
/// a filter over the whole collection.
const GET_MANY: &str = concat!(
    "SELECT ",
    document!(),
    " FROM unnest($2::text[]) AS t (id) CROSS JOIN LATERAL \
     (SELECT * FROM documents o WHERE o.collection = $1 AND o.id = t.id LIMIT 1) AS d"
);
const SCAN_FROM: &str =
    concat!("SELECT ", document!(), " FROM documents d WHERE d.collection = $1 AND d.id >= $2 ORDER BY d.id LIMIT $3");
const SCAN_AFTER: &str =
    concat!("SELECT ", document!(), " FROM documents d WHERE d.collection = $1 AND d.id > $2 ORDER BY d.id LIMIT $3");
const CHECKPOINTS: &str = "SELECT shard, position FROM checkpoints WHERE projection = $1 ORDER BY shard";

pub async fn get(store: &Store, collection: Collection, id: &str, now: Timestamp) -> StoreResult<Option<Document>> {
    let rows = store.read(GET, &[&collection.name, &escaped(id)]).await?;
    let document = rows.first().map(document_of).transpose()?;
    Ok(document.filter(|document| !is_expired(document.expires, now)))
}

pub async fn get_many(
    store: &Store,
    collection: Collection,
    ids: &[String],
    now: Timestamp,
) -> StoreResult<Vec<Document>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let asked: Vec<_> = ids.iter().map(|id| escaped(id)).collect();
    let rows = store.read(GET_MANY, &[&collection.name, &asked]).await?;
    let mut found: HashMap<String, Document> = HashMap::with_capacity(rows.len());
    for row in &rows {
        let document = document_of(row)?;
        if !is_expired(document.expires, now) {
            found.insert(document.id.clone(), document);
        }
    }
    Ok(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
}

pub async fn scan(
    store: &Store,
    collection: Collection,
    after: Option<&str>,
    limit: usize,
) -> StoreResult<Vec<Document>> {
    let sql = if after.is_some() { SCAN_AFTER } else { SCAN_FROM };
    let rows = store.read(sql, &[&collection.name, &escaped(after.unwrap_or_default()), &count_of(limit)]).await?;
    rows.iter().map(document_of).collect()
}

pub async fn checkpoints(store: &Store, projection: &str) -> StoreResult<Vec<Checkpoint>> {
    let rows = store.read(CHECKPOINTS, &[&escaped(projection)]).await?;
    let checkpoint_of = |row: &Row| {
        let shard = column::<i16>(row, 0)?.cast_unsigned();
        Ok(Checkpoint::stored(projection, shard, unsigned(column(row, 1)?)))
    };
    rows.iter().map(checkpoint_of).collect()
}

/// Walks in chunks, each from where the last one ended: as pages do, so nothing is lost or seen twice between them.
pub async fn query(store: &Store, query: &Query, now: Timestamp) -> StoreResult<Page> {
    let limit = query.limit.max(1);
    let mut page = Page::default();
    let mut last = query.after.clone();
    let mut looked_at = 0;
    loop {
        let wanted = limit - page.documents.len();
        let wanted = if query.filters.is_empty() { wanted } else { wanted.max(CHUNK_FILTERED) };
        // One more tells whether there is a next page.
        let chunk = wanted.min(ENTRIES_LOOKED_AT_MAX - looked_at).min(CHUNK_MAX) + 1;
        let rows = read_chunk(store, query, last.as_ref(), chunk).await?;
        let is_end = rows.len() < chunk;
        for (row, nth) in rows.iter().zip(1..) {
            if page.documents.len() == limit || looked_at == ENTRIES_LOOKED_AT_MAX {
                page.next = last;
                return Ok(page);
            }
            if nth == chunk {
                // It is the first of the next chunk.
                break;
            }
            looked_at += 1;
            let document = document_of(row)?;
            let key: &[u8] = column(row, 4)?;
            last = Some((key.to_vec(), document.id.clone()));
            if !is_expired(document.expires, now) && matches_all(&query.filters, &document.body) {
                page.documents.push(document);
            }
        }
        if is_end {
            return Ok(page);
        }
    }
}

async fn read_chunk(
    store: &Store,
    query: &Query,
    after: Option<&(Vec<u8>, String)>,
    limit: usize,
) -> StoreResult<Vec<Row>> {
    let walk = walk(query, after);
    let (limit, id) = (count_of(limit), walk.id.unwrap_or_default());
    let mut values: Vec<&(dyn ToSql + Sync)> = vec![&query.collection.name, &query.index, &limit];
    for bound in &walk.bounds {
        match bound {
            Bound::Key(key) => values.push(key),
            Bound::Id => values.push(&id),
        }
    }
    store.read(&walk.sql, &values).await
}

/// The statement that walks the query's part of its index. Collection, index and limit are its first values.
struct Walk<'a> {
    sql: String,
    bounds: Vec<Bound<'a>>,
    id: Option<std::borrow::Cow<'a, str>>,
}

enum Bound<'a> {
    Key(&'a [u8]),
    Id,
}

const FIRST_BOUND: usize = 4;

fn walk<'a>(query: &'a Query, after: Option<&'a (Vec<u8>, String)>) -> Walk<'a> {
    let range = &query.range;
    let mut conditions = String::new();
    let mut bounds = Vec::new();
    let mut bind = |bound| {
        bounds.push(bound);
        bounds.len() - 1 + FIRST_BOUND
    };
    // A cursor outside of the range does not widen it.
    let is_inside = |(key, _): &&(Vec<u8>, String)| {
        if query.descending { range.to.is_empty() || *key < range.to } else { *key >= range.from }
    };
    let cursor = after.filter(is_inside);
    if let Some((key, _)) = cursor {
        let beyond = if query.descending { '<' } else { '>' };
        let (key, id) = (bind(Bound::Key(key)), bind(Bound::Id));
        conditions.push_str(&format!(" AND (e.key, e.id) {beyond} (${key}, ${id})"));
    }
    if !range.from.is_empty() && (query.descending || cursor.is_none()) {
        conditions.push_str(&format!(" AND e.key >= ${}", bind(Bound::Key(&range.from))));
    }
    if !range.to.is_empty() && (!query.descending || cursor.is_none()) {
        conditions.push_str(&format!(" AND e.key < ${}", bind(Bound::Key(&range.to))));
    }
    let direction = if query.descending { "DESC" } else { "ASC" };
    let sql = format!(
        concat!(
            "SELECT ",
            document!(),
            ", e.key FROM entries e JOIN documents d ON d.collection = e.collection AND d.id = e.id
            WHERE e.collection = $1 AND e.idx = $2{}
            ORDER BY e.key {}, e.id {} LIMIT $3"
        ),
        conditions, direction, direction
    );
    Walk { sql, bounds, id: cursor.map(|(_, id)| escaped(id)) }
}

fn document_of(row: &Row) -> StoreResult<Document> {
    let id: &str = column(row, 0)?;
    let expires: Option<Time> = column(row, 2)?;
    Ok(Document {
        id: unescaped(id).into_owned(),
        version: unsigned(column(row, 1)?),
        body: text(row, 3)?,
        expires: expires.map(|time| time.0),
    })
}

#[cfg(test)]
mod tests {
    use platform::documents::Range;

    use super::*;

    const ROOMS: Collection = Collection::derived("rooms");

    fn conditions(query: &Query) -> String {
        let walk = walk(query, query.after.as_ref());
        let sql = walk.sql.split("e.idx = $2").nth(1).expect("conditions").split("ORDER").next().expect("an order");
        format!("{} {}", sql.trim(), walk.bounds.len())
    }

    #[test]
    fn a_cursor_takes_the_place_of_the_bound_behind_it() {
        let range = Range { from: vec![2], to: vec![5] };
        let query = Query::new(ROOMS, "by_size", range);
        assert_eq!(conditions(&query), "AND e.key >= $4 AND e.key < $5 2");
        let inside = query.clone().after(Some((vec![3], "x".into())));
        assert_eq!(conditions(&inside), "AND (e.key, e.id) > ($4, $5) AND e.key < $6 3");
        assert_eq!(conditions(&inside.descending()), "AND (e.key, e.id) < ($4, $5) AND e.key >= $6 3");
        let before = query.after(Some((vec![1], "x".into())));
        assert_eq!(conditions(&before), "AND e.key >= $4 AND e.key < $5 2");
    }
}
