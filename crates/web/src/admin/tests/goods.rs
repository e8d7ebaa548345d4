//! Products: the form in both directions, what is refused, prices on the storefront, pictures, copies.

use axum::http::StatusCode;
use contracts::products::WantedProducts;
use domain::catalog::{Content, Product, ProductInput, Status};
use domain::sku::Sku;

use super::filled::Filled;
use super::{Office, Page};

const NEW: &str = "/admin/products/new";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90wS\xde\0\0\0\x0cIDATx\x9cc\xf8\xcf\xc0\0\0\x03\x01\x01\0\xc9\xfe\x92\xef\0\0\0\0IEND\xaeB`\x82";

impl Office {
    async fn products(&self) -> Vec<Product> {
        let wanted = WantedProducts { limit: 100, ..WantedProducts::default() };
        self.services.products.products(&wanted).await.unwrap().items
    }

    async fn titled(&self, title: &str) -> Product {
        let products = self.products().await;
        let found = products.into_iter().find(|product| product.content.title.as_str() == title);
        // Lists do not know all of it.
        let whole = self.services.products.product(&found.expect("such a product").id).await;
        Product::clone(&whole.unwrap())
    }

    async fn product_form(&self, title: &str) -> (String, Filled) {
        let path = format!("/admin/products/{}", self.titled(title).await.id);
        let page = self.get(&path).await;
        assert_eq!(page.status, StatusCode::OK);
        (path.clone(), Filled::of(&page, &path))
    }
}

fn saved(page: &Page) {
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
}

#[tokio::test(start_paused = true)]
async fn a_product_is_made_with_variants_and_stock() {
    let office = Office::signed_in().await;
    let form = Filled::of(&office.get(NEW).await, NEW).set("title", "Blue <Mug>").set("brand", "Kiln");
    let page = form.press(&office, "options.add").await;
    let form = Filled::of(&page, NEW).set("options.0.name", "Size").set("options.0.values.0.value", "S");
    let page = form.press(&office, "options.0.values.add").await;
    let form = Filled::of(&page, NEW)
        .set("options.0.values.1.value", "L & XL")
        .set("variants.0.sku", "MUG")
        .set("variants.0.prices.EUR", "12,5")
        .set("variants.0.on_hand", "7");
    let page = form.press(&office, "variants.fill").await;
    let form = Filled::of(&page, NEW);
    assert_eq!((form.get("variants.0.sku"), form.get("variants.1.sku")), ("MUG", "MUG-L&XL"));
    assert_eq!(form.get("variants.1.prices.EUR"), "12,5");
    assert!(office.products().await.iter().all(|product| product.content.title.as_str() != "Blue <Mug>"));

    let form = form
        .set("variants.1.prices.EUR", "1,400.00")
        .set("attributes.0.key", "Net weight")
        .set("attributes.0.value", "300 g");
    saved(&form.press(&office, "save").await);
    // The same form again is the same product: somebody pressed twice.
    saved(&form.press(&office, "save").await);
    let product = office.titled("Blue <Mug>").await;
    assert_eq!(office.products().await.len(), 3);
    let prices: Vec<i64> = product.content.variants.iter().map(|variant| variant.prices[0].amount()).collect();
    assert_eq!(prices, [1_250, 140_000]);
    assert_eq!(product.content.attributes["net_weight"], "300 g");
    assert_eq!(product.content.status, Status::Active);
    let level = office.services.stock.level(&Sku::parse("MUG").unwrap()).await.unwrap();
    assert_eq!(level.on_hand, 7);
    let list = office.get("/admin/products?q=MUG-L%26XL").await;
    assert!(list.has("Blue &#60;Mug&#62;") && !list.has("<Mug>"), "{}", list.body);
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_stands_beside_its_field_and_nothing_is_lost() {
    let office = Office::signed_in().await;
    let form = Filled::of(&office.get(NEW).await, NEW)
        .set("title", "Cup")
        .set("description", "Two\nlines & \"more\"")
        .set("variants.0.sku", "A")
        .set("variants.0.prices.EUR", "1.234")
        .set("variants.0.gtin", "123");
    let page = form.press(&office, "save").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    for id in ["e-variants.0.prices.EUR", "e-variants.0.gtin"] {
        assert!(page.has(&format!("id=\"{id}\"")), "{id} in {}", page.body);
    }
    let again = Filled::of(&page, NEW);
    assert_eq!(again.get("description"), "Two\nlines & \"more\"");
    assert_eq!((again.get("variants.0.prices.EUR"), again.get("variants.0.gtin")), ("1.234", "123"));

    // What only the catalogue knows: the SKU is another product's.
    let page = again.set("variants.0.prices.EUR", "1.23").set("variants.0.gtin", "").press(&office, "save").await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    assert!(page.has("id=\"e-variants.0.sku\""), "{}", page.body);
    assert_eq!(Filled::of(&page, NEW).get("title"), "Cup");
}

#[tokio::test(start_paused = true)]
async fn a_form_that_nobody_changed_changes_nothing() {
    let office = Office::signed_in().await;
    let input: ProductInput = serde_json::from_value(serde_json::json!({
        "title": "Tea", "description_html": "<p>A <b>green</b> tea</p>", "brand": "Sejak", "categories": ["gone"],
        "attributes": {"origin": "Hadong"}, "options": [{"name": "Weight", "values": ["50 g", "100 g"]}],
        "variants": [
            {"sku": "TEA-50", "options": {"Weight": "50 g"}, "prices": [{"amount": 900, "currency": "USD"}, {"amount": 800, "currency": "EUR"}]},
            {"sku": "TEA-100", "options": {"Weight": "100 g"}, "prices": [{"amount": 1500, "currency": "EUR"}],
             "compare_at_prices": [{"amount": 1900, "currency": "EUR"}]}],
        "image_urls": [{"url": "https://elsewhere.example/tea.jpg"}],
        "translations": {"ko": {"title": "녹차", "options": {"Weight": {"name": "무게", "values": {"50 g": "50그램"}}}, "attributes": {"origin": "하동"}}}
    }))
    .unwrap();
    let caller = contracts::caller::Caller::system();
    let product = office.services.products.create(input, "one", &caller).await.unwrap();
    let (_, form) = office.product_form("Tea").await;
    saved(&form.press(&office, "save").await);
    let after = office.services.products.product(&product.id).await.unwrap();
    assert_eq!(after.content, product.content);
    assert_eq!(after.version, product.version);
}

#[tokio::test(start_paused = true)]
async fn a_new_price_is_on_the_storefronts_next_page() {
    let office = Office::signed_in().await;
    assert!(office.get("/p/a").await.has("19.99"));
    let (_, form) = office.product_form("A").await;
    saved(&form.set("variants.0.prices.EUR", "21.50").press(&office, "save").await);
    let page = office.get("/p/a").await;
    assert!(page.has("21.50") && !page.has("19.99"), "{}", page.body);
}

#[tokio::test(start_paused = true)]
async fn who_was_slower_is_told_and_loses_nothing() {
    let office = Office::signed_in().await;
    let (path, mine) = office.product_form("A").await;
    let (_, theirs) = office.product_form("A").await;
    saved(&theirs.set("title", "Ay").press(&office, "save").await);
    let page = mine.set("variants.0.prices.EUR", "5").press(&office, "save").await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    assert!(page.has("Somebody changed this product") && page.has("title, variants or prices"), "{}", page.body);
    let again = Filled::of(&page, &path);
    assert_eq!((again.get("title"), again.get("variants.0.prices.EUR")), ("A", "5"));
    assert_eq!(office.titled("Ay").await.content.variants[0].prices[0].amount(), 1_999);
    saved(&again.press(&office, "save").await);
    assert_eq!(office.titled("A").await.content.variants[0].prices[0].amount(), 500);
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_written_before_it_is_there() {
    let office = Office::signed_in().await;
    let page = office.get(&format!("/admin/products/{}/copy", office.titled("A").await.id)).await;
    let form = Filled::of(&page, NEW);
    assert_eq!((form.get("title"), form.get("variants.0.sku"), form.get("status")), ("A (copy)", "A-2", "draft"));
    assert_eq!(office.products().await.len(), 2);
    saved(&form.press(&office, "save").await);
    let copy: Content = office.titled("A (copy)").await.content;
    assert_eq!((copy.status, copy.variants[0].prices[0].amount()), (Status::Draft, 1_999));
    assert_eq!(office.get(&format!("/p/{}", copy.slug)).await.status, StatusCode::NOT_FOUND);
    let preview = office.get(&format!("/admin/products/{}/preview", office.titled("A (copy)").await.id)).await;
    assert!(preview.has("They do not see it yet") && preview.has("€19.99"), "{}", preview.body);
}

/// In real time: pictures are worked on by a thread, which paused time does not wait for.
#[tokio::test]
async fn pictures_are_judged_by_their_bytes() {
    let office = Office::signed_in().await;
    let (path, form) = office.product_form("A").await;
    for hostile in [
        &b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>"[..],
        b"<html><script>alert(1)</script>",
    ] {
        let page = form.send_with(&office, Some("save"), &[("pictures", "mug.png", hostile)]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.has("mug.png: ") && page.has("id=\"e-pictures\""), "{}", page.body);
    }
    assert!(office.titled("A").await.content.images.is_empty());

    let page = form.send_with(&office, Some("upload"), &[("pictures", "<b>.png", PNG), ("pictures", "", b"")]).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let form = Filled::of(&page, &path).set("images.0.alt", "A \"mug\"");
    assert!(office.titled("A").await.content.images.is_empty());
    saved(&form.press(&office, "save").await);
    let images = office.titled("A").await.content.images;
    assert_eq!((images.len(), images[0].alt.as_str()), (1, "A \"mug\""));
    let (_, form) = office.product_form("A").await;
    let page = form.press(&office, "images.0.remove").await;
    saved(&Filled::of(&page, &path).press(&office, "save").await);
    assert!(office.titled("A").await.content.images.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_product_is_archived_and_comes_back() {
    let office = Office::signed_in().await;
    let path = format!("/admin/products/{}", office.titled("A").await.id);
    let question = office.get(&format!("{path}/archive")).await;
    assert!(question.has("Shoppers no longer find it"));
    saved(&Filled::of(&question, &format!("{path}/archive")).send(&office).await);
    assert_eq!(office.get("/p/a").await.status, StatusCode::NOT_FOUND);
    assert!(office.get("/admin/products?status=archived").await.has(&path));
    assert!(office.get(&path).await.has("is archived"));
    // An archived product can still be written, and stays archived.
    let (_, form) = office.product_form("A").await;
    saved(&form.set("brand", "Old").press(&office, "save").await);
    assert_eq!(office.titled("A").await.content.status, Status::Archived);
    let question = office.get(&format!("{path}/restore")).await;
    saved(&Filled::of(&question, &format!("{path}/restore")).set("status", "active").send(&office).await);
    assert_eq!(office.get("/p/a").await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn products_are_exported_and_strange_questions_answered() {
    let office = Office::signed_in().await;
    let csv = office.get("/admin/products?format=csv").await;
    assert!(csv.has("A,On sale,a,") && csv.has("19.99"), "{}", csv.body);
    for path in
        ["/admin/products/nonsense", "/admin/products/prd_00000000000000000000000000", "/admin/products/x/archive"]
    {
        assert_eq!(office.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    for path in ["/admin/products?q=%25%22%3Cb%3E", "/admin/products?status=nonsense", "/admin/products?q=%ED%95%9C"] {
        assert_eq!(office.get(path).await.status, StatusCode::OK, "{path}");
    }
    let korean = office.post("/admin/language", &[("locale", "ko"), ("to", "/admin/products")]).await;
    assert_eq!(korean.status, StatusCode::SEE_OTHER);
    assert!(office.get("/admin/products").await.has("새 상품"));
}
