//! The collection `products`: one document for each product, with what a list shows of it and the indexes of all lists.
//! It does not know the tree of categories: a product stands under the slugs that it names, and who asks for a category
//! asks for those under it, too. So a changed tree changes no document.

use domain::catalog::{Content, Fact, Product, Section, State, Status, Translation, Variant};
use domain::money::Currency;
use platform::documents::tuple::Key;
use platform::documents::{Collection, Entry};
use platform::log::executor::CommittedFact;
use platform::projection::Projection;
use serde::{Deserialize, Serialize};

use super::kinds::Products;

pub const PRODUCTS: Collection = Collection::derived("products");

/// Active products: scope (null or a category), then the time of creation.
pub const BY_TIME: &str = "by_time";
/// Active products: scope, then the title in lower case.
pub const BY_TITLE: &str = "by_title";
/// Active products: currency, scope, then the lowest price.
pub const BY_PRICE: &str = "by_price";
/// All products: scope (null or a status), then the time of creation.
pub const FOR_STAFF: &str = "for_staff";

/// All products: the slug. What exports walk.
pub const BY_SLUG: &str = "by_slug";

/// The field of a document that holds all its titles, a line for each language.
pub const TITLES: &str = "titles";

/// A product as lists know it: without descriptions, attributes and options.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProductDoc {
    titles: String,
    slim: State,
}

impl ProductDoc {
    fn after(before: Option<Self>, fact: &Fact, at: jiff::Timestamp) -> Self {
        let mut slim = before.map(|document| document.slim).unwrap_or_default();
        slim.apply(&slimmed(fact), at);
        let titles = slim.product().map(titles).unwrap_or_default();
        Self { titles, slim }
    }

    pub fn product(&self) -> Option<&Product> {
        self.slim.product()
    }
}

/// Feeds [`PRODUCTS`].
pub struct ProductLists;

impl Projection for ProductLists {
    const NAME: &'static str = "products";
    const VERSION: u32 = 2;
    const COLLECTION: Collection = PRODUCTS;
    type Doc = ProductDoc;

    fn keys(&self, fact: &CommittedFact) -> Vec<String> {
        fact.of::<Products>().map(|_| fact.stream.key()).into_iter().collect()
    }

    fn fold(&self, _: &str, document: Option<ProductDoc>, fact: &CommittedFact) -> Option<ProductDoc> {
        match fact.of::<Products>() {
            Some(product_fact) => Some(ProductDoc::after(document, product_fact, fact.time)),
            None => document,
        }
    }

    fn entries(&self, _: &str, document: &ProductDoc) -> Vec<Entry> {
        document.product().map(entries).unwrap_or_default()
    }
}

fn entries(product: &Product) -> Vec<Entry> {
    let content = &product.content;
    let created = |scope: Key| scope.time(product.created_at);
    let mut entries = vec![
        Entry::new(FOR_STAFF, created(Key::new().null())),
        Entry::new(FOR_STAFF, created(Key::new().text(status_text(content.status)))),
        Entry::new(BY_SLUG, Key::new().text(content.slug.as_str())),
    ];
    if content.status != Status::Active {
        return entries;
    }
    let scopes = std::iter::once(None).chain(content.categories.iter().map(|slug| Some(slug.as_str())));
    for scope in scopes {
        let under = |key: Key| scoped(key, scope);
        entries.push(Entry::new(BY_TIME, created(under(Key::new()))));
        entries.push(Entry::new(BY_TITLE, under(Key::new()).text(&title_key(content))));
        for currency in currencies(content) {
            if let Some(price) = content.price_in(currency) {
                entries.push(Entry::new(BY_PRICE, under(Key::new().text(currency.code())).int(price.amount())));
            }
        }
    }
    entries
}

/// A key with a category, or with none for the whole shop.
pub fn scoped(key: Key, category: Option<&str>) -> Key {
    match category {
        Some(slug) => key.text(slug),
        None => key.null(),
    }
}

pub fn status_text(status: Status) -> &'static str {
    match status {
        Status::Draft => "draft",
        Status::Active => "active",
        Status::Archived => "archived",
    }
}

pub fn title_key(content: &Content) -> String {
    content.title.as_str().to_lowercase()
}

/// Every currency that some variant has a price in, each once.
pub fn currencies(content: &Content) -> Vec<Currency> {
    let all = content.variants.iter().flat_map(|variant| &variant.prices).map(|price| price.currency());
    all.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

/// In all languages, a line each.
pub fn titles(product: &Product) -> String {
    let translated = product.content.translations.values().filter_map(|text| text.title.as_ref());
    let all: Vec<&str> =
        std::iter::once(&product.content.title).chain(translated).map(|title| title.as_str()).collect();
    all.join("\n")
}

/// The fact without what no list shows, so that documents stay small.
fn slimmed(fact: &Fact) -> Fact {
    match fact {
        Fact::Created { id, content } => {
            let content = Content {
                description: String::new(),
                description_html: None,
                image_urls: Vec::new(),
                attributes: Default::default(),
                options: Vec::new(),
                variants: content.variants.iter().map(slim_variant).collect(),
                translations: slim_translations(&content.translations),
                ..content.as_ref().clone()
            };
            Fact::Created { id: id.clone(), content: Box::new(content) }
        }
        Fact::Changed { sections } => Fact::Changed { sections: sections.iter().filter_map(slim_section).collect() },
        Fact::Archived {} | Fact::Restored { .. } => fact.clone(),
    }
}

fn slim_section(section: &Section) -> Option<Section> {
    match section {
        Section::Description { .. }
        | Section::DescriptionHtml { .. }
        | Section::Attributes { .. }
        | Section::Options { .. }
        | Section::ImageUrls { .. } => None,
        Section::Variants { put, removed, order } => {
            let put = put.iter().map(slim_variant).collect();
            Some(Section::Variants { put, removed: removed.clone(), order: order.clone() })
        }
        Section::Translations { put, removed } => {
            Some(Section::Translations { put: slim_translations(put), removed: removed.clone() })
        }
        other => Some(other.clone()),
    }
}

fn slim_variant(variant: &Variant) -> Variant {
    Variant { options: Default::default(), gtin: None, image: None, ..variant.clone() }
}

fn slim_translations<K: Ord + Clone>(
    translations: &std::collections::BTreeMap<K, Translation>,
) -> std::collections::BTreeMap<K, Translation> {
    let slim = |text: &Translation| Translation {
        title: text.title.clone(),
        image_alts: text.image_alts.clone(),
        ..Translation::default()
    };
    translations.iter().map(|(locale, text)| (locale.clone(), slim(text))).collect()
}
