//! A node as tests of several need it: an executor that counts.

use std::sync::Arc;

use platform::clock::SystemClock;
use platform::entropy::SeededEntropy;
use platform::log::executor::{Command, Decision, Executor, Limits};
use platform::log::kind::Kinds;
use platform::log::{Cause, Log, StreamId};
use testkit::contract::executor::{Counted, Counter};

/// With a seed of its own, and so many conflicts until a command is refused.
pub async fn executor(log: Arc<dyn Log>, seed: u64, conflicts: u32) -> Executor {
    let mut kinds = Kinds::default();
    kinds.register::<Counter>();
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SeededEntropy::new(seed)));
    let limits = Limits { conflicts, ..Limits::default() };
    Executor::start(log, kinds, clock, entropy, limits).await.expect("the executor starts")
}

/// A command that says no where there is no fact.
pub fn count(stream: &StreamId, fact: impl Fn(i64) -> Option<Counted> + Send + Sync + 'static) -> Command<(), ()> {
    let own = stream.clone();
    Command::new("count", Cause::system(), [stream.clone()], move |view| {
        let fact = fact(view.state::<Counter>(&own).number).ok_or(())?;
        Ok(Decision::answer(()).with::<Counter>(&own, fact))
    })
}
