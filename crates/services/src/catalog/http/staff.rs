//! What staff do with products and categories.
//! It does not know sessions: whoever is staff was found out before.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::Error;
use domain::catalog::{Categories, CategoryInput, Product, Status};
use domain::ids::ProductId;
use domain::sku::MAX_SKU_CHARS;
use domain::text::MAX_TITLE_CHARS;
use platform::http::etag::ETag;
use platform::http::extract::{Body, IfMatch, IfNoneMatch, OptionalBody, Params, Segment};
use platform::http::idempotency::{Mode, Optional};
use platform::http::lists::{Limit, Listing};
use platform::log::Version;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::Desk;
use super::forms::{CategoriesForm, CategoryForm, ProductForm, ProductStatus};
use super::object::Object;
use super::patch::ProductPatch;
use super::resources::{ProductResource, ProductRow, categories};
use crate::catalog::lists::ListForStaff;
use crate::catalog::reading::within;
use crate::http::{Answer, Repeatable, StaffCaller};
use crate::refusals::{Always, BadBody, Refused};

/// What is wrong with a form, at most; a form of 2,000 variants can be wrong 10,000 times.
const ERRORS_MAX: usize = 100;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    #[param(inline)]
    status: Option<ProductStatus>,
    /// Part of a title in any language, without regard to case.
    #[param(max_length = 200)]
    q: Option<String>,
    /// The whole SKU of one of its variants.
    #[param(max_length = 64)]
    sku: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: Limit,
}

/// Lists all products, the newest first.
#[utoipa::path(get, path = "/api/admin/products", tag = "catalog (staff)", security(("staff_key" = [])), params(ListParams), responses(
    (status = 200, description = "A page of products.", body = Listing<ProductRow>),
    Refused<400>, Always,
))]
pub(super) async fn list_products(
    State(desk): State<Arc<Desk>>,
    StaffCaller(_): StaffCaller,
    Params(params): Params<ListParams>,
) -> Answer<Json<Listing<ProductRow>>> {
    let ListParams { status, q, sku, cursor, limit } = params;
    let sku = within("sku", sku, MAX_SKU_CHARS)?;
    let q = within("q", q, MAX_TITLE_CHARS)?;
    let query = ListForStaff { status: status.map(Into::into), q, sku, cursor, limit: limit.get() };
    let contracts::catalog::Listing { items, next_cursor } = desk.catalog.list_for_staff(&query).await?;
    Ok(Json(Listing { items: items.iter().map(ProductRow::from).collect(), next_cursor }))
}

/// Creates a product.
#[utoipa::path(post, path = "/api/admin/products", tag = "catalog (staff)", security(("staff_key" = [])), request_body = ProductForm,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same on a retry.", max_length = 255)),
    responses(
        (status = 201, description = "Created.", body = ProductResource, headers(
            ("ETag" = String, description = "Its version."), ("Location" = String, description = "Its address."))),
        BadBody, Refused<409>, Always,
))]
pub(super) async fn create_product(
    State(desk): State<Arc<Desk>>,
    StaffCaller(caller): StaffCaller,
    Optional(key): Optional,
    body: Body<Object<ProductForm>>,
) -> Response {
    let request = Repeatable {
        caller: &caller,
        route: "POST /api/admin/products",
        key: key.as_ref(),
        body_hash: body.hash,
        mode: Mode::Replay,
    };
    let (catalog, caller) = (&desk.catalog, &caller);
    let work = |bytes| async move {
        let input = body.value.0.into_input().map_err(Error::invalid)?;
        let id = ProductId::from_bytes(bytes);
        let product = catalog.create(id, &input, caller).await.map_err(shortened)?;
        let location = format!("/api/admin/products/{}", product.id);
        let location = HeaderValue::try_from(location).map_err(|error| Error::internal(error.to_string()))?;
        Ok((StatusCode::CREATED, [(header::LOCATION, location)], shown(&product)))
    };
    desk.repeats.run(request, catalog.machinery.id_bytes(), work).await
}

/// One product, whatever its status.
#[utoipa::path(get, path = "/api/admin/products/{id}", tag = "catalog (staff)", security(("staff_key" = [])),
    params(("id" = String, Path, description = "Its id.")),
    responses(
        (status = 200, description = "The product.", body = ProductResource,
            headers(("ETag" = String, description = "Its version, for `If-Match`."))),
        (status = 304, description = "Still at the version that was sent as `If-None-Match`."),
        Refused<404>, Always,
))]
pub(super) async fn get_product(
    State(desk): State<Arc<Desk>>,
    StaffCaller(_): StaffCaller,
    Segment(id): Segment<ProductId>,
    known: IfNoneMatch,
) -> Answer<Response> {
    let product = desk.catalog.by_id(&id).await?;
    Ok(known.answer(&product.version.into(), shown(&product)))
}

