//! The streams that the catalogue writes: a product each, a claim for each SKU and slug, and the tree of categories.
//! It does not know who reads them.

use domain::catalog::{Categories, Fact, State};
use domain::ids::ProductId;
use domain::sku::Sku;
use domain::text::Slug;
use jiff::Timestamp;
use platform::log::StreamId;
use platform::log::kind::Kind;
use serde::{Deserialize, Serialize};

/// `product-{key}`: what became of one product.
pub struct Products;

impl Products {
    pub fn stream(id: &ProductId) -> StreamId {
        StreamId::new(Self::NAME, id.key())
    }
}

impl Kind for Products {
    const NAME: &'static str = "product";
    const STATE_VERSION: u32 = 1;
    type State = State;
    type Fact = Fact;

    fn apply(state: &mut State, fact: &Fact, at: Timestamp) {
        state.apply(fact, at);
    }

    /// Texts as they are, and for each variant its names, options and prices.
    fn weight(state: &State) -> usize {
        const VARIANT_BYTES: usize = 600;
        let Some(product) = state.product() else { return 256 };
        let content = &product.content;
        let translated: usize = content
            .translations
            .values()
            .map(|text| {
                let html = text.description_html.as_ref().map_or(0, String::len);
                512 + text.description.as_ref().map_or(0, String::len) + html + text.attributes.len() * 128
            })
            .sum();
        let html = content.description_html.as_ref().map_or(0, String::len);
        let own = content.description.len()
            + html
            + content.attributes.len() * 128
            + (content.images.len() + content.image_urls.len()) * 128;
        1_024 + own + translated + content.variants.len() * VARIANT_BYTES
    }
}

/// A name that only one product can have at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimFact {
    Taken { product: ProductId },
    GivenUp {},
}

/// Who has the name; nobody at first, and again when it was given up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub holder: Option<ProductId>,
}

impl Claim {
    fn apply(&mut self, fact: &ClaimFact) {
        self.holder = match fact {
            ClaimFact::Taken { product } => Some(product.clone()),
            ClaimFact::GivenUp {} => None,
        };
    }
}

/// `claim_sku-{sku}`
pub struct SkuClaims;

impl SkuClaims {
    pub fn stream(sku: &Sku) -> StreamId {
        StreamId::new(Self::NAME, sku.as_str())
    }
}

impl Kind for SkuClaims {
    const NAME: &'static str = "claim_sku";
    const STATE_VERSION: u32 = 1;
    type State = Claim;
    type Fact = ClaimFact;

    fn apply(state: &mut Claim, fact: &ClaimFact, _: Timestamp) {
        state.apply(fact);
    }

    fn weight(_: &Claim) -> usize {
        64
    }
}

/// `claim_slug-{slug}`
pub struct SlugClaims;

impl SlugClaims {
    pub fn stream(slug: &Slug) -> StreamId {
        StreamId::new(Self::NAME, slug.as_str())
    }
}

impl Kind for SlugClaims {
    const NAME: &'static str = "claim_slug";
    const STATE_VERSION: u32 = 1;
    type State = Claim;
    type Fact = ClaimFact;

    fn apply(state: &mut Claim, fact: &ClaimFact, _: Timestamp) {
        state.apply(fact);
    }

    fn weight(_: &Claim) -> usize {
        64
    }
}

/// The whole tree at once: it is small, and a change of one category is judged against all others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TreeFact {
    Replaced { categories: Categories },
}

/// `categories-main`
pub struct CategoryTree;

impl CategoryTree {
    pub fn stream() -> StreamId {
        StreamId::new(Self::NAME, "main")
    }
}

impl Kind for CategoryTree {
    const NAME: &'static str = "categories";
    const STATE_VERSION: u32 = 1;
    type State = Categories;
    type Fact = TreeFact;

    fn apply(state: &mut Categories, fact: &TreeFact, _: Timestamp) {
        let TreeFact::Replaced { categories } = fact;
        state.clone_from(categories);
    }

    fn weight(state: &Categories) -> usize {
        256 + state.all().len() * 1_024
    }
}
