//! The pages tried as a browser asks for them, over a catalogue that the test makes up.

use std::collections::BTreeMap;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use bytes::Bytes;
use contracts::caller::Caller;
use contracts::catalog::{
    Availability, CategoryView, ListProducts, Listing, Media, Offer, OptionValueView, OptionView, ProductCard,
    ProductView, Reading, VariantView,
};
use contracts::shop::CurrentSettings;
use contracts::{Error, Result};
use domain::catalog::{CategoryInput, Product, ProductInput};
use domain::ids::ProductId;
use domain::locale::Locale;
use domain::money::Currency;
use domain::settings::{Settings, SettingsInput};
use domain::sku::Sku;
use tower::ServiceExt;

use super::*;

const HOSTILE: &str = "\"><script>alert('x')</script>&amp;";

/// A catalogue of cards: a title and the categories that it stands in. Its cursors are numbers.
struct Goods {
    cards: Vec<ProductCard>,
    categories: Vec<CategoryView>,
    view: ProductView,
}

#[async_trait]
impl Catalog for Goods {
    async fn offers(&self, _: &[Sku], _: Currency, _: &Locale) -> Result<BTreeMap<Sku, Offer>> {
        unreachable!("pages ask for no offers")
    }

    async fn existing(&self, _: &[Sku]) -> Result<Vec<Sku>> {
        unreachable!("pages ask for no SKUs")
    }

    async fn product(&self, id_or_slug: &str, reading: &Reading) -> Result<Arc<ProductView>> {
        if id_or_slug == "broken" {
            return Err(Error::unavailable("away", 1));
        }
        if id_or_slug != self.view.slug {
            return Err(Error::not_found("product"));
        }
        let currency = reading.currency.map_or("XXX", Currency::code).to_owned();
        Ok(Arc::new(ProductView { currency, ..self.view.clone() }))
    }

    async fn products(&self, query: &ListProducts) -> Result<Listing<ProductCard>> {
        let stands_in = |card: &&ProductCard| match &query.category {
            Some(category) => card.categories.contains(category),
            None => true,
        };
        let is_titled = |card: &&ProductCard| query.q.as_ref().is_none_or(|q| card.title.contains(q.as_str()));
        let all: Vec<&ProductCard> = self.cards.iter().filter(stands_in).filter(is_titled).collect();
        let begin: usize = query.cursor.as_deref().map_or(0, |cursor| cursor.parse().unwrap());
        let end = all.len().min(begin + query.limit);
        let items = all[begin..end].iter().map(|card| (*card).clone()).collect();
        Ok(Listing { items, next_cursor: (end < all.len()).then(|| end.to_string()) })
    }

    async fn categories(&self, _: &Reading) -> Result<Vec<CategoryView>> {
        Ok(self.categories.clone())
    }

    async fn create_product(&self, _: ProductId, _: ProductInput, _: &Caller) -> Result<Arc<Product>> {
        unreachable!("pages write nothing")
    }

    async fn replace_categories(&self, _: Vec<CategoryInput>, _: &Caller) -> Result<()> {
        unreachable!("pages write nothing")
    }

    async fn store_media(&self, _: &str, _: Bytes, _: &Caller) -> Result<Media> {
        unreachable!("pages write nothing")
    }
}

struct Fixed(Settings);

#[async_trait]
impl Shop for Fixed {
    async fn settings(&self) -> Result<Arc<CurrentSettings>> {
        Ok(Arc::new(CurrentSettings { settings: self.0.clone(), version: 1 }))
    }

    async fn replace_settings(&self, _: SettingsInput, _: Option<u64>) -> Result<Arc<CurrentSettings>> {
        unreachable!("pages write nothing")
    }
}

fn card(title: &str, categories: &[&str]) -> ProductCard {
    ProductCard {
        id: "prd_00000000000000000000000000".to_owned(),
        slug: title.to_lowercase().replace(' ', "-"),
        title: title.to_owned(),
        brand: None,
        categories: categories.iter().map(|slug| (*slug).to_owned()).collect(),
        image: None,
        currency: "USD".to_owned(),
        price_from: Some(1200),
        price_to: Some(2400),
        compare_at_price: None,
        availability: Availability::FewLeft,
    }
}

fn category(slug: &str, parent: Option<&str>) -> CategoryView {
    CategoryView {
        slug: slug.to_owned(),
        parent: parent.map(str::to_owned),
        title: slug.to_uppercase(),
        description: String::new(),
    }
}

