//! What holds for every page: everybody can use it, it complains of nothing, and it fits a phone.

use testkit::browser::pages::{PAGES, Places};
use testkit::browser::{Browser, Visitor};
use testkit::mart::{Mart, Plan};

use crate::CLOUDMART;

/// Goes through all pages and tells everything that is wrong at once.
async fn walk(visitors: &[Visitor]) {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let places = Places::of(&mart).await;
    let mut browser = Browser::open(&mart, visitors[0].clone()).await;
    let mut flaws = Vec::new();
    for page in PAGES {
        let path = places.path(page);
        match page.status {
            200 => browser.visit(&path).await,
            status => browser.visit_refused(&path, status).await,
        }
        for visitor in visitors {
            browser.look_as(visitor.clone()).await;
            flaws.extend(browser.flaws().await);
        }
        browser.look_as(visitors[0].clone()).await;
    }
    flaws.extend(browser.complaints().await);
    assert!(flaws.is_empty(), "{} flaws:\n{}", flaws.len(), flaws.join("\n"));
}

#[tokio::test]
async fn everybody_can_use_every_page_at_a_desk() {
    walk(&[Visitor::at_desk(), Visitor::at_desk().at_night()]).await;
}

#[tokio::test]
async fn everybody_can_use_every_page_on_a_phone_and_in_another_language() {
    let phone = Visitor::at_desk().on_phone();
    walk(&[phone.clone().speaking("ko"), phone.at_night().speaking("ko")]).await;
}