/// Replaces a product. Variants keep their ids by naming them, or by their SKU.
#[utoipa::path(put, path = "/api/admin/products/{id}", tag = "catalog (staff)", security(("staff_key" = [])), request_body = ProductForm,
    params(("id" = String, Path, description = "Its id."),
        ("If-Match" = String, Header, description = "The `ETag` that was read.")),
    responses(
        (status = 200, description = "The product as it is now.", body = ProductResource,
            headers(("ETag" = String, description = "Its new version."))),
        BadBody, Refused<404>, Refused<409>, Refused<412>, Refused<428>, Always,
))]
pub(super) async fn replace_product(
    State(desk): State<Arc<Desk>>,
    StaffCaller(caller): StaffCaller,
    Segment(id): Segment<ProductId>,
    if_match: IfMatch,
    body: Body<Object<ProductForm>>,
) -> Answer<Response> {
    let if_match = if_match.required()?;
    let input = body.value.0.into_input().map_err(Error::invalid)?;
    let product = desk.catalog.rewrite(&id, &if_match, |_| Ok(input.clone()), &caller).await.map_err(shortened)?;
    Ok(shown(&product))
}

/// Changes some members of a product: JSON Merge Patch.
#[utoipa::path(patch, path = "/api/admin/products/{id}", tag = "catalog (staff)", security(("staff_key" = [])),
    request_body(content((ProductPatch = "application/merge-patch+json"), (ProductPatch = "application/json"))),
    params(("id" = String, Path, description = "Its id."),
        ("If-Match" = String, Header, description = "The `ETag` that was read."),
        ("Idempotency-Key" = Option<String>, Header, description = "The same on a retry.", max_length = 255)),
    responses(
        (status = 200, description = "The product as it is now.", body = ProductResource,
            headers(("ETag" = String, description = "Its new version."))),
        BadBody, Refused<404>, Refused<409>, Refused<412>, Refused<428>, Always,
))]
pub(super) async fn patch_product(
    State(desk): State<Arc<Desk>>,
    StaffCaller(caller): StaffCaller,
    Segment(id): Segment<ProductId>,
    if_match: IfMatch,
    Optional(key): Optional,
    body: Body<Object<ProductPatch>>,
) -> Answer<Response> {
    let if_match = if_match.required()?;
    let route = format!("PATCH /api/admin/products/{id}");
    let request =
        Repeatable { caller: &caller, route: &route, key: key.as_ref(), body_hash: body.hash, mode: Mode::Replay };
    let work = |_| async {
        let write = |product: &Product| body.value.0.on(&product.content);
        let product = desk.catalog.rewrite(&id, &if_match, write, &caller).await.map_err(shortened)?;
        Ok(shown(&product))
    };
    Ok(desk.repeats.run(request, [0; 16], work).await)
}

/// Takes a product off sale for good; it keeps its SKUs and its slug.
#[utoipa::path(post, path = "/api/admin/products/{id}/archive", tag = "catalog (staff)", security(("staff_key" = [])),
    params(("id" = String, Path, description = "Its id."),
        ("If-Match" = String, Header, description = "The `ETag` that was read."),
        ("Idempotency-Key" = Option<String>, Header, description = "The same on a retry.", max_length = 255)),
    responses(
        (status = 200, description = "The product as it is now.", body = ProductResource,
            headers(("ETag" = String, description = "Its new version."))),
        BadBody, Refused<404>, Refused<409>, Refused<412>, Refused<428>, Always,
))]
pub(super) async fn archive_product(
    State(desk): State<Arc<Desk>>,
    StaffCaller(caller): StaffCaller,
    Segment(id): Segment<ProductId>,
    if_match: IfMatch,
    Optional(key): Optional,
) -> Answer<Response> {
    let if_match = if_match.required()?;
    let route = format!("POST /api/admin/products/{id}/archive");
    let request =
        Repeatable { caller: &caller, route: &route, key: key.as_ref(), body_hash: [0; 32], mode: Mode::Replay };
    let work = |_| async { Ok(shown(desk.catalog.archive(&id, &if_match, &caller).await?.as_ref())) };
    Ok(desk.repeats.run(request, [0; 16], work).await)
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RestoreProduct)]
pub(super) struct RestoreForm {
    /// `draft` unless told.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "active")]
    status: Option<String>,
}

