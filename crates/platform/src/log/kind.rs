//! Kinds of streams: how a service's facts are encoded, and how they become a state.
//! It does not know any kind; services register theirs in [`Kinds`] when the shop is put together.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{NewFact, RecordedFact, StreamId};

/// One kind of stream. Implemented by a unit struct of the service that owns the streams.
///
/// `Fact` is an externally tagged enum of struct variants in snake case: the tag is stored as the fact's type
/// (`kind.tag`), its content as the body.
pub trait Kind: Send + Sync + 'static {
    /// The first part of the stream's name.
    const NAME: &'static str;
    /// Raised when the state's shape or meaning changes; older snapshots are then ignored.
    const STATE_VERSION: u32;
    type State: Default + Clone + Serialize + DeserializeOwned + Send + Sync + 'static;
    type Fact: Serialize + DeserializeOwned + Clone + Send + Sync + 'static;

    fn apply(state: &mut Self::State, fact: &Self::Fact, at: Timestamp);

    /// The schema under which facts of this tag are written today.
    fn schema(_tag: &str) -> u16 {
        1
    }

    /// Takes an older body one schema further. Called until today's schema is reached.
    fn upcast(_tag: &str, _schema: u16, body: Value) -> Value {
        body
    }

    /// About how many bytes a state takes in memory. Asked after every commit, so it should be quick to tell.
    fn weight(_state: &Self::State) -> usize {
        512
    }
}

/// Why a stored fact or snapshot could not be understood.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DecodeError {
    #[error("no service knows streams of kind `{0}`")]
    UnknownKind(String),
    #[error("fact {type_name} (schema {schema}) in {stream} is not known to this version: {reason}")]
    UnknownFact { type_name: Arc<str>, schema: u16, stream: StreamId, reason: String },
}

pub(crate) type AnyState = Arc<dyn Any + Send + Sync>;
pub type AnyFact = Arc<dyn Any + Send + Sync>;

/// A [`Kind`] with its types erased, for the machinery.
pub(crate) trait ErasedKind: Send + Sync {
    fn state_version(&self) -> u32;
    fn empty(&self) -> AnyState;
    fn apply(&self, state: &mut AnyState, fact: &AnyFact, at: Timestamp);
    fn encode(&self, fact: &AnyFact) -> Result<NewFact, serde_json::Error>;
    fn decode(&self, fact: &RecordedFact) -> Result<AnyFact, DecodeError>;
    fn snapshot(&self, state: &AnyState) -> Result<Arc<str>, serde_json::Error>;
    fn restore(&self, body: &str) -> Option<AnyState>;
    fn weight(&self, state: &AnyState) -> usize;
}

struct Erased<K>(std::marker::PhantomData<fn() -> K>);

impl<K: Kind> Erased<K> {
    /// The machinery only ever hands a kind what the same kind made.
    fn state(state: &AnyState) -> &K::State {
        state.downcast_ref().expect("a state belongs to the kind of its stream")
    }

    fn fact(fact: &AnyFact) -> &K::Fact {
        fact.downcast_ref().expect("a fact belongs to the kind of its stream")
    }
}

impl<K: Kind> ErasedKind for Erased<K> {
    fn state_version(&self) -> u32 {
        K::STATE_VERSION
    }

    fn empty(&self) -> AnyState {
        Arc::new(K::State::default())
    }

    /// Changes the state in place where nobody else holds it, else a copy of it.
    fn apply(&self, state: &mut AnyState, fact: &AnyFact, at: Timestamp) {
        let fact = Self::fact(fact);
        if let Some(own) = Arc::get_mut(state) {
            let own = own.downcast_mut().expect("a state belongs to the kind of its stream");
            return K::apply(own, fact, at);
        }
        let mut copy = Self::state(state).clone();
        K::apply(&mut copy, fact, at);
        *state = Arc::new(copy);
    }

