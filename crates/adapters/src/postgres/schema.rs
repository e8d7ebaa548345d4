//! The tables and functions of a store, who makes them, and how a store is recognised.
//! It knows no statement that a port sends; what the functions mean is told beside those who call them.

use platform::log::{Shard, ShardInfo, ShardState};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, GenericClient, Transaction};

use super::OpenError;
use super::failure::describe;
use super::values::signed;

/// The tables that this version writes and reads.
pub const FORMAT: i32 = 1;
/// In place of it while a store is being copied there, so that no version opens it.
const ARRIVING: i32 = 0;
/// What is asked of the server: 15 is the oldest version that is tried.
const SERVER_VERSION_MIN: i32 = 150_000;
/// Names of schemas are not quoted anywhere, so they must not need it.
const SCHEMA_NAME_MAX: usize = 63;

const TABLES: &str = include_str!("tables.sql");
/// There only where a store was copied: which one, so that who goes on copies the same.
const ARRIVAL: &str = "CREATE TABLE arrival (
    digest text NOT NULL,
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only)
)";
/// A function's name carries its version, which rises with its parameters: nodes of two releases on one store call each
/// their own. What an older release made stays there for its nodes.
const FUNCTIONS: &str = include_str!("functions.sql");
/// The one that was added last, to tell whether all are there.
const NEWEST_FUNCTION: &str = "write_documents_v2";

/// What a store says of itself.
pub struct Found {
    pub shards: Shard,
}

pub fn check_name(schema: &str) -> Result<(), OpenError> {
    let mut letters = schema.bytes();
    let begins = letters.next().is_some_and(|first| first.is_ascii_lowercase() || first == b'_');
    let goes_on = letters.all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_');
    if begins && goes_on && schema.len() <= SCHEMA_NAME_MAX && !schema.starts_with("pg_") {
        return Ok(());
    }
    Err(OpenError::Unusable(format!("`{schema}` cannot be a schema's name: use a-z, 0-9 and _")))
}

/// The class of this schema's advisory locks: FNV-1a of its name. Locks count per database, and one database may hold
/// several stores; two that share a class would wait for each other, and nothing worse.
pub fn lock_class(schema: &str) -> i32 {
    let hash = schema.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash.cast_signed()
}

/// Makes schema, tables and functions where they are not there, and makes sure that this version can read what is.
/// Of several nodes that start at once, one makes them and the others wait.
pub async fn prepare(client: &mut Client, schema: &str, shards: Shard) -> Result<Found, OpenError> {
    check_server(client).await?;
    let transaction = client.transaction().await?;
    // Beyond all shards: no append is held up.
    transaction.execute("SELECT pg_advisory_xact_lock($1, -1)", &[&lock_class(schema)]).await?;
    let found = prepare_locked(&transaction, schema, shards).await?;
    transaction.commit().await?;
    Ok(found)
}

async fn check_server(client: &Client) -> Result<(), OpenError> {
    let row = client
        .query_one(
            "SELECT current_setting('server_version_num')::integer, current_setting('server_version'),
                current_setting('server_encoding'), current_setting('fsync')",
            &[],
        )
        .await?;
    let (number, version, encoding, fsync): (i32, String, String, String) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
    if number < SERVER_VERSION_MIN {
        return Err(OpenError::TooOld { found: version });
    }
    if encoding != "UTF8" {
        return Err(OpenError::Unusable(format!("its encoding is {encoding}; a shop needs UTF8")));
    }
    if fsync != "on" {
        tracing::warn!("PostgreSQL runs with fsync = off: a crash of its machine loses the store");
    }
    Ok(())
}

async fn prepare_locked(transaction: &Transaction<'_>, schema: &str, shards: Shard) -> Result<Found, OpenError> {
    if !has_tables(transaction, schema).await? {
        create(transaction, shards.max(1)).await?;
    }
    let found = recognise(transaction, schema).await?;
    let row = transaction
        .query_one("SELECT to_regproc($1::text) IS NOT NULL", &[&format!("{schema}.{NEWEST_FUNCTION}")])
        .await?;
    if !row.try_get::<_, bool>(0)? {
        transaction.batch_execute(FUNCTIONS).await?;
    }
    Ok(found)
}

