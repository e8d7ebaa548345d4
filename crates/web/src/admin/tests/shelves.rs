//! Categories, stock and imports.

use std::time::Duration;

use axum::http::StatusCode;

use super::Office;
use super::filled::Filled;

impl Office {
    async fn add_category(&self, title: &str, parent: &str) {
        let new = "/admin/categories/new";
        let form = Filled::of(&self.get(new).await, new).set("title", title).set("parent", parent);
        let page = form.send(self).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    }

    async fn slugs(&self) -> Vec<(String, Option<String>)> {
        let (categories, _) = self.services.products.categories().await.unwrap();
        let tree = domain::catalog::Categories::new(categories).unwrap();
        let mut all = Vec::new();
        let mut open = vec![None];
        while let Some(parent) = open.pop() {
            for child in tree.children(parent.as_ref()) {
                all.push((child.slug.to_string(), child.parent.as_ref().map(ToString::to_string)));
                open.push(Some(child.slug.clone()));
            }
        }
        all
    }
}

fn pair(slug: &str, parent: Option<&str>) -> (String, Option<String>) {
    (slug.to_owned(), parent.map(str::to_owned))
}

#[tokio::test(start_paused = true)]
async fn categories_are_a_tree_that_staff_shape() {
    let office = Office::signed_in().await;
    office.add_category("Cups & <bowls>", "").await;
    office.add_category("Tea", "").await;
    office.add_category("Leaf tea", "tea").await;
    office.add_category("Herbs", "tea").await;
    let list = office.get("/admin/categories").await;
    assert!(list.has("Cups &#38; &#60;bowls&#62;"), "{}", list.body);
    assert_eq!(
        office.slugs().await,
        [pair("cups-bowls", None), pair("tea", None), pair("leaf-tea", Some("tea")), pair("herbs", Some("tea"))]
    );

    // Moved, renamed, translated: what products name it by stays.
    office.post("/admin/categories/of/tea/move", &[("do", "earlier")]).await;
    office.post("/admin/categories/of/herbs/move", &[("do", "earlier")]).await;
    let path = "/admin/categories/of/tea";
    let form = Filled::of(&office.get(path).await, path).set("title", "Teas");
    assert_eq!(form.send(&office).await.status, StatusCode::SEE_OTHER);
    let slugs: Vec<String> = office.slugs().await.into_iter().map(|(slug, _)| slug).collect();
    assert_eq!(slugs, ["tea", "cups-bowls", "herbs", "leaf-tea"]);

    // A form that was opened before is not put over it unseen.
    let page = form.set("title", "Other").send(&office).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    assert_eq!(Filled::of(&page, path).get("title"), "Other");

    let question = office.get("/admin/categories/of/tea/remove").await;
    assert!(question.has("moves up: Herbs, Leaf tea") && question.has("address tea"), "{}", question.body);
    let page = Filled::of(&question, "/admin/categories/of/tea/remove").send(&office).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert!(office.slugs().await.contains(&pair("herbs", None)));
    assert!(office.get("/admin/categories?format=csv").await.has("leaf-tea"));
    assert_eq!(office.get("/admin/categories/of/tea").await.status, StatusCode::NOT_FOUND);
    let page = Filled::of(&office.get("/admin/categories/new").await, "/admin/categories/new")
        .set("title", "!")
        .send(&office)
        .await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.has("id=\"e-slug\""), "{}", page.body);
}

