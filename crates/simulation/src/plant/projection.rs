//! A projection that does not look at some facts.
//! The others it folds as it should.

use std::any::Any;
use std::sync::Arc;

use platform::documents::{Collection, Entry};
use platform::log::executor::CommittedFact;
use platform::projection::ErasedProjection;
use platform::store::StoreResult;

/// One fact in so many is left out.
const LEFT_OUT: u64 = 7;

/// All projections, the one of orders with its mistake.
pub fn skipping(projections: Vec<Arc<dyn ErasedProjection>>) -> Vec<Arc<dyn ErasedProjection>> {
    let mistaken = |projection: Arc<dyn ErasedProjection>| match projection.name() {
        "orders" => Arc::new(Skipping(projection)) as Arc<dyn ErasedProjection>,
        _ => projection,
    };
    projections.into_iter().map(mistaken).collect()
}

struct Skipping(Arc<dyn ErasedProjection>);

impl ErasedProjection for Skipping {
    fn keys(&self, fact: &CommittedFact) -> Vec<String> {
        if fact.position.is_multiple_of(LEFT_OUT) { Vec::new() } else { self.0.keys(fact) }
    }

    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn version(&self) -> u32 {
        self.0.version()
    }

    fn collection(&self) -> Collection {
        self.0.collection()
    }

    fn fold(
        &self,
        id: &str,
        document: Option<Arc<dyn Any + Send + Sync>>,
        fact: &CommittedFact,
    ) -> Option<Arc<dyn Any + Send + Sync>> {
        self.0.fold(id, document, fact)
    }

    fn read(&self, body: &str) -> StoreResult<Arc<dyn Any + Send + Sync>> {
        self.0.read(body)
    }

    fn write(&self, id: &str, document: &Arc<dyn Any + Send + Sync>) -> StoreResult<(Arc<str>, Vec<Entry>)> {
        self.0.write(id, document)
    }
}