fn view(title: &str) -> ProductView {
    let variant = |sku: &str, value: &str, price| VariantView {
        id: "var_00000000000000000000000000".to_owned(),
        sku: sku.to_owned(),
        gtin: None,
        options: [("Weight".to_owned(), value.to_owned())].into(),
        price: Some(price),
        compare_at_price: Some(9900),
        image: None,
        availability: Availability::SoldOut,
    };
    let value = |value: &str| OptionValueView { value: value.to_owned(), label: format!("{value} net") };
    ProductView {
        id: "prd_00000000000000000000000000".to_owned(),
        slug: "tea".to_owned(),
        title: title.to_owned(),
        description_html: None,
        description: format!("First {title}.\n\nSecond\nline."),
        brand: Some(title.to_owned()),
        categories: Vec::new(),
        attributes: vec![contracts::catalog::AttributeView { key: "net_weight".to_owned(), value: title.to_owned() }],
        options: vec![OptionView {
            name: "Weight".to_owned(),
            label: "Weight".to_owned(),
            values: vec![value("50 g"), value("100 g")],
        }],
        images: vec![contracts::catalog::ImageView {
            url: "/media/a.png".to_owned(),
            alt: title.to_owned(),
            width: None,
            height: None,
            sizes: Vec::new(),
        }],
        locale: "en".to_owned(),
        currency: "USD".to_owned(),
        price_from: Some(2400),
        price_to: Some(4400),
        availability: Availability::InStock,
        variants: vec![variant("T-50", "50 g", 2400), variant("T-100", "100 g", 4400)],
        updated_at: "2026-05-01T12:00:00Z".to_owned(),
    }
}

fn goods(cards: Vec<ProductCard>, categories: Vec<CategoryView>) -> Goods {
    Goods { cards, categories, view: view("Green tea") }
}

fn settings(provider: &str) -> Settings {
    let input = serde_json::json!({
        "name": "Low Lamp", "default_locale": "en", "locales": ["en", "ko"], "currencies": ["USD", "KRW"],
        "payment_methods": [{"id": "card", "provider": provider, "name": "Card"}],
    });
    serde_json::from_value::<SettingsInput>(input).unwrap().validate().unwrap()
}

