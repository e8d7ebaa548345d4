//! Looks after replicas: whether each answers, still follows, and how far behind it is; and where the primary is meanwhile.
//! It does not read for anybody.

use std::sync::Arc;
use std::time::Duration;

use platform::store::{StoreError, StoreResult};
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::{Error, Row};

use super::super::Store;
use super::super::connector::{Connection, Connector};
use super::super::failure::describe;
use super::super::values::get;
use super::course::{Course, Place};
use super::replica::Replica;

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Who has not answered a look by then stands still.
const LOOK_MAX: Duration = Duration::from_millis(250);
/// Pause before a replica that could not be asked is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// Only what is flushed is sent to replicas.
const PRIMARY: &str = "SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')::bigint";
const REPLICA: &str = "SELECT pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint, pg_is_in_recovery()";
/// The same for a primary and for whoever was made from it.
const CLUSTER: &str = "SELECT system_identifier FROM pg_control_system()";

/// Notes where the primary is, for ever.
pub async fn follow_primary(store: Arc<Store>, course: Arc<Course>) {
    loop {
        let asked = Instant::now();
        match store.read(PRIMARY, &[]).await.and_then(|rows| place_of(&rows)) {
            Ok(place) => course.note(place, asked),
            Err(error) => tracing::debug!(%error, "the primary does not say how far it is"),
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Looks after one replica, for ever.
pub async fn watch(replica: Arc<Replica>, connector: Connector, course: Arc<Course>, store: Arc<Store>) {
    loop {
        let why = match connector.connect().await {
            Ok(connection) => {
                let why = keep_looking(&replica, &connection, &course, &store).await;
                connection.cut();
                why
            }
            Err(error) => error.to_string(),
        };
        replica.leave(why);
        sleep(AGAIN_AFTER).await;
    }
}

/// Until it cannot be asked any more; answers why.
async fn keep_looking(replica: &Replica, connection: &Connection, course: &Course, store: &Store) -> String {
    if let Err(why) = is_of_the_same_cluster(connection, store).await {
        return why;
    }
    loop {
        let looked = match ask(connection, REPLICA).await {
            Ok(looked) => looked,
            Err(why) => return why,
        };
        let is_following = looked.first().is_some_and(|row| get(row, 1).unwrap_or(false));
        if !is_following {
            return "it takes writes, so it follows nobody".to_owned();
        }
        match place_of(&looked) {
            Ok(place) => replica.is_whole_until(course.whole_until(place)),
            Err(error) => return error.to_string(),
        }
        sleep(LOOK_EVERY).await;
    }
}

/// A replica of another database may have the same tables, and lists of another shop in them.
async fn is_of_the_same_cluster(connection: &Connection, store: &Store) -> Result<(), String> {
    let identifier = |rows: &[Row]| rows.first().and_then(|row| get::<i64>(row, 0).ok());
    let theirs = ask(connection, CLUSTER).await?;
    let ours = store.read(CLUSTER, &[]).await.map_err(|error| error.to_string())?;
    match identifier(&theirs) == identifier(&ours) {
        true => Ok(()),
        false => Err("it is no copy of the primary's cluster".to_owned()),
    }
}

async fn ask(connection: &Connection, sql: &str) -> Result<Vec<Row>, String> {
    let asked = async {
        let statement = connection.prepare(sql).await?;
        connection.client.query(&statement, &[]).await
    };
    let answer: Result<Vec<Row>, Error> =
        timeout(LOOK_MAX, asked).await.map_err(|_| "it does not answer".to_owned())?;
    answer.map_err(|error| describe(&error))
}

/// Nothing was replayed yet where there is none.
fn place_of(rows: &[Row]) -> StoreResult<Place> {
    let row = rows.first().ok_or_else(|| StoreError::Corrupt("a place in the log was not told".into()))?;
    Ok(get::<Option<i64>>(row, 0)?.map_or(0, i64::cast_unsigned))
}