#[tokio::test(start_paused = true)]
async fn stock_is_counted_once_and_explained() {
    let office = Office::signed_in().await;
    office.buy("stock", 2).await;
    let page = office.get("/admin/stock/item?sku=A").await;
    let form = Filled::of(&page, "/admin/stock/count").set("delta", "+12").set("reason", "found");
    for _ in 0..2 {
        assert_eq!(form.send(&office).await.status, StatusCode::SEE_OTHER);
    }
    assert_eq!(office.stock().await, (32, 2));
    let page = office.get("/admin/stock/item?sku=A").await;
    assert!(page.has("Counted: Found") && page.has("+12") && page.has("/admin/orders/ord_"), "{}", page.body);

    for (delta, message) in [("0", "not 0"), ("many", "not 0"), ("-31", "")] {
        let form = Filled::of(&office.get("/admin/stock/item?sku=A").await, "/admin/stock/count").set("delta", delta);
        let page = form.send(&office).await;
        assert!(
            page.status.is_client_error() && page.has(message) && page.has("class=\"wrongs\""),
            "{delta}: {}",
            page.body
        );
    }
    assert_eq!(office.stock().await, (32, 2));
    let form =
        Filled::of(&office.get("/admin/stock/item?sku=A").await, "/admin/stock/policy").set("policy", "untracked");
    assert_eq!(form.send(&office).await.status, StatusCode::SEE_OTHER);
    assert!(office.get("/admin/stock/item?sku=A").await.has("value=\"untracked\" selected"));

    assert!(office.get("/admin/stock?sku=B").await.has("1000"));
    assert!(!office.get("/admin/stock?low=on").await.has("item?sku=B"));
    assert!(office.get("/admin/stock?format=csv").await.has("B,1000,0,1000"));
    assert!(office.get("/admin/stock/item?sku=A&format=csv").await.has("Counted: Found,12,0"));
    for path in ["/admin/stock/item?sku=nobody", "/admin/stock/item", "/admin/stock/item?sku=nobody&format=csv"] {
        assert_eq!(office.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_is_tried_and_then_imported() {
    const FILE: &str = "Handle,Title,Body (HTML),Vendor,Variant SKU,Variant Price\n\
        lamp,Lamp <b>,<p>Light<script>x</script></p>,Low,LAMP-1,29.00\n\
        ,,,,,\n\
        bad,Bad,,Low,BAD-1,a lot\n";
    let office = Office::signed_in().await;
    let path = "/admin/import";
    let form = Filled::of(&office.get(path).await, path);
    let page = form.send_with(&office, None, &[("file", "goods.txt", FILE.as_bytes())]).await;
    assert!(page.status == StatusCode::UNPROCESSABLE_ENTITY && page.has("id=\"e-format\""), "{}", page.body);
    assert_eq!(form.send(&office).await.status, StatusCode::UNPROCESSABLE_ENTITY);

    let tried = form.send_with(&office, None, &[("file", "goods.csv", FILE.as_bytes())]).await;
    assert_eq!(tried.status, StatusCode::SEE_OTHER, "{}", tried.body);
    let page = office.imported(tried.location()).await;
    assert!(page.has("This was a trial") && page.has("BAD") | page.has("a lot"), "{}", page.body);
    assert_eq!(office.get("/p/lamp").await.status, StatusCode::NOT_FOUND);

    let form = Filled::of(&office.get(path).await, path).without("dry_run");
    let done = form.send_with(&office, None, &[("file", "goods.csv", FILE.as_bytes())]).await;
    let again = form.send_with(&office, None, &[("file", "goods.csv", FILE.as_bytes())]).await;
    assert_eq!(done.location(), again.location(), "the same form is one import");
    let page = office.imported(done.location()).await;
    assert!(!page.has("This was a trial"));
    assert!(office.get(&format!("{}?format=csv", done.location())).await.has("a lot"));
    let lamp = office.get("/p/lamp").await;
    assert_eq!(lamp.status, StatusCode::OK);
    assert!(!lamp.has("<script>x") && !lamp.has("Lamp <b>"));
    assert!(office.get("/admin/import/export?format=csv").await.has("LAMP-1"));
    assert!(office.get("/admin/import?format=csv").await.has("Trial of CSV"));
    assert_eq!(office.get("/admin/import/opr_00000000000000000000000000").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_cannot_be_read_is_not_called_fine() {
    let office = Office::signed_in().await;
    let path = "/admin/import";
    let form = Filled::of(&office.get(path).await, path);
    let tried = form.send_with(&office, None, &[("file", "goods.csv", "Colour,Size\nred,L\n".as_bytes())]).await;
    let page = office.imported(tried.location()).await;
    assert!(page.has("class=\"flash bad\"") && page.has("Handle"), "{}", page.body);
    assert!(!page.has("Every row was fine"), "{}", page.body);
}

impl Office {
    /// The page of an import that has ended; within a minute of the box's time.
    async fn imported(&self, path: &str) -> super::Page {
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        let ended = async {
            loop {
                looks.tick().await;
                let page = self.get(path).await;
                assert_eq!(page.status, StatusCode::OK, "{}", page.body);
                if !page.has("data-poll") {
                    return page;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), ended).await.expect("an end")
    }
}
