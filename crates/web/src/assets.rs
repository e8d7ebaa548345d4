//! The stylesheet, the scripts and the few pictures of our own, each under a name that changes when it does, so that it can
//! be kept for ever.
//! It does not know which page uses what of it.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use platform::http::etag::ETag;
use platform::http::extract::IfNoneMatch;

const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Under a name that never changes.
const FOR_A_DAY: &str = "public, max-age=86400";

const SCRIPT_TYPE: &str = "text/javascript; charset=utf-8";

const STYLE_TYPE: &str = "text/css; charset=utf-8";

/// What shoppers' pages look like.
pub static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let style = concat!(include_str!("../assets/tokens.css"), include_str!("../assets/storefront.css"));
    Asset::new("style", "css", STYLE_TYPE, style.as_bytes())
});
/// What staff's pages look like.
pub static ADMIN_STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let style = concat!(include_str!("../assets/tokens.css"), include_str!("../assets/admin.css"));
    Asset::new("admin", "css", STYLE_TYPE, style.as_bytes())
});
/// Makes the storefront's pages smoother; they work without.
pub static SHOP_SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("shop", "js", SCRIPT_TYPE, include_bytes!("../assets/shop.js")));

/// Makes staff's pages smoother; they work without.
pub static ADMIN_SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("admin", "js", SCRIPT_TYPE, include_bytes!("../assets/admin.js")));
/// In a browser's tab.
pub static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_bytes!("../assets/icon.svg")));
/// Shown with a link where a page has no picture of its own.
pub static CARD: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("card", "png", "image/png", include_bytes!("../assets/card.png")));
/// For those who ask for `/favicon.ico` without having seen a page.
static OLD_ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "ico", "image/x-icon", include_bytes!("../assets/icon.ico")));

static ALL: [&LazyLock<Asset>; 6] = [&STYLE, &ADMIN_STYLE, &SHOP_SCRIPT, &ADMIN_SCRIPT, &ICON, &CARD];

/// Bytes that never change under their name.
pub struct Asset {
    name: String,
    url: String,
    etag: ETag,
    content_type: &'static str,
    body: &'static [u8],
}

impl Asset {
    fn new(stem: &str, extension: &str, content_type: &'static str, body: &'static [u8]) -> Self {
        let etag = ETag::of_bytes(body);
        let name = format!("{stem}.{}.{extension}", &etag.as_str()[..16]);
        Self { url: format!("/assets/{name}"), name, etag, content_type, body }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    fn answer(&self, asked: &HeaderMap, kept: &'static str) -> Response {
        let headers = [(header::CONTENT_TYPE, self.content_type), (header::CACHE_CONTROL, kept)];
        IfNoneMatch::of(asked).answer(&self.etag, (headers, self.body))
    }
}

/// `/favicon.ico`.
pub async fn old_icon(asked: HeaderMap) -> Response {
    OLD_ICON.answer(&asked, FOR_A_DAY)
}

pub async fn serve(Path(name): Path<String>, asked: HeaderMap) -> Response {
    match ALL.iter().find(|asset| asset.name == name) {
        Some(asset) => asset.answer(&asked, FOR_EVER),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
