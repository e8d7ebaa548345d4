//! `GET /api/products`: the list of what is for sale, found by words and facets.
//! It does not know how anything is found; parameters become what [`contracts::search::Search`] is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use contracts::catalog::ProductCard;
use contracts::search::{Facets, Found, Order, Search as _, Wanted};
use contracts::{Error, Kind, Result};
use domain::field::FieldError;
use domain::text::{MAX_SLUG_CHARS, MAX_TITLE_CHARS};
use platform::http::extract::{IfNoneMatch, Params};
use platform::http::lists::Limit;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi as _, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Search;
use crate::http::{Answer, cached};
use crate::reading::{reading, within};
use crate::refusals::{Always, Refused, Schemas};

/// Short, because availability is part of it; a shop under load may give an older one meanwhile.
const FRESH_FOR: Duration = Duration::from_secs(5);
/// Values that one search may choose among, of all facets together.
const CHOSEN_MAX: usize = 50;
/// What an attribute's parameter begins with: `attr.Colour=Red`.
const ATTRIBUTE: &str = "attr.";
const BRAND: &str = "brand";
/// No price is higher.
const AMOUNT_MAX: i64 = 1_000_000_000_000;

/// `GET /api/products`.
pub fn router(search: Arc<Search>) -> OpenApiRouter {
    OpenApiRouter::with_openapi(Schemas::openapi()).routes(routes!(find_products)).with_state(search)
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FindParams {
    /// Words in any of the shop's languages, all of which are found; the last may be the beginning of a word.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Slug of a category; products under its descendants are found, too.
    #[param(max_length = 100)]
    category: Option<String>,
    /// Minor units of the currency, inclusive.
    #[param(value_type = Option<i64>, minimum = 0, maximum = 1_000_000_000_000_i64)]
    price_min: Option<String>,
    /// Minor units of the currency, inclusive.
    #[param(value_type = Option<i64>, minimum = 0, maximum = 1_000_000_000_000_i64)]
    price_max: Option<String>,
    /// `true`: only what can be bought now.
    #[serde(default)]
    #[param(required = false)]
    in_stock: bool,
    /// By relevance where there are words, else the newest first. By title, the shop's own language counts.
    #[param(inline)]
    sort: Option<Order>,
    /// `true`: with counts of what could be chosen next.
    #[serde(default)]
    #[param(required = false)]
    facets: bool,
    /// ISO 4217; the shop's first unless told. Products without a price in it are not found.
    #[param(example = "EUR")]
    currency: Option<String>,
    /// BCP 47; the shop's default unless told.
    #[param(example = "en")]
    locale: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: Limit,
}

/// A page of what was found.
#[derive(Debug, Serialize, ToSchema)]
struct FoundProducts {
    items: Vec<ProductCard>,
    /// Send it as `cursor` for the next page; `null` on the last.
    next_cursor: Option<String>,
    /// How many there are on all pages; at least so many while the search index is being built.
    total: u64,
    /// `null` unless asked for.
    facets: Option<Facets>,
}

/// Finds what is for sale, by words and by what it is.
///
/// Choose among attributes and options by `attr.` and their key, such as `attr.Colour=Red&attr.Colour=Blue&attr.Size=M`:
/// of one key any value, of several keys each. At most 50 values of brands and attributes together. Other parameters
/// are ignored. A page can be short and still have a next one: go on until `next_cursor` is null. What was changed a
/// moment ago is found a moment later; prices and availability are those of now.
#[utoipa::path(get, path = "/api/products", tag = "catalog", operation_id = "list_products",
    params(FindParams, ("brand" = Option<Vec<String>>, Query, description = "Any of these brands.")),
    responses(
        (status = 200, description = "A page of products.", body = FoundProducts),
        (status = 304, description = "Not changed since the answer whose `ETag` was sent as `If-None-Match`."),
        Refused<400>, Always,
))]
async fn find_products(
    State(search): State<Arc<Search>>,
    Params(params): Params<FindParams>,
    Params(pairs): Params<Vec<(String, String)>>,
    known: IfNoneMatch,
) -> Answer<Response> {
    let wanted = wanted(params, pairs)?;
    let Found { items, next_cursor, total, facets } = search.find(&wanted).await?;
    Ok(cached(&known, &FoundProducts { items, next_cursor, total, facets }, FRESH_FOR)?)
}

fn wanted(params: FindParams, pairs: Vec<(String, String)>) -> Result<Wanted> {
    let reading = reading(params.currency.as_deref(), params.locale.as_deref())?;
    let mut brands = BTreeSet::new();
    let mut attributes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut chosen = 0;
    for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
        if name == BRAND {
            chosen += usize::from(brands.insert(value));
        } else if let Some(key) = name.strip_prefix(ATTRIBUTE).filter(|key| !key.is_empty()) {
            chosen += usize::from(attributes.entry(key.to_owned()).or_default().insert(value));
        }
    }
    if chosen > CHOSEN_MAX {
        return Err(malformed(BRAND, "too_many", format!("at most {CHOSEN_MAX} brands and attributes at once")));
    }
    Ok(Wanted {
        reading,
        q: within("q", params.q, MAX_TITLE_CHARS)?,
        category: within("category", params.category, MAX_SLUG_CHARS)?,
        brands,
        attributes,
        price_min: amount("price_min", params.price_min)?,
        price_max: amount("price_max", params.price_max)?,
        only_in_stock: params.in_stock,
        order: params.sort,
        cursor: params.cursor,
        limit: params.limit.get(),
        with_facets: params.facets,
    })
}

fn amount(name: &str, text: Option<String>) -> Result<Option<i64>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    match text.parse() {
        Ok(amount @ 0..=AMOUNT_MAX) => Ok(Some(amount)),
        _ => Err(malformed(name, "invalid_amount", format!("{name} is a whole number of minor units, from 0"))),
    }
}

fn malformed(name: &str, code: &'static str, message: String) -> Error {
    let fields = vec![FieldError::new(format!("/{name}"), code, message.clone())];
    Error { fields, ..Error::new(Kind::Malformed, code, message) }
}
