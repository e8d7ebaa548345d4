//! The edge: finished answers that are the same for many, given again before any route is looked up.
//! It does not know how an answer is made, nor when it ceases to be true: whoever made it vouches for it, each time.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::MatchedPath;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, Uri, header};
use axum::response::Response;
use parking_lot::RwLock;

use crate::cache::{Finished, Weigh};

/// Addresses at once, in two generations.
const ADDRESSES_MAX: usize = 4_096;
/// What their answers take at most, in two generations.
const BYTES_MAX: usize = 32 * 1024 * 1024;
/// Answers of one address, by what else they depend on.
const VARIANTS_MAX: usize = 16;
/// What an address takes beside its answers, roughly.
const ENTRY_BYTES: usize = 256;

/// What an answer depends on beside its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aspect {
    Header(&'static HeaderName),
    /// One cookie by its name; the others do not count.
    Cookie(&'static str),
}

impl Aspect {
    /// What a request says of it, line by line.
    fn of(self, headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
        let (name, cookie) = match self {
            Aspect::Header(name) => (name, None),
            Aspect::Cookie(cookie) => (&header::COOKIE, Some(cookie)),
        };
        let lines = headers.get_all(name).iter().map(|line| line.as_bytes());
        lines.flat_map(move |line| {
            let whole = cookie.is_none().then_some(line);
            let named = cookie.into_iter().flat_map(|cookie| values_of(line, cookie));
            whole.into_iter().chain(named)
        })
    }
}

/// The values of one cookie in a line, as they stand there.
fn values_of<'l>(line: &'l [u8], cookie: &str) -> impl Iterator<Item = &'l [u8]> {
    let pairs = line.split(|byte| *byte == b';').map(|pair| pair.trim_ascii());
    pairs.filter_map(move |pair| pair.strip_prefix(cookie.as_bytes())?.trim_ascii_start().strip_prefix(b"="))
}

/// Says whether an answer still holds. Asked for each request, so it looks at what is at hand and waits for nothing.
pub type Vouch = Arc<dyn Fn() -> bool + Send + Sync>;

/// A handler whose answer may be given again puts this among its extensions.
#[derive(Clone)]
pub struct Again {
    finished: Arc<Finished>,
    aspects: Vec<(Aspect, Vec<Box<[u8]>>)>,
    vouch: Vouch,
}

impl Again {
    /// `asked`: the headers of the request that was answered; `aspects`: all of them that the answer depends on, but for
    /// those that [`Finished::respond`] looks at itself.
    pub fn new(
        finished: Arc<Finished>,
        asked: &HeaderMap,
        aspects: &[Aspect],
        vouch: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Again {
        let said = |aspect: &Aspect| (*aspect, aspect.of(asked).map(Into::into).collect());
        Again { finished, aspects: aspects.iter().map(said).collect(), vouch: Arc::new(vouch) }
    }

    fn is_for(&self, asked: &HeaderMap) -> bool {
        self.aspects.iter().all(|(aspect, said)| aspect.of(asked).eq(said.iter().map(|value| &**value)))
    }
}

/// An answer that is given again, and the route that it came by.
pub(super) struct Kept {
    again: Again,
    pub route: Option<MatchedPath>,
}

impl Kept {
    pub fn respond(&self, asked: &HeaderMap) -> Response {
        self.again.finished.respond(asked)
    }

    fn weight(&self) -> usize {
        ENTRY_BYTES + self.again.finished.weight()
    }
}

type Shelf = HashMap<Box<str>, Vec<Arc<Kept>>>;

/// Two generations, so that forgetting costs nothing: when the young one is full, the old one goes.
#[derive(Default)]
struct Generations {
    young: Shelf,
    old: Shelf,
    young_bytes: usize,
}

#[derive(Default)]
pub(super) struct Edge(RwLock<Generations>);

impl Edge {
    /// The answer to this request, if one is kept that still holds.
    pub fn get(&self, asked: &Parts) -> Option<Arc<Kept>> {
        if !is_plain(asked) {
            return None;
        }
        let address = address(&asked.uri)?;
        let find = |shelf: &Shelf| {
            let mut variants = shelf.get(address)?.iter();
            variants.find(|kept| kept.again.is_for(&asked.headers)).cloned()
        };
        let shelf = self.0.read();
        let (young, old) = match find(&shelf.young) {
            Some(kept) => (Some(kept), None),
            None => (None, find(&shelf.old)),
        };
        drop(shelf);
        let kept = young.as_ref().or(old.as_ref()).filter(|kept| (kept.again.vouch)())?.clone();
        if let Some(old) = old {
            self.0.write().put(address, old);
        }
        Some(kept)
    }

    /// Keeps what a handler offers to give again.
    pub fn keep(&self, uri: &Uri, route: Option<MatchedPath>, again: Again) {
        if let Some(address) = address(uri).filter(|_| again.finished.may_be_kept()) {
            self.0.write().put(address, Arc::new(Kept { again, route }));
        }
    }
}

impl Generations {
    fn put(&mut self, address: &str, kept: Arc<Kept>) {
        if self.young.len() >= ADDRESSES_MAX / 2 || self.young_bytes >= BYTES_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += kept.weight();
        let variants = match self.young.get_mut(address) {
            Some(variants) => variants,
            None => self.young.entry(address.into()).or_default(),
        };
        let same = variants.iter().position(|other| other.again.aspects == kept.again.aspects);
        if let Some(at) = same.or((variants.len() == VARIANTS_MAX).then_some(0)) {
            self.young_bytes = self.young_bytes.saturating_sub(variants.remove(at).weight());
        }
        variants.push(kept);
    }
}

/// Read without a body, and by nobody in particular: only such a request is answered here, and only its answer is kept.
pub(super) fn is_plain(asked: &Parts) -> bool {
    let has = |name: &HeaderName| asked.headers.contains_key(name);
    asked.method == Method::GET
        && !has(&header::AUTHORIZATION)
        && !has(&header::CONTENT_LENGTH)
        && !has(&header::TRANSFER_ENCODING)
}

fn address(uri: &Uri) -> Option<&str> {
    uri.path_and_query().map(|address| address.as_str())
}

#[cfg(test)]
mod tests;
