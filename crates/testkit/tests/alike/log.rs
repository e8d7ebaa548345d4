//! Logs in memory, on disk and in a database.

use platform::log::{
    AppendId, Batch, Cause, Epoch, Group, Log, NewFact, ShardState, Snapshot, StreamAppend, StreamId, Version,
};
use proptest::prelude::*;
use testkit::contract::{Store, second};

use super::{beside_memory, config, postgres, sqlite};

/// Expected versions are near the actual ones, so that groups win and fail in turn.
#[derive(Debug, Clone)]
enum Step {
    Append { id: u8, hour: i64, groups: Vec<Vec<(usize, i64, usize)>> },
    Find(u8),
    Read { stream: usize, after: Version, limit: usize },
    Fence { stream: usize, open: bool, learn: bool },
    Save { stream: usize, version: Version },
}

fn streams() -> Vec<StreamId> {
    let mut streams: Vec<StreamId> = ["a", "b", "c.d", "가"].map(|key| StreamId::new("lamp", key)).into();
    streams.extend([StreamId::new("bulb", "a"), StreamId::with_sub("lamp", "a", "x"), StreamId::new("lamp", "c%2Ed")]);
    streams
}

fn step() -> impl Strategy<Value = Step> {
    let named = || 0..7usize;
    let off_by = prop_oneof![8 => Just(0i64), 1 => Just(-1), 1 => Just(1)];
    let group = prop::collection::vec((named(), off_by, 0..3usize), 0..4);
    prop_oneof![
        8 => (any::<u8>(), 0..3i64, prop::collection::vec(group, 0..5))
            .prop_map(|(id, hour, groups)| Step::Append { id, hour: hour * 11, groups }),
        2 => any::<u8>().prop_map(Step::Find),
        2 => (named(), 0..5u64, 0..5usize).prop_map(|(stream, after, limit)| Step::Read { stream, after, limit }),
        1 => (named(), prop::bool::weighted(0.8), any::<bool>())
            .prop_map(|(stream, open, learn)| Step::Fence { stream, open, learn }),
        1 => (named(), 0..9u64).prop_map(|(stream, version)| Step::Save { stream, version }),
    ]
}

/// One engine with what a writer knows of it.
struct Side {
    log: std::sync::Arc<dyn Log>,
    epochs: Vec<Epoch>,
    versions: Vec<Version>,
    now: i64,
}

impl Side {
    fn on(log: std::sync::Arc<dyn Log>) -> Self {
        Self { log, epochs: vec![1; 64], versions: vec![0; 7], now: 0 }
    }

    /// What the engine answers to a step, as a text.
    async fn take(&mut self, step: &Step) -> String {
        let streams = streams();
        match step {
            Step::Append { id, hour, groups } => {
                self.now += hour * 3_600;
                let groups = groups.iter().map(|group| self.group(group)).collect();
                let batch = Batch {
                    id: AppendId([*id; 16]),
                    time: second(self.now),
                    epochs: self.epochs.clone().into(),
                    groups,
                };
                let answer = format!("{:?}", self.log.append(batch).await.map_err(|error| kind_of(&error)));
                for (stream, version) in streams.iter().zip(&mut self.versions) {
                    *version = self.log.read_stream(stream, 0, usize::MAX).await.expect("the stream").len() as Version;
                }
                answer
            }
            Step::Find(id) => format!("{:?}", self.log.find_append(AppendId([*id; 16])).await),
            Step::Read { stream, after, limit } => {
                let page = self.log.read_stream(&streams[*stream], *after, *limit).await;
                format!("{page:?} {:?}", self.log.load_snapshot(&streams[*stream]).await)
            }
            Step::Fence { stream, open, learn } => {
                let shard = streams[*stream].shard(64);
                let state = if *open { ShardState::Open } else { ShardState::Fenced };
                let epoch = self.log.fence(shard, state).await.expect("fencing");
                if *learn {
                    self.epochs[usize::from(shard)] = epoch;
                }
                format!("{epoch}")
            }
            Step::Save { stream, version } => {
                let (stream, body) = (streams[*stream].clone(), format!("{version}").into());
                let snapshot = Snapshot { stream, version: *version, time: second(0), state_version: 1, body };
                format!("{:?}", self.log.save_snapshot(snapshot).await)
            }
        }
    }

    fn group(&self, group: &[(usize, i64, usize)]) -> Group {
        let streams = streams();
        let append = |(stream, off_by, count): &(usize, i64, usize)| {
            let expected = self.versions[*stream].saturating_add_signed(*off_by);
            let fact =
                |n| NewFact { type_name: "lamp.lit".into(), schema: 1, body: format!("[{expected},{n}]").into() };
            StreamAppend { stream: streams[*stream].clone(), expected, facts: (0..*count).map(fact).collect() }
        };
        // A group names a stream once.
        let mut named: Vec<_> = group.to_vec();
        named.sort_by_key(|(stream, ..)| *stream);
        named.dedup_by_key(|(stream, ..)| *stream);
        Group { time: second(self.now), cause: Cause::system(), streams: named.iter().map(append).collect() }
    }

    async fn contents(&self) -> String {
        let mut contents = format!("{:?}", self.log.shards().await.expect("the shards"));
        for shard in 0..64 {
            contents.push_str(&format!("{:?}", self.log.read_shard(shard, 0, usize::MAX).await.expect("the shard")));
        }
        contents
    }
}

/// Engines may word their errors as they like.
fn kind_of(error: &platform::store::StoreError) -> String {
    let text = format!("{error:?}");
    text.split('(').next().unwrap_or_default().to_owned()
}

/// Takes the steps on both.
async fn compare(memory: Box<dyn Store>, other: Box<dyn Store>, steps: Vec<Step>) {
    let (mut ours, mut theirs) = (Side::on(memory.log()), Side::on(other.log()));
    for step in &steps {
        assert_eq!(ours.take(step).await, theirs.take(step).await, "{step:?}");
    }
    assert_eq!(ours.contents().await, theirs.contents().await);
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn the_log_on_sqlite_is_alike(steps in prop::collection::vec(step(), 1..40)) {
        beside_memory(sqlite, |memory, disk| compare(memory, disk, steps));
    }

    #[test]
    fn the_log_on_postgres_is_alike(steps in prop::collection::vec(step(), 1..40)) {
        beside_memory(postgres, |memory, database| compare(memory, database, steps));
    }
}
