//! Pages that were rendered before, with their tag and their compressed bytes: a product's for as long as what it shows is
//! still the same, those that show a bit of everything for a moment.
//! It does not know when something changes: it compares what the page was made from with what is there now.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, header};
use axum::response::Response;
use contracts::catalog::ProductView;
use parking_lot::Mutex;
use platform::http::edge::Again;
use platform::http::{Finished, Weigh};
use tokio::time::Instant;

use super::frame::Grounds;
use super::place::SHARED_BY;

/// What all kept pages take at most.
const BYTES_MAX: usize = 32 * 1024 * 1024;
/// How long a page is kept that shows a bit of everything.
const MOMENT: Duration = Duration::from_millis(50);
/// Such pages at once; one in each language and currency is few.
const MOMENTS_MAX: usize = 256;

#[derive(Clone)]
struct Page {
    finished: Arc<Finished>,
    product: Arc<ProductView>,
    settings: Arc<contracts::shop::CurrentSettings>,
    chrome: Arc<super::frame::Chrome>,
}

impl Page {
    fn shows(&self, product: &Arc<ProductView>, grounds: &Grounds) -> bool {
        Arc::ptr_eq(&self.product, product)
            && Arc::ptr_eq(&self.settings, &grounds.current)
            && Arc::ptr_eq(&self.chrome, &grounds.chrome)
    }
}

/// A page that is the same for all who read it here, given again while `vouch` says that it still holds. What asks a
/// browser to remember something is for that browser alone.
pub fn offer(
    response: &mut Response,
    finished: Arc<Finished>,
    asked: &HeaderMap,
    vouch: impl Fn() -> bool + Send + Sync + 'static,
) {
    if !response.headers().contains_key(header::SET_COOKIE) {
        response.extensions_mut().insert(Again::new(finished, asked, &SHARED_BY, vouch));
    }
}

/// Two generations, so that forgetting costs nothing: when the young one is full, the old one goes.
#[derive(Default)]
struct Shelf {
    young: BTreeMap<String, Page>,
    old: BTreeMap<String, Page>,
    young_bytes: usize,
}

#[derive(Default)]
pub struct KeptPages(Mutex<Shelf>);

impl KeptPages {
    /// The page under this key, if it still shows what is there.
    pub fn get(&self, key: &str, product: &Arc<ProductView>, grounds: &Grounds) -> Option<Arc<Finished>> {
        let mut shelf = self.0.lock();
        if let Some(page) = shelf.young.get(key) {
            return page.shows(product, grounds).then(|| page.finished.clone());
        }
        let page = shelf.old.remove(key).filter(|page| page.shows(product, grounds))?;
        let finished = page.finished.clone();
        shelf.put(key.to_owned(), page);
        Some(finished)
    }

    pub fn put(&self, key: String, finished: Arc<Finished>, product: Arc<ProductView>, grounds: &Grounds) {
        let (settings, chrome) = (grounds.current.clone(), grounds.chrome.clone());
        self.0.lock().put(key, Page { finished, product, settings, chrome });
    }
}

impl Shelf {
    fn put(&mut self, key: String, page: Page) {
        if self.young_bytes > BYTES_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += key.len() + page.finished.weight();
        if let Some(before) = self.young.insert(key, page) {
            self.young_bytes = self.young_bytes.saturating_sub(before.finished.weight());
        }
    }
}

struct Moment {
    finished: Arc<Finished>,
    settings: Arc<contracts::shop::CurrentSettings>,
    chrome: Arc<super::frame::Chrome>,
    made_at: Instant,
}

/// Pages that are kept for a moment, so that a thousand visitors who come at once are one rendering.
#[derive(Default)]
pub struct Moments(Mutex<BTreeMap<String, Moment>>);

impl Moments {
    pub fn get(&self, key: &str, grounds: &Grounds) -> Option<Arc<Finished>> {
        let moments = self.0.lock();
        let moment = moments.get(key)?;
        let is_good = moment.made_at.elapsed() < MOMENT
            && Arc::ptr_eq(&moment.settings, &grounds.current)
            && Arc::ptr_eq(&moment.chrome, &grounds.chrome);
        is_good.then(|| moment.finished.clone())
    }

    pub fn put(&self, key: String, finished: Arc<Finished>, grounds: &Grounds) {
        let (settings, chrome) = (grounds.current.clone(), grounds.chrome.clone());
        let mut moments = self.0.lock();
        if moments.len() >= MOMENTS_MAX {
            moments.clear();
        }
        moments.insert(key, Moment { finished, settings, chrome, made_at: Instant::now() });
    }
}
