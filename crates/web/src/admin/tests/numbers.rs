//! The first page.

use super::Office;

#[tokio::test]
async fn the_first_page_counts_what_was_sold_and_what_waits() {
    let office = Office::signed_in().await;
    let page = office.get("/admin").await;
    assert!(page.has("Nothing sold yet") && page.has("Nothing waits for you."));
    office.buy("one", 2).await;
    let tests_only = office.get("/admin").await;
    assert!(tests_only.has("€44.88") && tests_only.has("These are test orders"), "{}", tests_only.body);
    office.buy_as("two", "Ada", "Main street 1", "").await;
    let page = office.get("/admin").await;
    for told in [
        "€24.89",
        "up €24.89 on yesterday until now",
        "<svg",
        "<desc",
        "Orders to ship",
        "As a table",
        "Days are those of UTC.",
    ] {
        assert!(page.has(told), "{told}");
    }
    assert!(!page.has("These are test orders"));
    let tests = office.get("/admin?test=yes&days=7&currency=EUR").await;
    assert!(tests.has("€44.88") && tests.has("The last 7 days"));
    for (query, days) in [("days=0", "30"), ("days=x", "30"), ("days=90&currency=nope", "90")] {
        assert!(office.get(&format!("/admin?{query}")).await.has(&format!("The last {days} days")), "{query}");
    }
}

#[tokio::test]
async fn a_chart_keeps_to_the_policy_that_forbids_inline_style() {
    let office = Office::signed_in().await;
    office.buy("one", 1).await;
    let page = office.get("/admin?test=yes").await;
    assert!(!page.has("style=") && !page.has("<style") && !page.has("onclick"));
}