/// Brings an archived product back, as a draft or on sale.
#[utoipa::path(post, path = "/api/admin/products/{id}/restore", tag = "catalog (staff)", security(("staff_key" = [])),
    request_body = Option<RestoreForm>,
    params(("id" = String, Path, description = "Its id."),
        ("If-Match" = String, Header, description = "The `ETag` that was read."),
        ("Idempotency-Key" = Option<String>, Header, description = "The same on a retry.", max_length = 255)),
    responses(
        (status = 200, description = "The product as it is now.", body = ProductResource,
            headers(("ETag" = String, description = "Its new version."))),
        BadBody, Refused<404>, Refused<409>, Refused<412>, Refused<428>, Always,
))]
pub(super) async fn restore_product(
    State(desk): State<Arc<Desk>>,
    StaffCaller(caller): StaffCaller,
    Segment(id): Segment<ProductId>,
    if_match: IfMatch,
    Optional(key): Optional,
    body: OptionalBody<Option<Object<RestoreForm>>>,
) -> Answer<Response> {
    let if_match = if_match.required()?;
    let route = format!("POST /api/admin/products/{id}/restore");
    let request =
        Repeatable { caller: &caller, route: &route, key: key.as_ref(), body_hash: body.hash, mode: Mode::Replay };
    let status = body.value.flatten().unwrap_or_default().0.status;
    let work = |_| async {
        let status = status.as_deref().map(super::forms::read_status).transpose();
        let status = status.map_err(|error| Error::invalid(vec![error]))?.unwrap_or(Status::Draft);
        Ok(shown(desk.catalog.restore(&id, status, &if_match, &caller).await?.as_ref()))
    };
    Ok(desk.repeats.run(request, [0; 16], work).await)
}

/// All categories as staff wrote them.
#[utoipa::path(get, path = "/api/admin/categories", tag = "catalog (staff)", security(("staff_key" = [])), responses(
    (status = 200, description = "All categories.", body = Listing<CategoryForm>,
        headers(("ETag" = String, description = "The tree's version, for `If-Match`."))),
    (status = 304, description = "Still at the version that was sent as `If-None-Match`."),
    Always,
))]
pub(super) async fn get_categories(
    State(desk): State<Arc<Desk>>,
    StaffCaller(_): StaffCaller,
    known: IfNoneMatch,
) -> Answer<Response> {
    let (tree, version) = desk.catalog.tree().await?;
    Ok(known.answer(&version.into(), shown_tree(&tree, version)))
}

/// Replaces all categories. Products keep the slugs that they name.
#[utoipa::path(put, path = "/api/admin/categories", tag = "catalog (staff)", security(("staff_key" = [])), request_body = CategoriesForm,
    params(("If-Match" = String, Header, description = "The `ETag` that was read.")),
    responses(
        (status = 200, description = "The categories as they are now.", body = Listing<CategoryForm>,
            headers(("ETag" = String, description = "The tree's new version."))),
        BadBody, Refused<404>, Refused<409>, Refused<412>, Refused<428>, Always,
))]
pub(super) async fn replace_categories(
    State(desk): State<Arc<Desk>>,
    StaffCaller(caller): StaffCaller,
    if_match: IfMatch,
    body: Body<Object<CategoriesForm>>,
) -> Answer<Response> {
    let if_match = if_match.required()?;
    let inputs: Vec<CategoryInput> = body.value.0.items.into_iter().map(CategoryForm::into_input).collect();
    let tree = Categories::from_inputs(&inputs)
        .map_err(|errors| shortened(Error::invalid(errors.into_iter().map(|error| error.under("/items")).collect())))?;
    let version = desk.catalog.plant(tree.clone(), &if_match, &caller).await?;
    Ok(shown_tree(&tree, version).into_response())
}

fn shown(product: &Product) -> Response {
    (versioned(product.version), Json(ProductResource::from(product))).into_response()
}

fn shown_tree(tree: &Categories, version: Version) -> impl IntoResponse {
    (versioned(version), Json(Listing::whole(categories(tree))))
}

/// Kept by nobody in between: staff see things as they are.
fn versioned(version: Version) -> [(HeaderName, HeaderValue); 2] {
    [(header::ETAG, ETag::version(version).header()), (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))]
}

fn shortened(mut error: Error) -> Error {
    let all = error.fields.len();
    if all > ERRORS_MAX {
        error.fields.truncate(ERRORS_MAX);
        error.message = format!("{all} fields are not acceptable; these are the first {ERRORS_MAX}");
    }
    error
}