    fn encode(&self, fact: &AnyFact) -> Result<NewFact, serde_json::Error> {
        let tagged = serde_json::to_string(Self::fact(fact))?;
        let (tag, body) = untag(&tagged)
            .ok_or_else(|| serde::ser::Error::custom(format!("facts of `{}` must be struct variants", K::NAME)))?;
        Ok(NewFact { type_name: format!("{}.{tag}", K::NAME).into(), schema: K::schema(tag), body: body.into() })
    }

    fn decode(&self, fact: &RecordedFact) -> Result<AnyFact, DecodeError> {
        let unknown = |reason: String| DecodeError::UnknownFact {
            type_name: fact.type_name.clone(),
            schema: fact.schema,
            stream: fact.stream.clone(),
            reason,
        };
        let tag = fact
            .type_name
            .strip_prefix(K::NAME)
            .and_then(|rest| rest.strip_prefix('.'))
            .ok_or_else(|| unknown(format!("its type does not begin with `{}.`", K::NAME)))?;
        let today = K::schema(tag);
        if fact.schema > today {
            return Err(unknown(format!("schema {today} is the newest known")));
        }
        let decoded: Result<K::Fact, _> = if fact.schema == today {
            serde_json::from_str(&format!("{{\"{tag}\":{}}}", fact.body))
        } else {
            let mut body: Value = serde_json::from_str(&fact.body).map_err(|error| unknown(error.to_string()))?;
            for schema in fact.schema..today {
                body = K::upcast(tag, schema, body);
            }
            serde_json::from_value(Value::Object([(tag.to_owned(), body)].into_iter().collect()))
        };
        decoded.map(|fact| Arc::new(fact) as AnyFact).map_err(|error| unknown(error.to_string()))
    }

    fn snapshot(&self, state: &AnyState) -> Result<Arc<str>, serde_json::Error> {
        serde_json::to_string(Self::state(state)).map(Into::into)
    }

    fn restore(&self, body: &str) -> Option<AnyState> {
        serde_json::from_str::<K::State>(body).ok().map(|state| Arc::new(state) as AnyState)
    }

    fn weight(&self, state: &AnyState) -> usize {
        K::weight(Self::state(state))
    }
}

/// Splits `{"tag":body}` into its parts.
fn untag(tagged: &str) -> Option<(&str, &str)> {
    let inner = tagged.strip_prefix("{\"")?.strip_suffix('}')?;
    let (tag, body) = inner.split_once("\":")?;
    Some((tag, body))
}

/// All kinds of streams that this process knows.
#[derive(Default, Clone)]
pub struct Kinds(BTreeMap<&'static str, Arc<dyn ErasedKind>>);

impl Kinds {
    pub fn register<K: Kind>(&mut self) -> &mut Self {
        self.0.insert(K::NAME, Arc::new(Erased::<K>(std::marker::PhantomData)));
        self
    }

    pub(crate) fn of(&self, stream: &StreamId) -> Result<&Arc<dyn ErasedKind>, DecodeError> {
        self.0.get(stream.kind()).ok_or_else(|| DecodeError::UnknownKind(stream.kind().to_owned()))
    }

    /// Decodes a stored fact, taking it through its upcasters.
    pub fn decode(&self, fact: &RecordedFact) -> Result<AnyFact, DecodeError> {
        self.of(&fact.stream)?.decode(fact)
    }

    /// Encodes a fact of kind `K` as it would be stored.
    pub fn encode<K: Kind>(fact: K::Fact) -> Result<NewFact, serde_json::Error> {
        Erased::<K>(std::marker::PhantomData).encode(&(Arc::new(fact) as AnyFact))
    }

    /// Folds stored facts into a state, ignoring those after `until` (inclusive) when it is given.
    pub fn fold<K: Kind>(&self, facts: &[RecordedFact], until: Option<Timestamp>) -> Result<K::State, DecodeError> {
        let mut state = K::State::default();
        for fact in facts {
            if until.is_some_and(|until| fact.time > until) {
                break;
            }
            let decoded = self.decode(fact)?;
            K::apply(&mut state, Erased::<K>::fact(&decoded), fact.time);
        }
        Ok(state)
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
