//! A real browser in front of a mart: Debian's chromium, driven through chromedriver as a person drives it, by what is
//! written on the page. It does not know the shop's pages, and nothing of their markup but what a screen reader reads.

mod axe;
pub mod bustle;
mod driver;
mod find;
mod keyboard;
pub mod lighthouse;
pub mod pages;
mod pictures;
pub mod shopper;
pub mod staff;
mod tabs;
mod visitor;

use std::time::Duration;

use fantoccini::Client;
use reqwest::Url;
use serde_json::{Value, json};

use crate::mart::{Mart, eventually};

pub use fantoccini::key::Key;
pub use find::Kind;
pub use keyboard::Focus;
pub use tabs::Tab;
pub use visitor::{Device, Scheme, Visitor};

use driver::Driver;

/// Longer than any page takes that is not broken, on a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// A page that is narrower than its content makes people scroll sideways; rounding may add a pixel.
const WIDTH_SLACK_PX: i64 = 1;

/// A browser with a profile of its own, on one shop. It ends with [`Browser::close`], which demands that no page
/// complained.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    driver: Driver,
    base: String,
    visitor: Visitor,
    /// What pages complained of so far, but for what was expected.
    heard: parking_lot::Mutex<Vec<String>>,
    is_closed: bool,
}

impl Browser {
    /// Opens an empty tab, as this visitor has it.
    ///
    /// # Panics
    /// When chromium or chromedriver are missing, or do not start.
    pub async fn open(mart: &Mart, visitor: Visitor) -> Self {
        Self::open_at(mart.url(""), visitor).await
    }

    /// The same for a shop that runs elsewhere: `http://127.0.0.1:8080`.
    pub async fn open_at(base: String, visitor: Visitor) -> Self {
        let (driver, client) = Driver::start(&visitor).await;
        let browser = Self { client, driver, base, visitor, heard: parking_lot::Mutex::default(), is_closed: false };
        browser.dress_tab().await;
        browser
    }

    /// Ends it.
    ///
    /// # Panics
    /// When a page wrote an error to the console, asked for something that is not there, or did what the
    /// Content-Security-Policy forbids.
    pub async fn close(self) {
        let complaints = self.complaints().await;
        assert!(complaints.is_empty(), "pages complained:\n  {}", complaints.join("\n  "));
    }

    /// Ends it, and tells what the pages complained of.
    pub async fn complaints(mut self) -> Vec<String> {
        self.listen().await;
        self.is_closed = true;
        // What has not ended by itself is killed in a moment.
        self.client.clone().close().await.ok();
        std::mem::take(&mut *self.heard.lock())
    }

    /// The id of chromium's process.
    pub fn process(&self) -> Option<u64> {
        self.driver.chromium()
    }

    pub fn visitor(&self) -> &Visitor {
        &self.visitor
    }

    /// Goes to a path, as if it were typed; answers with the status.
    pub async fn go(&self, path: &str) -> u16 {
        let url = format!("{}{path}", self.base);
        self.client.goto(&url).await.unwrap_or_else(|error| panic!("cannot go to {path}: {error}"));
        self.status().await
    }

    /// Goes to a page that is there.
    ///
    /// # Panics
    /// When it is not.
    pub async fn visit(&self, path: &str) {
        let status = self.go(path).await;
        assert!(status == 200, "{path} was answered {status}: {}", self.text().await);
    }

    /// Goes to a page that is refused with this status, which no page then counts as a complaint.
    pub async fn visit_refused(&self, path: &str, status: u16) {
        self.listen().await;
        let before = self.heard.lock().len();
        let answered = self.go(path).await;
        assert!(answered == status, "{path} was answered {answered}, not {status}: {}", self.text().await);
        self.listen().await;
        let expected = format!("the server responded with a status of {status}");
        let mut heard = self.heard.lock();
        let kept: Vec<String> = heard.drain(before..).filter(|said| !said.contains(&expected)).collect();
        heard.extend(kept);
    }

    pub async fn reload(&self) {
        self.client.refresh().await.expect("the page loads again");
    }

    pub async fn back(&self) {
        self.client.back().await.expect("there is a page before");
    }

    /// The status that the page was answered with.
    pub async fn status(&self) -> u16 {
        let status = self.ask("return performance.getEntriesByType('navigation')[0]?.responseStatus ?? 0", &[]).await;
        status.as_u64().and_then(|status| status.try_into().ok()).unwrap_or_default()
    }

    /// When the page was asked for: the same until it is loaded again.
    pub async fn loaded_at(&self) -> Value {
        self.ask("return performance.timeOrigin", &[]).await
    }

