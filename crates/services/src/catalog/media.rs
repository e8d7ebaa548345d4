//! Pictures: what they are by their own bytes, what they are called, where they lie.
//! It does not know which product shows them, and never believes a name or a declared type.

use bytes::Bytes;
use contracts::caller::Caller;
use contracts::catalog::Media;
use contracts::{Error, Result};
use domain::ids::MediaId;
use platform::documents::{Collection, Conditional, Expected, Put};
use platform::http::etag::ETag;
use serde::{Deserialize, Serialize};

use crate::machinery::{Machinery, stored};

/// Which pictures there are. Blobs cannot be asked, and a product must not show what was never stored.
pub const MEDIA: Collection = Collection::primary("media");
/// The largest picture.
pub const MEDIA_BYTES_MAX: usize = 20 * 1024 * 1024;
/// Where an SVG names its root element at the latest.
const SVG_HEAD_BYTES: usize = 4 * 1024;

/// What a picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Jpeg,
    Png,
    Webp,
    Svg,
}

impl Format {
    /// By the first bytes.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"\xff\xd8\xff") {
            return Some(Self::Jpeg);
        }
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            return Some(Self::Png);
        }
        if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            return Some(Self::Webp);
        }
        is_svg(bytes).then_some(Self::Svg)
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Svg => "image/svg+xml",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Svg => "svg",
        }
    }

    /// The last two bits of a picture's id tell its format, so that its address is known from the id alone.
    fn bits(self) -> u8 {
        match self {
            Self::Jpeg => 0,
            Self::Png => 1,
            Self::Webp => 2,
            Self::Svg => 3,
        }
    }

    fn of_id(id: &MediaId) -> Self {
        const LAST_DIGITS: &str = "0123456789abcdefghjkmnpqrstvwxyz";
        let last = id.key().chars().last().and_then(|digit| LAST_DIGITS.find(digit)).unwrap_or(0);
        match last & 3 {
            0 => Self::Jpeg,
            1 => Self::Png,
            2 => Self::Webp,
            _ => Self::Svg,
        }
    }
}

fn is_svg(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let head: &str = text.get(..text.floor_char_boundary(SVG_HEAD_BYTES)).unwrap_or_default();
    text.starts_with('<') && head.contains("<svg")
}

/// The id of a picture: from its bytes, so that the same picture is the same id.
fn id_of(bytes: &[u8], format: Format) -> MediaId {
    let mut id = [0; 16];
    let hash = ETag::of_bytes(bytes);
    for (byte, digits) in id.iter_mut().zip(hash.as_str().as_bytes().chunks(2)) {
        let digit = |at: usize| digits.get(at).and_then(|digit| char::from(*digit).to_digit(16)).unwrap_or(0);
        *byte = u8::try_from(digit(0) * 16 + digit(1)).unwrap_or(0);
    }
    id[15] = (id[15] & !3) | format.bits();
    MediaId::from_bytes(id)
}

/// What the picture is called, both as a blob and in its address.
pub fn name(id: &MediaId) -> String {
    format!("{id}.{}", Format::of_id(id).extension())
}

/// Relative to the shop's address.
pub fn url(id: &MediaId) -> String {
    format!("/media/{}", name(id))
}

/// The picture that a name means; `None` for one that no picture can have.
pub fn parse_name(text: &str) -> Option<(MediaId, Format)> {
    let (id, _) = text.split_once('.')?;
    let id = MediaId::parse(id).ok()?;
    let format = Format::of_id(&id);
    (name(&id) == text).then_some((id, format))
}

#[derive(Serialize, Deserialize)]
struct Stored {
    content_type: String,
    bytes: u64,
}

/// Pictures in their store.
#[derive(Clone)]
pub struct Pictures {
    machinery: Machinery,
}

impl Pictures {
    pub fn new(machinery: Machinery) -> Self {
        Self { machinery }
    }

    /// Stores a picture; one that is there already stays as it is.
    pub async fn store(&self, bytes: Bytes, caller: &Caller) -> Result<Media> {
        if bytes.len() > MEDIA_BYTES_MAX {
            return Err(Error::field("/file", "too_large", format!("at most {MEDIA_BYTES_MAX} bytes")));
        }
        let is_shop_itself = caller.staff.is_none() && caller.token.is_none();
        let format = match Format::of(&bytes) {
            Some(Format::Svg) if !is_shop_itself => {
                return Err(Error::field("/file", "svg", "SVG can carry scripts and is not taken; send it as PNG"));
            }
            Some(format) => format,
            None => return Err(Error::field("/file", "unknown_picture", "this is no JPEG, PNG or WebP")),
        };
        let id = id_of(&bytes, format);
        let media =
            Media { url: url(&id), content_type: format.content_type().to_owned(), bytes: bytes.len() as u64, id };
        // The blob first: what is known to be there must be there.
        self.machinery.blobs.put(&name(&media.id), bytes).await.map_err(stored)?;
        self.note(&media).await?;
        Ok(media)
    }

    async fn note(&self, media: &Media) -> Result<()> {
        let body = Stored { content_type: media.content_type.clone(), bytes: media.bytes };
        let body = serde_json::to_string(&body).map_err(|error| Error::internal(error.to_string()))?;
        let id = media.id.to_string();
        let put = Put { collection: MEDIA, id, body: body.into(), entries: Vec::new(), expires: None };
        let (documents, now) = (&self.machinery.documents, self.machinery.clock.now());
        match documents.put_if(put, Expected::Absent, now).await.map_err(stored)? {
            Conditional::Written(_) | Conditional::Differs(_) => Ok(()),
        }
    }

    pub async fn exists(&self, id: &MediaId) -> Result<bool> {
        Ok(self.missing(std::slice::from_ref(id)).await?.is_empty())
    }

    /// Those of these pictures that nobody stored.
    pub async fn missing(&self, ids: &[MediaId]) -> Result<Vec<MediaId>> {
        let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let now = self.machinery.clock.now();
        let found = self.machinery.documents.get_many(MEDIA, &names, now).await.map_err(stored)?;
        let is_there = |id: &&MediaId| found.iter().any(|document| document.id == id.as_str());
        Ok(ids.iter().filter(|id| !is_there(id)).cloned().collect())
    }

    pub async fn bytes(&self, id: &MediaId) -> Result<Option<Bytes>> {
        self.machinery.blobs.get(&name(id)).await.map_err(stored)
    }
}