/// Whether there is a store, and makes sure of the schema.
async fn has_tables(transaction: &Transaction<'_>, schema: &str) -> Result<bool, OpenError> {
    let exists = |sql: &'static str| async move {
        let row = transaction.query_one(sql, &[&schema]).await?;
        Ok::<bool, OpenError>(row.try_get(0)?)
    };
    if !exists("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)").await? {
        transaction.batch_execute(&format!("CREATE SCHEMA {schema}")).await?;
    }
    if exists("SELECT to_regclass(format('%I.meta', $1::text)) IS NOT NULL").await? {
        return Ok(true);
    }
    let is_used = "SELECT EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace($1::text))";
    if exists(is_used).await? { Err(OpenError::Foreign(schema.to_owned())) } else { Ok(false) }
}

/// What a store that is to be copied finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// Nothing, or a part of the same.
    Open,
    /// The same, all of it; or what it has become since.
    Complete,
}

/// Whether a store may be copied there, as far as that can be told before it is known which one. Changes nothing.
pub async fn look_at_destination(client: &Client, schema: &str) -> Result<(), OpenError> {
    check_server(client).await?;
    let row = client
        .query_one(
            "SELECT to_regnamespace($1::text) IS NOT NULL, to_regclass(format('%I.meta', $1::text)) IS NOT NULL,
                to_regclass(format('%I.arrival', $1::text)) IS NOT NULL,
                EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace($1::text)),
                has_database_privilege(current_database(), 'CREATE'), current_user::text, current_database()::text",
            &[&schema],
        )
        .await?;
    let (has_schema, is_store, is_arrival): (bool, bool, bool) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let (is_used, may_create): (bool, bool) = (row.try_get(3)?, row.try_get(4)?);
    match (has_schema, is_store, is_arrival) {
        (false, _, _) if !may_create => {
            let (user, database): (String, String) = (row.try_get(5)?, row.try_get(6)?);
            Err(OpenError::Unusable(format!(
                "`{user}` may not make the schema `{schema}`: GRANT CREATE ON DATABASE {database} TO {user}"
            )))
        }
        (true, false, _) if is_used => Err(OpenError::Foreign(schema.to_owned())),
        // Not one that is being copied: then it must be empty.
        (true, true, false) if holds_a_shop(client, schema).await? => Err(OpenError::Used(schema.to_owned())),
        _ => Ok(()),
    }
}

async fn holds_a_shop(client: &impl GenericClient, schema: &str) -> Result<bool, OpenError> {
    let sql = "SELECT EXISTS (SELECT FROM facts) OR EXISTS (SELECT FROM documents)";
    let row = client.query_one(sql, &[]).await;
    Ok(row.map_err(|error| foreign(&error, schema).unwrap_or_else(|| error.into()))?.try_get(0)?)
}

/// Where tables or columns are missing that every store has, these are somebody else's.
fn foreign(error: &tokio_postgres::Error, schema: &str) -> Option<OpenError> {
    let is_missing = [&SqlState::UNDEFINED_COLUMN, &SqlState::UNDEFINED_TABLE].contains(&error.code()?);
    is_missing.then(|| OpenError::Foreign(schema.to_owned()))
}

/// Makes the tables for a store that is copied there, or makes sure that what is there is a part of it.
pub async fn begin_arrival(
    client: &mut Client,
    schema: &str,
    shards: &[ShardInfo],
    digest: &str,
) -> Result<Begun, OpenError> {
    check_server(client).await?;
    let transaction = client.transaction().await?;
    transaction.execute("SELECT pg_advisory_xact_lock($1, -1)", &[&lock_class(schema)]).await?;
    if !has_tables(&transaction, schema).await? {
        create(&transaction, 0).await?;
        expect(&transaction, shards, digest).await?;
        transaction.commit().await?;
        return Ok(Begun::Open);
    }
    let expected = transaction
        .query_opt("SELECT 1 FROM pg_class WHERE oid = to_regclass($1)", &[&format!("{schema}.arrival")])
        .await?;
    let begun = match expected {
        Some(_) => {
            let row = transaction.query_one("SELECT digest, format FROM arrival, meta", &[]).await;
            let row = row.map_err(|error| foreign(&error, schema).unwrap_or_else(|| error.into()))?;
            let (known, format): (String, i32) = (row.try_get(0)?, row.try_get(1)?);
            match (known == digest, format) {
                (true, ARRIVING) => Begun::Open,
                (true, FORMAT) => Begun::Complete,
                (false, ARRIVING) => return Err(OpenError::IncompleteOther(schema.to_owned())),
                (false, FORMAT) => return Err(OpenError::Used(schema.to_owned())),
                (_, found) => return Err(OpenError::OtherVersion { found, known: FORMAT }),
            }
        }
        None => {
            recognise(&transaction, schema).await?;
            if holds_a_shop(&transaction, schema).await? {
                return Err(OpenError::Used(schema.to_owned()));
            }
            // Somebody has looked at it, and nothing more.
            expect(&transaction, shards, digest).await?;
            Begun::Open
        }
    };
    transaction.commit().await?;
    Ok(begun)
}

