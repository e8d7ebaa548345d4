//! Imports and exports over HTTP, for staff: a file in, an operation to look at, a file out.
//! It does not know what is in a file.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use contracts::transfer::{Chunks, Format, ImportOrder, Operation, Transfer as _};
use contracts::{Error, Kind, Result};
use domain::field::FieldError;
use domain::ids::{OperationId, ProductId};
use domain::money::Currency;
use futures::stream::{self, StreamExt};
use platform::http::extract::{Params, Segment};
use platform::http::idempotency::{Mode, Optional};
use platform::http::lists::{Limit, Listing};
use platform::http::problem::Problem;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use utoipa::{IntoParams, OpenApi, ToSchema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use super::Transfer;
use super::spool::{Spooled, TOO_LARGE};
use crate::http::{Answer, Refusal, Repeatable, Repeats, StaffCaller};
use crate::refusals::{Always, BadBody, Refused, Schemas};

/// Where a file is sent to; it may take as long as the line is slow.
pub const IMPORTS_PATH: &str = "/api/admin/imports";
/// How long a sender may be silent.
const SILENCE_MAX: Duration = Duration::from_secs(60);
const FIELD: &str = "file";
const EXPECTED: &str =
    "text/csv, application/jsonl, application/octet-stream with `format`, or multipart/form-data with a field `file`";

#[derive(Clone)]
struct Http {
    transfer: Arc<Transfer>,
    repeats: Repeats,
}

/// `/api/admin/{imports,exports,operations}`, `/api/operations/{id}` and `/api/admin/products/{id}/fetch-images`.
pub fn router(transfer: Arc<Transfer>, repeats: Repeats) -> OpenApiRouter {
    OpenApiRouter::with_openapi(Schemas::openapi())
        // The file is counted as it comes and lies on disk, so that its size costs no memory.
        .routes(routes!(import).layer(DefaultBodyLimit::disable()))
        .routes(routes!(export))
        .routes(routes!(operation))
        .routes(routes!(operations))
        .routes(routes!(fetch_images))
        .with_state(Http { transfer, repeats })
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ImportParams {
    /// Told by the body's type where it is not sent.
    #[param(inline)]
    format: Option<Format>,
    /// Of prices in columns that name none; the shop's first unless told.
    #[param(min_length = 3, max_length = 3)]
    currency: Option<String>,
    /// Say what would come of it, and change nothing.
    #[serde(default)]
    dry_run: bool,
    /// Fetch the pictures that the file names, too.
    #[serde(default)]
    fetch_images: bool,
}

#[derive(ToSchema)]
#[schema(as = ProductFileUpload)]
#[expect(dead_code, reason = "a description for the API: the form is read as it comes")]
struct ImportForm {
    /// At most 256 MiB.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Imports a file of products: Shopify's CSV, or JSONL with a product of this API on each line.
///
/// Answers as soon as the file has come, and works on in the background. A product is found by its handle (slug), else by
/// its SKUs. The same file again changes nothing; stock counts only for SKUs that are new. One import at a time: 409
/// `operation_running`.
#[utoipa::path(post, path = "/api/admin/imports", tag = "import and export", security(("staff_key" = [])),
    request_body(content((String = "text/csv"), (String = "application/jsonl"), (ImportForm = "multipart/form-data"))),
    params(ImportParams,
        ("Idempotency-Key" = Option<String>, Header, description = "The same on a retry.", max_length = 255)),
    responses(
        (status = 202, description = "The file has come; the operation says what comes of it.", body = Operation,
            headers(("Location" = String, description = "Where to look at the operation."))),
        BadBody, Refused<409>, Always,
))]
async fn import(
    State(http): State<Http>,
    StaffCaller(caller): StaffCaller,
    Params(params): Params<ImportParams>,
    Optional(key): Optional,
    request: Request,
) -> Answer<Response> {
    let declared = declared_type(&request);
    let by_type = match declared.as_str() {
        "text/csv" => Some(Format::Csv),
        "application/jsonl" | "application/x-ndjson" | "application/x-jsonlines" => Some(Format::Jsonl),
        "application/octet-stream" | "multipart/form-data" => None,
        _ => return Err(Problem::unsupported_media_type(EXPECTED).into()),
    };
    let currency = params.currency.as_deref().filter(|code| !code.is_empty()).map(read_currency).transpose()?;
    let (dry_run, fetch_images) = (params.dry_run, params.fetch_images);
    let (file, by_name) = if declared == "multipart/form-data" {
        spool_form(&http.transfer, request).await?
    } else {
        let chunks = request.into_body().into_data_stream().map(|chunk| chunk.map_err(|_| torn()));
        (http.transfer.spooled(patiently(chunks.boxed())).await.map_err(told)?, None)
    };
    let Some(format) = params.format.or(by_type).or(by_name) else {
        http.transfer.discard(&file).await;
        return Err(Error::field("/format", "required", "say whether this is csv or jsonl").into());
    };
    let order = ImportOrder { format, currency, dry_run, fetch_images };
    let body_hash = Sha256::new().chain_update(file.hash).chain_update(format!("{order:?}")).finalize().into();
    let request = Repeatable {
        caller: &caller,
        route: "POST /api/admin/imports",
        key: key.as_ref(),
        body_hash,
        mode: Mode::Replay,
    };
    let waiting = parking_lot::Mutex::new(Some(file));
    let (transfer, asker, spooled) = (&http.transfer, &caller, &waiting);
    let work = |bytes| async move {
        let file = spooled.lock().take();
        let Some(file) = file else { return Err(Error::internal("an import ran twice").into()) };
        let id = OperationId::from_bytes(bytes);
        accepted(transfer.begin(Some(id), order, file, asker).await?)
    };
    let response = http.repeats.run(request, http.transfer.machinery.id_bytes(), work).await;
    // A repetition was answered from memory.
    let unused = waiting.lock().take();
    if let Some(file) = unused {
        http.transfer.discard(&file).await;
    }
    Ok(response)
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExportParams {
    /// `csv` unless told.
    #[param(inline)]
    format: Option<Format>,
    /// Of a CSV file's price columns; the shop's first unless told. The others have columns of their own.
    #[param(min_length = 3, max_length = 3)]
    currency: Option<String>,
}

/// All products as one file, in the order of their slugs.
#[utoipa::path(get, path = "/api/admin/exports/products", tag = "import and export", security(("staff_key" = [])),
    params(ExportParams),
    responses(
        (status = 200, description = "The file, as it is written.", content(
            (String = "text/csv"), (String = "application/jsonl"))),
        Refused<400>, Refused<422>, Always,
))]
async fn export(State(http): State<Http>, _: StaffCaller, Params(params): Params<ExportParams>) -> Answer<Response> {
    let format = params.format.unwrap_or(Format::Csv);
    let currency = params.currency.as_deref().filter(|code| !code.is_empty()).map(read_currency).transpose()?;
    let chunks = http.transfer.export(format, currency).await?;
    // What goes wrong on the way can only break the answer off, which clients notice.
    let body = Body::from_stream(chunks.inspect(|chunk| {
        if let Err(error) = chunk {
            tracing::error!(reason = error.message, "an export broke off");
        }
    }));
    let name = format!("attachment; filename=\"products.{}\"", format.as_str());
    let name = HeaderValue::try_from(name).map_err(|error| Error::internal(error.to_string()))?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(format.content_type())),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, body).into_response())
}

