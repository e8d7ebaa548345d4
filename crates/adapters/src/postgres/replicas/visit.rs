//! One read on a replica: its first statement travels with the question how far the replica is.
//! It does not know what is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use platform::documents::Seen;
use platform::log::{Position, Shard};
use platform::store::{StoreError, StoreResult};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

use super::super::failure::{describe, is_over, is_too_late, of_read};
use super::super::pool::Lease;
use super::super::rows::Reader;
use super::super::values::{escaped, get, unsigned};
use super::replica::Replica;

/// A projection's documents and its checkpoints are written by one transaction, so that whoever sees the checkpoint sees
/// the documents. What is read behind this, on the same server, sees no less.
const FOLDED: &str =
    "SELECT pg_is_in_recovery(), array_agg(shard), array_agg(position) FROM checkpoints WHERE projection = $1";

pub struct Visit {
    replica: Arc<Replica>,
    lease: Lease,
    seen: Seen,
    has_come: bool,
}

impl Visit {
    /// Nobody waits for others here: where every connection is in use, the next server is asked.
    pub async fn begin(replica: Arc<Replica>, seen: Seen) -> StoreResult<Self> {
        if replica.pool.is_exhausted() {
            return Err(StoreError::Unavailable("every connection to the replica is in use".into()));
        }
        match replica.pool.lease().await {
            Ok(lease) => Ok(Self { replica, lease, seen, has_come: false }),
            Err(error) => {
                replica.count_failure(Some(error.to_string()));
                Err(error)
            }
        }
    }

    async fn try_read(&mut self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Answer, Error> {
        if self.has_come {
            return self.lease.query(sql, values).await.map(|rows| Answer { folded: None, rows });
        }
        let projection = escaped(&self.seen.projection);
        let asked: [&(dyn ToSql + Sync); 1] = [&projection];
        let (folded, rows) = self.lease.query_both((FOLDED, &asked), (sql, values)).await?;
        Ok(Answer { folded: folded.into_iter().next(), rows })
    }
}

struct Answer {
    folded: Option<Row>,
    rows: Vec<Row>,
}

impl Reader for Visit {
    async fn read(&mut self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> StoreResult<Vec<Row>> {
        let answer = match self.try_read(sql, values).await {
            Ok(answer) => answer,
            Err(error) => {
                // One that was sent back, as by what the replica had to replay, says nothing of the next.
                let is_unwell = is_over(&error) || is_too_late(&error);
                self.replica.count_failure(is_unwell.then(|| describe(&error)));
                return Err(of_read(&error));
            }
        };
        if let Some(folded) = &answer.folded {
            self.has_come = has_come(folded, &self.seen)?;
        }
        if self.has_come {
            return Ok(answer.rows);
        }
        self.replica.count_behind();
        Err(StoreError::Unavailable("the replica has not come so far".into()))
    }
}

fn has_come(folded: &Row, seen: &Seen) -> StoreResult<bool> {
    let is_following: bool = get(folded, 0)?;
    let shards: Vec<i16> = get::<Option<Vec<i16>>>(folded, 1)?.unwrap_or_default();
    let positions: Vec<i64> = get::<Option<Vec<i64>>>(folded, 2)?.unwrap_or_default();
    let pairs = shards.into_iter().map(i16::cast_unsigned).zip(positions.into_iter().map(unsigned));
    let at: BTreeMap<Shard, Position> = pairs.collect();
    let is_there = |(shard, position): &(Shard, Position)| at.get(shard).is_some_and(|at| at >= position);
    Ok(is_following && seen.positions.iter().all(is_there))
}
