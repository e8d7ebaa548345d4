//! What holds for every page: everybody can use it, it complains of nothing, and it fits a phone.

use testkit::browser::Visitor;
use testkit::browser::pages::{PAGES, Places, Tour};
use testkit::mart::{Mart, Plan};

use crate::CLOUDMART;

/// Goes through all pages and tells everything that is wrong at once.
async fn walk(visitors: &[Visitor]) {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let mut tour = Tour::begin(&mart, visitors[0].clone(), Places::of(&mart, None).await).await;
    let mut flaws = Vec::new();
    for page in PAGES {
        tour.visit(page).await;
        let mut known = Vec::new();
        for visitor in visitors {
            tour.browser.look_as(visitor.clone()).await;
            for flaw in tour.browser.flaws().await {
                if !known.contains(&flaw) {
                    flaws.push(format!("{} as {}: {flaw}", page.name, visitor.name()));
                    known.push(flaw);
                }
            }
        }
        tour.browser.look_as(visitors[0].clone()).await;
    }
    flaws.extend(tour.browser.complaints().await);
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
