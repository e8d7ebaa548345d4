//! What is written: facts, claims, races.

use contracts::Kind;
use contracts::catalog::Catalog as _;
use domain::catalog::{CategoryInput, Status};
use domain::locale::Locale;
use domain::money::Currency;
use platform::http::extract::IfMatch;
use platform::log::kind::Kind as _;

use super::*;
use crate::catalog::kinds::{ClaimFact, Products, SkuClaims};

async fn fact_types(mart: &Mart, stream: platform::log::StreamId) -> Vec<String> {
    let facts = mart.machinery.executor.log().read_stream(&stream, 0, 100).await.unwrap();
    facts.iter().map(|fact| format!("{} {}", fact.type_name, fact.body)).collect()
}

async fn rewrite(mart: &Mart, id: &ProductId, input: Value) -> Result<Arc<Product>> {
    let input = product(input);
    mart.catalog.rewrite(id, &IfMatch::default(), |_| Ok(input.clone()), &staff()).await
}

#[tokio::test(start_paused = true)]
async fn a_product_and_its_claims_are_written_together() {
    let mart = mart().await;
    let made = mart.create(simple("Mug", "MUG-1", 1200)).await.unwrap();
    assert_eq!((made.content.slug.as_str(), made.version), ("mug", 1));
    let facts = fact_types(&mart, Products::stream(&made.id)).await;
    assert!(facts.len() == 1 && facts[0].starts_with("product.created "), "{facts:?}");
    let claim = fact_types(&mart, SkuClaims::stream(&sku("MUG-1"))).await;
    assert_eq!(claim, [format!("claim_sku.taken {{\"product\":\"{}\"}}", made.id)]);
}

