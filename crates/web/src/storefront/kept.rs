//! Product pages that were rendered before, with their tag and their compressed bytes, for as long as what they show is
//! still the same.
//! It does not know when that changes: it compares what the page was made from with what is there now.

use std::collections::BTreeMap;
use std::sync::Arc;

use contracts::catalog::ProductView;
use parking_lot::Mutex;
use platform::http::{Finished, Weigh};

use super::frame::Grounds;

/// What all kept pages take at most.
const BYTES_MAX: usize = 32 * 1024 * 1024;

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