/// How far an operation is, and what came of it.
#[utoipa::path(get, path = "/api/operations/{id}", tag = "import and export", security(("staff_key" = [])),
    params(("id" = String, Path, description = "Its id.")),
    responses((status = 200, description = "The operation.", body = Operation), Refused<404>, Always))]
async fn operation(State(http): State<Http>, _: StaffCaller, Segment(id): Segment<OperationId>) -> Answer<Response> {
    Ok((fresh_each_time(), Json(http.transfer.operation(&id).await?)).into_response())
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: Limit,
}

/// Lists the operations of the last 30 days, the newest first, without their problems.
#[utoipa::path(get, path = "/api/admin/operations", tag = "import and export", security(("staff_key" = [])),
    params(ListParams),
    responses((status = 200, description = "A page of operations.", body = Listing<Operation>), Refused<400>, Always))]
async fn operations(State(http): State<Http>, _: StaffCaller, Params(params): Params<ListParams>) -> Answer<Response> {
    let page = http.transfer.operations(params.cursor.as_deref(), params.limit.get()).await?;
    let listing = Listing { items: page.items, next_cursor: page.next_cursor };
    Ok((fresh_each_time(), Json(listing)).into_response())
}

/// Fetches the pictures that an import named for a product and nobody fetched yet.
///
/// Only from public addresses, JPEG, PNG or WebP, at most 20 MiB each.
#[utoipa::path(post, path = "/api/admin/products/{id}/fetch-images", tag = "import and export",
    security(("staff_key" = [])),
    params(("id" = String, Path, description = "The product's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "The same on a retry.", max_length = 255)),
    responses(
        (status = 202, description = "Under way; the operation says what comes of it.", body = Operation,
            headers(("Location" = String, description = "Where to look at the operation."))),
        Refused<400>, Refused<404>, Refused<409>, Refused<422>, Always,
))]
async fn fetch_images(
    State(http): State<Http>,
    StaffCaller(caller): StaffCaller,
    Segment(id): Segment<ProductId>,
    Optional(key): Optional,
) -> Response {
    let route = format!("POST /api/admin/products/{id}/fetch-images");
    let request =
        Repeatable { caller: &caller, route: &route, key: key.as_ref(), body_hash: [0; 32], mode: Mode::Replay };
    let (transfer, caller) = (&http.transfer, &caller);
    let work = |bytes| async move {
        accepted(transfer.fetch_images(Some(OperationId::from_bytes(bytes)), &id, caller).await?)
    };
    http.repeats.run(request, http.transfer.machinery.id_bytes(), work).await
}