    /// Where the tab is, from the first slash on.
    pub async fn path(&self) -> String {
        let url: Url = self.client.current_url().await.expect("a tab has an address");
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{query}", url.path())
    }

    /// The shop's cookies, as a request sends them.
    pub async fn cookies(&self) -> String {
        let cookies = self.client.get_all_cookies().await.expect("a page has cookies, or none");
        let pairs: Vec<String> = cookies.iter().map(|cookie| format!("{}={}", cookie.name(), cookie.value())).collect();
        pairs.join("; ")
    }

    pub async fn title(&self) -> String {
        self.client.title().await.expect("a tab has a title")
    }

    /// What a person can read on the page.
    pub async fn text(&self) -> String {
        let text = self.ask("return document.body?.innerText ?? ''", &[]).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until a pattern (a regular expression, case ignored) can be read on the page; answers with what matched.
    pub async fn reads(&self, pattern: &str) -> String {
        let find = "const found = (document.body?.innerText ?? '').match(new RegExp(arguments[0], 'iu'));
            return found && found[0]";
        let look = async || {
            let found = self.try_ask(find, &[json!(pattern)]).await.ok()?;
            found.as_str().map(ToOwned::to_owned)
        };
        match awaited(look).await {
            Some(found) => found,
            None => panic!("{} does not say /{pattern}/: {}", self.path().await, self.text().await),
        }
    }

    /// Waits until the tab is at a path that matches the pattern.
    pub async fn arrives(&self, pattern: &str) -> String {
        let find = "return new RegExp(arguments[0]).test(location.pathname) && document.readyState === 'complete'
            && location.pathname";
        let look = async || {
            let found = self.try_ask(find, &[json!(pattern)]).await.ok()?;
            found.as_str().map(ToOwned::to_owned)
        };
        match awaited(look).await {
            Some(path) => path,
            None => panic!("still at {}, not at {pattern}: {}", self.path().await, self.text().await),
        }
    }

    /// What keeps people from using the page as it is looked at now: axe-core's violations, and what is too wide.
    pub async fn flaws(&self) -> Vec<String> {
        let wider = self.wider().await.into_iter().map(|what| format!("too wide: {what}"));
        self.violations().await.into_iter().chain(wider).collect()
    }

    /// What reaches beyond the window's right edge.
    pub async fn wider(&self) -> Vec<String> {
        const WIDER: &str = include_str!("wider.js");
        let wider = self.ask(WIDER, &[json!(WIDTH_SLACK_PX)]).await;
        let wider = wider.as_array().into_iter().flatten().filter_map(Value::as_str);
        wider.map(ToOwned::to_owned).collect()
    }

    /// Takes in what the pages of all tabs complained of since the last time.
    pub async fn listen(&self) {
        let entries = self.driver.console(&self.client).await;
        self.heard.lock().extend(entries);
    }

    /// From now on, each answer to this tab takes so much longer.
    pub async fn answers_take(&self, longer: Duration) {
        let latency_ms = u64::try_from(longer.as_millis()).unwrap_or(u64::MAX);
        let conditions =
            json!({"offline": false, "latency": latency_ms, "downloadThroughput": -1, "uploadThroughput": -1});
        self.devtools("Network.enable", json!({})).await;
        self.devtools("Network.emulateNetworkConditions", conditions).await;
    }

    /// Runs a script in the page, beside the page's own policy; its `return` is the answer.
    pub async fn ask(&self, script: &str, arguments: &[Value]) -> Value {
        self.try_ask(script, arguments).await.unwrap_or_else(|error| panic!("{error} in\n{script}"))
    }

    async fn try_ask(&self, script: &str, arguments: &[Value]) -> Result<Value, fantoccini::error::CmdError> {
        self.client.execute(script, arguments.to_vec()).await
    }

    /// Runs a script that ends by calling its last argument.
    async fn ask_slowly(&self, script: &str, arguments: &[Value]) -> Value {
        let asked = self.client.execute_async(script, arguments.to_vec()).await;
        asked.unwrap_or_else(|error| panic!("{error} in a script on a page"))
    }

    /// A command of Chromium's own protocol, on the current tab.
    async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.driver.devtools(&self.client, command, parameters).await
    }
}

/// What a look finds at last; none when it finds nothing within [`PATIENCE`].
async fn awaited<T>(look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    tokio::time::timeout(PATIENCE, eventually("something to see", PATIENCE * 2, look)).await.ok()
}

impl Drop for Browser {
    fn drop(&mut self) {
        let is_lost = !self.is_closed && !std::thread::panicking();
        assert!(!is_lost, "a browser ends with close(), which tells what the pages complained of");
    }
}