struct Page {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Page {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

async fn ask(goods: Goods, settings: Settings, path: &str, headers: &[(&str, &str)]) -> Page {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let router = crate::router(Arc::new(goods), Arc::new(Fixed(settings)));
    let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    Page { status, headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
}

async fn get(goods: Goods, path: &str) -> Page {
    ask(goods, settings("stripe"), path, &[]).await
}

/// The titles of the cards on a page, and the address of the next page.
fn read(page: &Page) -> (Vec<String>, Option<String>) {
    let inside = |text: &str, before: &str, after: &str| {
        text.split(before).skip(1).map(|rest| rest.split(after).next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let titles = inside(&page.text, "<span class=\"title\">", "</span>");
    let more = inside(&page.text, "rel=\"next\" href=\"", "\"").pop();
    (titles, more.map(|href| href.replace("&#38;", "&").replace("&amp;", "&")))
}

#[tokio::test]
async fn hostile_texts_stay_texts() {
    let hostile = || Goods {
        cards: vec![card(HOSTILE, &[HOSTILE])],
        categories: vec![CategoryView { title: HOSTILE.to_owned(), ..category(HOSTILE, None) }],
        view: view(HOSTILE),
    };
    let mut settings = settings("stripe");
    settings.name = Some(domain::text::Title::parse(HOSTILE).unwrap());
    let encoded = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    for path in [
        "/".to_owned(),
        "/p/tea".to_owned(),
        format!("/p/{encoded}"),
        format!("/?q={encoded}"),
        format!("/?category={encoded}&currency={encoded}&locale={encoded}&cursor={encoded}"),
        format!("/nothing/{encoded}"),
    ] {
        let page = ask(hostile(), settings.clone(), &path, &[]).await;
        assert!(!page.text.contains("<script"), "{path}: {}", page.text);
        assert!(!page.text.contains("\"\">"), "{path}");
        assert!(page.header("content-security-policy").starts_with("default-src 'none';"), "{path}");
    }
}

#[tokio::test]
async fn a_product_is_shown_with_its_choices() {
    let page = get(goods(Vec::new(), Vec::new()), "/p/tea").await;
    assert_eq!(page.status, StatusCode::OK);
    for part in [
        "<html lang=\"en\">",
        "<title>Green tea · Low Lamp</title>",
        "<meta name=\"description\" content=\"First Green tea. Second line.\">",
        "from $24.00",
        "50 g net",
        "<td>$44.00 <s aria-label=\"Before\">$99.00</s></td>",
        "Sold out",
        "<p class=\"text\">First Green tea.</p>",
        "<p class=\"text\">Second\nline.</p>",
        "<dt>Net weight</dt>",
        "<img src=\"/media/a.png\" alt=\"Green tea\">",
    ] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert!(!page.text.contains("banner"));
    assert!(!page.text.contains("<script"));
}

#[tokio::test]
async fn currency_and_language_are_kept_in_links() {
    let page = get(goods(vec![card("Mug", &[])], Vec::new()), "/?currency=KRW&locale=ko").await;
    for part in [
        "<html lang=\"ko\">",
        "₩1,200부터",
        "/p/mug?currency=KRW",
        "locale=ko",
        "얼마 남지 않음",
        "name=\"currency\" value=\"KRW\"",
    ] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert_eq!(page.header("content-language"), "ko");
    // What the shop does not have is as good as not asked for.
    let page = get(goods(vec![card("Mug", &[])], Vec::new()), "/?currency=EUR&locale=xx&limit=%zz").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("href=\"/p/mug\"") && page.text.contains("$12.00"));
}

#[tokio::test]
async fn every_page_of_a_shop_being_tried_out_says_so() {
    for path in ["/", "/p/tea", "/p/nothing", "/nothing"] {
        let page = ask(goods(Vec::new(), Vec::new()), settings("test"), path, &[]).await;
        assert!(page.text.contains("payments are simulated"), "{path}");
        let page = ask(goods(Vec::new(), Vec::new()), settings("test"), &format!("{path}?locale=ko"), &[]).await;
        assert!(page.text.contains("시험 운영"), "{path}");
    }
}

#[tokio::test]
async fn the_whole_shop_is_paged_without_loss() {
    let categories =
        || vec![category("tea", None), category("leaf", Some("tea")), category("none", None), category("cups", None)];
    let cards: Vec<ProductCard> =
        (0..100).map(|n| card(&format!("{n}"), [&["tea"][..], &["cups"], &[], &["gone"]][n % 4])).collect();
    let (mut seen, mut next) = (Vec::new(), Some("/".to_owned()));
    while let Some(path) = next {
        let page = get(goods(cards.clone(), categories()), &path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        let (titles, more) = read(&page);
        seen.extend(titles);
        next = more;
    }
    let numbers: Vec<usize> = seen.iter().map(|title| title.parse().unwrap()).collect();
    let of = |rest: &[usize]| (0..100).filter(|n| rest.contains(&(n % 4))).collect::<Vec<_>>();
    assert_eq!(numbers, [of(&[0]), of(&[1]), of(&[2, 3])].concat());
}

#[tokio::test]
async fn a_category_leads_up_and_down() {
    let categories = || vec![category("tea", None), category("leaf", Some("tea")), category("green", Some("leaf"))];
    let page = get(goods(vec![card("Sejak", &["leaf"])], categories()), "/?category=leaf").await;
    assert!(page.text.contains("<h1>LEAF</h1>") && page.text.contains("Sejak"));
    assert!(page.text.contains("href=\"/?category=tea\"") && page.text.contains("href=\"/?category=green\""));
    assert_eq!(get(goods(Vec::new(), categories()), "/?category=nope").await.status, StatusCode::NOT_FOUND);
    let found = get(goods(vec![card("Sejak", &[]), card("Mug", &[])], Vec::new()), "/?q=Sej").await;
    assert_eq!(read(&found).0, ["Sejak"]);
    assert!(get(goods(Vec::new(), Vec::new()), "/?q=x").await.text.contains("Nothing found."));
    assert!(get(goods(Vec::new(), Vec::new()), "/").await.text.contains("There is nothing for sale yet."));
}

#[tokio::test]
async fn what_is_not_there_is_a_page_and_for_programs_a_problem() {
    let nothing = || goods(Vec::new(), Vec::new());
    let page = get(nothing(), "/p/nothing").await;
    assert_eq!((page.status, page.header("content-type")), (StatusCode::NOT_FOUND, "text/html; charset=utf-8"));
    assert!(page.text.contains("There is nothing here") && page.header("cache-control") == "no-store");
    assert_eq!(get(nothing(), "/p/broken").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(get(nothing(), "/apiary").await.header("content-type"), "text/html; charset=utf-8");
    for path in ["/api", "/api/nothing"] {
        let page = get(nothing(), path).await;
        assert_eq!((page.status, page.header("content-type")), (StatusCode::NOT_FOUND, "application/problem+json"));
    }
}

#[tokio::test]
async fn who_has_a_page_is_not_sent_it_again() {
    for path in ["/", "/p/tea"] {
        let page = get(goods(Vec::new(), Vec::new()), path).await;
        let tag = page.header("etag").to_owned();
        assert!(page.header("cache-control").contains("stale-while-revalidate"));
        let known = ask(goods(Vec::new(), Vec::new()), settings("stripe"), path, &[("if-none-match", &tag)]).await;
        assert_eq!((known.status, known.text.len()), (StatusCode::NOT_MODIFIED, 0));
    }
    let page = get(goods(Vec::new(), Vec::new()), "/").await;
    let style = page.text.split("href=\"/assets/").nth(1).unwrap().split('"').next().unwrap();
    let style = get(goods(Vec::new(), Vec::new()), &format!("/assets/{style}")).await;
    assert_eq!((style.status, style.header("content-type")), (StatusCode::OK, "text/css; charset=utf-8"));
    assert!(style.header("cache-control").contains("immutable"));
    assert_eq!(get(goods(Vec::new(), Vec::new()), "/assets/style.css").await.status, StatusCode::NOT_FOUND);
}