fn accepted(operation: Operation) -> Answer<Response> {
    let location = format!("/api/operations/{}", operation.id);
    let location = HeaderValue::try_from(location).map_err(|error| Error::internal(error.to_string()))?;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(operation)).into_response())
}

fn fresh_each_time() -> [(HeaderName, HeaderValue); 1] {
    [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))]
}

fn read_currency(code: &str) -> Result<Currency> {
    Currency::parse(code).map_err(|error| {
        let fields = vec![FieldError::new("/currency", "unknown_currency", error.to_string())];
        Error { fields, ..Error::new(Kind::Malformed, "unknown_currency", error.to_string()) }
    })
}

fn declared_type(request: &Request) -> String {
    let declared = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    declared.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The form's file, and what its name says it is.
async fn spool_form(transfer: &Transfer, request: Request) -> Answer<(Spooled, Option<Format>)> {
    let broken = || Problem::malformed("malformed_body", "the form did not arrive whole");
    let mut form = Multipart::from_request(request, &()).await.map_err(|_| broken())?;
    while let Some(mut field) = form.next_field().await.map_err(|_| broken())? {
        if field.name() != Some(FIELD) {
            continue;
        }
        let ending = field.file_name().and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending.to_lowercase());
        let by_name = match ending.as_deref() {
            Some("csv") => Some(Format::Csv),
            Some("jsonl" | "ndjson") => Some(Format::Jsonl),
            _ => None,
        };
        let (sender, receiver) = mpsc::channel::<Result<Bytes>>(1);
        let send = async move {
            loop {
                let chunk = match field.chunk().await {
                    Ok(Some(chunk)) => Ok(chunk),
                    Ok(None) => break,
                    Err(_) => Err(torn()),
                };
                let is_last = chunk.is_err();
                if sender.send(chunk).await.is_err() || is_last {
                    break;
                }
            }
        };
        let chunks = stream::unfold(receiver, |mut receiver| async { Some((receiver.recv().await?, receiver)) });
        let (file, ()) = futures::join!(transfer.spooled(patiently(chunks.boxed())), send);
        return Ok((file.map_err(told)?, by_name));
    }
    Err(Error::field("/file", "required", "the form has no field `file`").into())
}

/// The same file; one that stops coming is given up.
fn patiently(chunks: Chunks) -> Chunks {
    let next = |mut chunks: Chunks| async move {
        let chunk = tokio::time::timeout(SILENCE_MAX, chunks.next()).await.unwrap_or(Some(Err(torn())));
        Some((chunk?, chunks))
    };
    stream::unfold(chunks, next).boxed()
}

fn torn() -> Error {
    Error::new(Kind::Malformed, "malformed_body", "the file did not arrive whole")
}

fn told(error: Error) -> Refusal {
    if error.fields.iter().any(|field| field.code == TOO_LARGE) { Problem::too_large().into() } else { error.into() }
}