#[tokio::test(start_paused = true)]
async fn of_two_who_want_one_sku_at_once_one_gets_it() {
    let mart = mart().await;
    let (first, second) = tokio::join!(mart.create(simple("Mug", "MUG-1", 1)), mart.create(simple("Cup", "MUG-1", 2)));
    assert_eq!(u8::from(first.is_ok()) + u8::from(second.is_ok()), 1);
    let error = first.err().or(second.err()).unwrap();
    assert_eq!((error.kind, error.code.as_ref()), (Kind::Conflict, "sku_taken"));
    assert_eq!(error.fields[0].pointer, "/variants/0/sku");
    assert_eq!(mart.catalog.list_for_staff(&Default::default()).await.unwrap().items.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_chosen_slug_is_refused_and_one_from_the_title_is_numbered() {
    let mart = mart().await;
    mart.create(simple("Mug", "A", 1)).await.unwrap();
    let error = mart.create(with(simple("Other", "B", 1), "slug", json!("mug"))).await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.fields[0].pointer.as_str()), ("slug_taken", "/slug"));
    let (second, third) = tokio::join!(mart.create(simple("Mug", "C", 1)), mart.create(simple("Mug!", "D", 1)));
    let mut slugs = [second, third].map(|made| made.unwrap().content.slug.to_string());
    slugs.sort();
    assert_eq!(slugs, ["mug-2", "mug-3"]);
    for number in 0..9 {
        let made = mart.create(simple("Mug", &format!("E{number}"), 1)).await.unwrap();
        assert!(made.content.slug.as_str().starts_with("mug-"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_sku_that_was_given_up_can_be_taken_anew() {
    let mart = mart().await;
    let made = mart.create(simple("Mug", "MUG-1", 1)).await.unwrap();
    rewrite(&mart, &made.id, simple("Mug", "MUG-2", 1)).await.unwrap();
    let other = mart.create(simple("Cup", "MUG-1", 1)).await.unwrap();
    let facts = fact_types(&mart, SkuClaims::stream(&sku("MUG-1"))).await;
    assert_eq!(
        facts.iter().map(|fact| fact.split(' ').next().unwrap()).collect::<Vec<_>>(),
        ["claim_sku.taken", "claim_sku.given_up", "claim_sku.taken"]
    );
    let offers = mart.catalog.offers(&[sku("MUG-1"), sku("MUG-2"), sku("X")], usd(), &english()).await.unwrap();
    assert_eq!(offers.keys().map(Sku::as_str).collect::<Vec<_>>(), ["MUG-1", "MUG-2"]);
    assert_eq!(offers[&sku("MUG-1")].product, other.id);
    let error = rewrite(&mart, &made.id, simple("Mug", "MUG-1", 1)).await.unwrap_err();
    assert_eq!(error.code, "sku_taken");
}

#[tokio::test(start_paused = true)]
async fn two_skus_change_hands_only_when_free() {
    let mart = mart().await;
    let one = mart.create(simple("One", "A", 1)).await.unwrap();
    let two = mart.create(simple("Two", "B", 1)).await.unwrap();
    let (first, second) =
        tokio::join!(rewrite(&mart, &one.id, simple("One", "C", 1)), rewrite(&mart, &two.id, simple("Two", "C", 1)));
    assert_eq!(u8::from(first.is_ok()) + u8::from(second.is_ok()), 1);
    let existing = mart.catalog.existing(&[sku("A"), sku("B"), sku("C")]).await.unwrap();
    assert_eq!(existing.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_same_id_is_the_same_product() {
    let mart = mart().await;
    let id = ProductId::from_bytes([9; 16]);
    let create = |title: &str| {
        let input = product(simple(title, "A", 1));
        let (catalog, id) = (mart.catalog.clone(), id.clone());
        async move { catalog.create_product(id, input, &Caller::system()).await.unwrap() }
    };
    let (first, second) = tokio::join!(create("One"), create("One"));
    assert_eq!(first, second);
    assert_eq!(create("Other").await, first);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_change_is_no_fact() {
    let mart = mart().await;
    let made = mart.create(simple("Mug", "A", 1)).await.unwrap();
    let same = rewrite(&mart, &made.id, simple("Mug", "A", 1)).await.unwrap();
    assert_eq!(same, made);
    mart.clock.advance(std::time::Duration::from_secs(5));
    let (priced, titled) = tokio::join!(
        rewrite(&mart, &made.id, simple("Mug", "A", 2)),
        rewrite(&mart, &made.id, with(simple("Mug", "A", 1), "brand", json!("Low Lamp"))),
    );
    // Neither was lost: the second was worked out on the first.
    assert_eq!((priced.unwrap().version.max(titled.unwrap().version)), 3);
}

#[tokio::test(start_paused = true)]
async fn an_archived_product_keeps_its_names_and_comes_back() {
    let mart = mart().await;
    let made = mart.create(simple("Mug", "A", 1)).await.unwrap();
    let archived = mart.catalog.archive(&made.id, &IfMatch::default(), &staff()).await.unwrap();
    assert_eq!(archived.content.status, Status::Archived);
    assert_eq!(mart.create(simple("Cup", "A", 1)).await.unwrap_err().code, "sku_taken");
    let offers = mart.catalog.offers(&[sku("A")], usd(), &english()).await.unwrap();
    assert!(!offers[&sku("A")].purchasable);
    assert_eq!(mart.catalog.product("mug", &Reading::default()).await.unwrap_err().kind, Kind::NotFound);
    mart.catalog.restore(&made.id, Status::Active, &IfMatch::default(), &staff()).await.unwrap();
    assert!(mart.catalog.product("mug", &Reading::default()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_product_with_two_thousand_variants_is_taken() {
    let mart = mart().await;
    let values: Vec<String> = (0..200).map(|value| format!("v{value}")).collect();
    let variants: Vec<Value> = (0..2_000)
        .map(|n| {
            let options = json!({"A": values[n % 200], "B": values[n / 200]});
            json!({"sku": format!("S{n}"), "options": options, "prices": [{"amount": 100, "currency": "USD"}]})
        })
        .collect();
    let options = json!([{"name": "A", "values": values}, {"name": "B", "values": values}]);
    let input = json!({"title": "Many", "options": options, "variants": variants});
    let made = mart.create(input).await.unwrap();
    assert_eq!(made.content.variants.len(), 2_000);
    assert_eq!(mart.catalog.existing(&[sku("S1999")]).await.unwrap().len(), 1);
    mart.shelves.set("S1999", 1);
    let view = mart.catalog.product("many", &Reading::default()).await.unwrap();
    assert_eq!(view.availability, contracts::catalog::Availability::FewLeft);
    let listed = mart.catalog.products(&contracts::catalog::ListProducts::default()).await.unwrap();
    assert_eq!(listed.items[0].availability, contracts::catalog::Availability::FewLeft);
}

#[tokio::test(start_paused = true)]
async fn offers_are_in_the_readers_words() {
    let mart = mart().await;
    let input = json!({
        "title": "Tea", "options": [{"name": "Weight", "values": ["50 g"]}, {"name": "Form", "values": ["Leaf"]}],
        "variants": [{"sku": "T", "options": {"Weight": "50 g", "Form": "Leaf"}, "prices": [{"amount": 32_000, "currency": "KRW"}]}],
        "translations": {"ko": {"title": "차", "options": {"Form": {"values": {"Leaf": "잎"}}}}},
    });
    mart.create(input).await.unwrap();
    let korean = Locale::parse("ko-KR").unwrap();
    let offers = mart.catalog.offers(&[sku("T")], Currency::parse("KRW").unwrap(), &korean).await.unwrap();
    let offer = &offers[&sku("T")];
    assert_eq!((offer.title.as_str(), offer.variant.as_str(), offer.price), ("차", "50 g / 잎", Some(32_000)));
    let offers = mart.catalog.offers(&[sku("T")], usd(), &english()).await.unwrap();
    assert_eq!((offers[&sku("T")].variant.as_str(), offers[&sku("T")].price), ("50 g / Leaf", None));
}

#[tokio::test(start_paused = true)]
async fn categories_are_told_parents_first() {
    let mart = mart().await;
    let category = |slug: &str, parent: Option<&str>, position: i32| CategoryInput {
        slug: Some(slug.to_owned()),
        parent: parent.map(str::to_owned),
        title: slug.to_owned(),
        position,
        ..CategoryInput::default()
    };
    let tree = vec![category("leaf", Some("tea"), 1), category("cups", None, 2), category("tea", None, 1)];
    mart.catalog.replace_categories(tree.clone(), &Caller::system()).await.unwrap();
    mart.catalog.replace_categories(tree, &Caller::system()).await.unwrap();
    let told = mart.catalog.categories(&Reading::default()).await.unwrap();
    assert_eq!(told.iter().map(|category| category.slug.as_str()).collect::<Vec<_>>(), ["tea", "leaf", "cups"]);
    assert_eq!(mart.catalog.tree().await.unwrap().1, 1);
    let cycle = vec![category("a", Some("a"), 0)];
    assert_eq!(mart.catalog.replace_categories(cycle, &Caller::system()).await.unwrap_err().kind, Kind::Invalid);
}

/// Stored facts depend on these bytes.
#[test]
fn claims_are_stored_as_ever() {
    let taken = ClaimFact::Taken { product: ProductId::from_bytes([0; 16]) };
    let stored = Kinds::encode::<SkuClaims>(taken).unwrap();
    assert_eq!((stored.type_name.as_ref(), stored.schema), ("claim_sku.taken", 1));
    assert_eq!(stored.body.as_ref(), r#"{"product":"prd_00000000000000000000000000"}"#);
    let given_up = Kinds::encode::<SkuClaims>(ClaimFact::GivenUp {}).unwrap();
    assert_eq!((given_up.type_name.as_ref(), given_up.body.as_ref()), ("claim_sku.given_up", "{}"));
    assert_eq!(Products::NAME, "product");
}

fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}

fn english() -> Locale {
    Locale::parse("en").unwrap()
}
