//! Pictures in and out: uploads by staff, and what browsers load.
//! It does not believe what an upload says of itself; [`crate::catalog::media`] looks at the bytes.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::Error;
use platform::http::etag::ETag;
use platform::http::extract::{IfNoneMatch, Segment};
use platform::http::idempotency::Optional;
use platform::http::problem::Problem;
use utoipa::ToSchema;

use super::Desk;
use super::resources::MediaResource;
use crate::catalog::media::{Format, MEDIA_BYTES_MAX, Named, parse_name};
use crate::http::{Answer, Refusal, StaffCaller};
use crate::refusals::{Always, BadBody, Refused};

const FIELD: &str = "file";
const EXPECTED: &str =
    "multipart/form-data with a field `file`, or the bytes themselves as image/jpeg, image/png or image/webp";
const RAW_TYPES: [&str; 4] = ["image/jpeg", "image/png", "image/webp", "application/octet-stream"];

/// A picture's bytes never change under its name.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// An SVG that is opened by itself may not run or load anything.
const SVG_POLICY: HeaderValue = HeaderValue::from_static("sandbox; default-src 'none'; style-src 'unsafe-inline'");

#[derive(ToSchema)]
#[schema(as = MediaUpload)]
#[expect(dead_code, reason = "a description for the API: the form is read as it comes")]
pub(super) struct UploadForm {
    /// JPEG, PNG or WebP, at most 20 MiB.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Uploads a picture: JPEG, PNG or WebP, at most 20 MiB.
///
/// It is stood upright, freed of what it tells besides itself (places, cameras), and made smaller in several widths. The
/// same picture is the same media, however often it is uploaded. At most 12,000 pixels a side and 50 million in all.
#[utoipa::path(post, path = "/api/admin/media", tag = "catalog (staff)", security(("staff_key" = [])),
    request_body(content((UploadForm = "multipart/form-data"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "Accepted, not needed.", max_length = 255)),
    responses(
        (status = 201, description = "Stored.", body = MediaResource,
            headers(("Location" = String, description = "Where it is served."))),
        BadBody, Refused<409>, Always,
))]
pub(super) async fn upload(
    State(desk): State<Arc<Desk>>,
    StaffCaller(caller): StaffCaller,
    Optional(_): Optional,
    request: Request,
) -> Answer<Response> {
    let bytes = read(request).await?;
    if bytes.len() > MEDIA_BYTES_MAX {
        return Err(Problem::too_large().into());
    }
    let media = desk.catalog.pictures.store(bytes, &caller).await?;
    let location = HeaderValue::try_from(&media.url).map_err(|error| Error::internal(error.to_string()))?;
    let body = axum::Json(MediaResource::from(media));
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], body).into_response())
}

async fn read(request: Request) -> Result<Bytes, Refusal> {
    let declared = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let declared = declared.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if declared == "multipart/form-data" {
        return read_form(request).await;
    }
    if !RAW_TYPES.contains(&declared.as_str()) {
        return Err(Problem::unsupported_media_type(EXPECTED).into());
    }
    let bytes = Bytes::from_request(request, &()).await.map_err(|rejection| {
        let is_too_large = rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE;
        if is_too_large { Problem::too_large() } else { torn() }
    })?;
    Ok(bytes)
}

async fn read_form(request: Request) -> Result<Bytes, Refusal> {
    let mut form = Multipart::from_request(request, &()).await.map_err(|_| torn())?;
    while let Some(field) = form.next_field().await.map_err(|error| unreadable(&error))? {
        if field.name() == Some(FIELD) {
            return Ok(field.bytes().await.map_err(|error| unreadable(&error))?);
        }
    }
    Err(Error::field("/file", "required", "the form has no field `file`").into())
}

fn unreadable(error: &MultipartError) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE { Problem::too_large() } else { torn() }
}

fn torn() -> Problem {
    Problem::malformed("malformed_body", "the upload did not arrive whole")
}

/// A picture by its name.
pub(super) async fn serve(
    State(desk): State<Arc<Desk>>,
    Segment(name): Segment<String>,
    known: IfNoneMatch,
) -> Answer<Response> {
    let Named { id, width, format } = parse_name(&name).ok_or_else(Problem::not_found)?;
    let tag = width.map_or_else(|| id.to_string(), |width| format!("{id}-{width}"));
    let etag = ETag::parse(&tag).ok_or_else(Problem::not_found)?;
    if known.matches(&etag) {
        if !desk.catalog.pictures.exists(&id).await? {
            return Err(Problem::not_found().into());
        }
        return Ok(known.answer(&etag, headers(format)));
    }
    let bytes = desk.catalog.pictures.bytes(&name).await?.ok_or_else(Problem::not_found)?;
    Ok(known.answer(&etag, (headers(format), bytes)))
}

fn headers(format: Format) -> HeaderMap {
    let mut headers: HeaderMap = [
        (header::CONTENT_TYPE, HeaderValue::from_static(format.content_type())),
        (header::CACHE_CONTROL, FOR_EVER),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ]
    .into_iter()
    .collect::<HeaderMap<HeaderValue>>();
    if format == Format::Svg {
        let policy: HeaderName = header::CONTENT_SECURITY_POLICY;
        headers.insert(policy, SVG_POLICY);
    }
    headers
}
