//! Looks after replicas: whether each answers, still follows, and how far behind it is; and where the primary is meanwhile.
//! It does not read for anybody. Its connections are its own, so that a crowd of readers does not make replicas look old.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::{Error, Row};

use super::super::connector::{Connection, Connector};
use super::super::failure::describe;
use super::super::values::get;
use super::course::{Cluster, Course, Place};
use super::replica::Replica;

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A replica that has not answered a look by then stands still.
const LOOK_MAX: Duration = Duration::from_millis(250);
/// The same of the primary, which has more to do.
const PRIMARY_LOOK_MAX: Duration = Duration::from_secs(1);
/// Pause before a server that could not be asked is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// Only what is flushed is sent to replicas.
const PRIMARY: &str = "SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')::bigint";
const REPLICA: &str = "SELECT pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint, pg_is_in_recovery()";
const CLUSTER: &str = "SELECT system_identifier FROM pg_control_system()";

/// Notes where the primary is, for ever; after a failover, where the new one is.
pub async fn follow_primary(connector: Connector, course: Arc<Course>) {
    loop {
        let why = match connector.connect().await {
            Ok(connection) => {
                let ended = keep_noting(&connector, &connection, &course).await;
                connection.cut();
                ended.err()
            }
            Err(error) => Some(error.to_string()),
        };
        if let Some(reason) = why {
            tracing::debug!(reason, "the primary does not say how far it is");
            sleep(AGAIN_AFTER).await;
        }
    }
}

/// Until another host takes writes, as far as anybody here knows, or this one does not answer.
async fn keep_noting(connector: &Connector, connection: &Connection, course: &Course) -> Result<(), String> {
    course.is_of(cluster_of(connection, PRIMARY_LOOK_MAX).await?);
    while connector.is_current(connection) {
        let asked = Instant::now();
        let looked = ask(connection, PRIMARY, PRIMARY_LOOK_MAX).await?;
        course.note(place_of(&looked)?, asked);
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// Looks after one replica, for ever.
pub async fn watch(replica: Arc<Replica>, connector: Connector, course: Arc<Course>) {
    loop {
        let why = match connector.connect().await {
            Ok(connection) => {
                let why = keep_looking(&replica, &connection, &course).await;
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
async fn keep_looking(replica: &Replica, connection: &Connection, course: &Course) -> String {
    let cluster = match cluster_of(connection, LOOK_MAX).await {
        Ok(cluster) => cluster,
        Err(why) => return why,
    };
    loop {
        match look(connection).await {
            // A replica of another database may have the same tables, and lists of another shop in them.
            Ok(_) if course.cluster().is_some_and(|ours| ours != cluster) => {
                return "it is no copy of the primary's cluster".to_owned();
            }
            Ok(place) => replica.is_so_old(course.age(place)),
            Err(why) => return why,
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn look(connection: &Connection) -> Result<Place, String> {
    let looked = ask(connection, REPLICA, LOOK_MAX).await?;
    let is_following = looked.first().is_some_and(|row| get(row, 1).unwrap_or(false));
    if is_following { place_of(&looked) } else { Err("it takes writes, so it follows nobody".to_owned()) }
}

async fn cluster_of(connection: &Connection, within: Duration) -> Result<Cluster, String> {
    let told = ask(connection, CLUSTER, within).await?;
    let row = told.first().ok_or("it does not say of which cluster it is")?;
    get(row, 0).map_err(|error| error.to_string())
}

async fn ask(connection: &Connection, sql: &str, within: Duration) -> Result<Vec<Row>, String> {
    let asked = async {
        let statement = connection.prepare(sql).await?;
        connection.client.query(&statement, &[]).await
    };
    let answer: Result<Vec<Row>, Error> = timeout(within, asked).await.map_err(|_| "it does not answer".to_owned())?;
    answer.map_err(|error| describe(&error))
}

/// Nothing was replayed yet where there is none.
fn place_of(rows: &[Row]) -> Result<Place, String> {
    let row = rows.first().ok_or("it does not say how far it is")?;
    let place: Option<i64> = get(row, 0).map_err(|error| error.to_string())?;
    Ok(place.map_or(0, i64::cast_unsigned))
}
