//! The tables and functions of a store, who makes them, and how a store is recognised.
//! It knows no statement that a port sends; what the functions mean is told beside those who call them.

use platform::log::Shard;
use tokio_postgres::{Client, Transaction};

use super::OpenError;
use super::failure::describe;

/// The tables that this version writes and reads.
pub const FORMAT: i32 = 1;
/// What is asked of the server: 15 is the oldest version that is tried.
const SERVER_VERSION_MIN: i32 = 150_000;
/// Names of schemas are not quoted anywhere, so they must not need it.
const SCHEMA_NAME_MAX: usize = 63;

const TABLES: &str = include_str!("tables.sql");
/// A function's name carries its version: nodes of two releases on one store call each their own.
const FUNCTIONS: &str = include_str!("functions.sql");
/// One of them, to tell whether all are there.
const NEWEST_FUNCTION: &str = "append_v1";

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
    let exists = |sql: &'static str| async move {
        let row = transaction.query_one(sql, &[&schema]).await?;
        Ok::<bool, OpenError>(row.try_get(0)?)
    };
    if !exists("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)").await? {
        transaction.batch_execute(&format!("CREATE SCHEMA {schema}")).await?;
    }
    if !exists("SELECT to_regclass(format('%I.meta', $1::text)) IS NOT NULL").await? {
        let is_used = "SELECT EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace($1::text))";
        if exists(is_used).await? {
            return Err(OpenError::Foreign(schema.to_owned()));
        }
        create(transaction, shards).await?;
    }
    let found = recognise(transaction).await?;
    let row = transaction
        .query_one("SELECT to_regproc($1::text) IS NOT NULL", &[&format!("{schema}.{NEWEST_FUNCTION}")])
        .await?;
    if !row.try_get::<_, bool>(0)? {
        transaction.batch_execute(FUNCTIONS).await?;
    }
    Ok(found)
}

async fn create(transaction: &Transaction<'_>, shards: Shard) -> Result<(), OpenError> {
    transaction.batch_execute(TABLES).await?;
    let count = i32::from(shards.max(1));
    transaction
        .execute(
            "INSERT INTO shards (shard, epoch, is_fenced) SELECT n, 1, false FROM generate_series(0, $1 - 1) AS n",
            &[&count],
        )
        .await?;
    transaction.execute("INSERT INTO meta (format, shards) VALUES ($1, $2)", &[&FORMAT, &count]).await?;
    Ok(())
}

async fn recognise(transaction: &Transaction<'_>) -> Result<Found, OpenError> {
    let row = transaction
        .query_one("SELECT format, shards FROM meta", &[])
        .await
        .map_err(|error| OpenError::Unusable(format!("its table `meta` cannot be read: {}", describe(&error))))?;
    let (format, shards): (i32, i32) = (row.try_get(0)?, row.try_get(1)?);
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