async fn expect(transaction: &Transaction<'_>, shards: &[ShardInfo], digest: &str) -> Result<(), OpenError> {
    transaction.batch_execute(ARRIVAL).await?;
    transaction.execute("INSERT INTO arrival (digest) VALUES ($1)", &[&digest]).await?;
    let count = i32::try_from(shards.len()).unwrap_or(i32::MAX);
    transaction.execute("UPDATE meta SET format = $1, shards = $2", &[&ARRIVING, &count]).await?;
    let numbers: Vec<i16> = shards.iter().map(|info| info.shard.cast_signed()).collect();
    let epochs: Vec<i64> = shards.iter().map(|info| signed(info.epoch)).collect();
    let fenced: Vec<bool> = shards.iter().map(|info| info.state == ShardState::Fenced).collect();
    transaction.execute("DELETE FROM shards", &[]).await?;
    transaction
        .execute(
            "INSERT INTO shards (shard, epoch, is_fenced)
             SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::boolean[])",
            &[&numbers, &epochs, &fenced],
        )
        .await?;
    Ok(())
}

/// From now on nodes open it.
pub async fn complete_arrival(client: &Client) -> Result<(), tokio_postgres::Error> {
    client.execute("UPDATE meta SET format = $1 WHERE format = $2", &[&FORMAT, &ARRIVING]).await.map(drop)
}

async fn create(transaction: &Transaction<'_>, shards: Shard) -> Result<(), OpenError> {
    transaction.batch_execute(TABLES).await?;
    let count = i32::from(shards);
    transaction
        .execute(
            "INSERT INTO shards (shard, epoch, is_fenced) SELECT n, 1, false FROM generate_series(0, $1 - 1) AS n",
            &[&count],
        )
        .await?;
    transaction.execute("INSERT INTO meta (format, shards) VALUES ($1, $2)", &[&FORMAT, &count]).await?;
    Ok(())
}

async fn recognise(transaction: &Transaction<'_>, schema: &str) -> Result<Found, OpenError> {
    let rows = transaction.query("SELECT format, shards FROM meta LIMIT 2", &[]).await.map_err(|error| {
        let unreadable = || OpenError::Unusable(format!("its table `meta` cannot be read: {}", describe(&error)));
        foreign(&error, schema).unwrap_or_else(unreadable)
    })?;
    let said = match &rows[..] {
        [row] => row.try_get(0).and_then(|format| Ok((format, row.try_get(1)?))).ok(),
        _ => None,
    };
    // One row of two whole numbers, or it is another's table of that name.
    let (format, shards): (i32, i32) = said.ok_or_else(|| OpenError::Foreign(schema.to_owned()))?;
    if format == ARRIVING {
        return Err(OpenError::Incomplete(schema.to_owned()));
    }
    if format != FORMAT {
        return Err(OpenError::OtherVersion { found: format, known: FORMAT });
    }
    let shards = Shard::try_from(shards).ok().filter(|shards| *shards > 0);
    let shards = shards.ok_or_else(|| OpenError::Unusable("its number of shards is out of bounds".into()))?;
    Ok(Found { shards })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_s_name_needs_no_quotes() {
        for good in ["cloudmart", "shop_2", "_x"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "Shop", "2shops", "my-shop", "a\"b", "pg_shop", "가", &"x".repeat(64)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    /// Nodes of two versions must wait for each other.
    #[test]
    fn the_lock_class_never_changes() {
        assert_eq!(lock_class("cloudmart"), GOLDEN_CLASS);
    }

    const GOLDEN_CLASS: i32 = -848_176_226;
}
