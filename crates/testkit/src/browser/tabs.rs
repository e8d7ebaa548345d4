//! Several tabs of one browser, as people have them.
//! It does not know what is in them.

use fantoccini::wd::WindowHandle;
use serde_json::json;

use super::{Browser, Visitor};

/// One tab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tab(WindowHandle);

impl Browser {
    /// The tab that is in front.
    pub async fn tab(&self) -> Tab {
        Tab(self.client.window().await.expect("a tab is in front"))
    }

    /// Opens an empty tab and brings it to the front.
    pub async fn new_tab(&self) -> Tab {
        let opened = self.client.new_window(true).await.expect("a new tab");
        let tab = Tab(opened.handle);
        self.switch(&tab).await;
        self.dress_tab().await;
        tab
    }

    /// Brings a tab to the front.
    pub async fn switch(&self, tab: &Tab) {
        self.client.switch_to_window(tab.0.clone()).await.expect("the tab is there");
    }

    /// Looks at the same page as somebody else: another device or light, without loading it again.
    pub async fn look_as(&mut self, visitor: Visitor) {
        self.visitor = visitor;
        self.dress_tab().await;
    }

    /// Makes the tab in front the visitor's.
    pub(super) async fn dress_tab(&self) {
        let version = self.devtools("Browser.getVersion", json!({})).await;
        let own = version["userAgent"].as_str().unwrap_or_default();
        for (command, parameters) in self.visitor.commands(own) {
            self.devtools(command, parameters).await;
        }
    }
}
