//! Pictures: what they are by their own bytes, what they are called, where they lie.
//! It does not know which product shows them, and never believes a name or a declared type.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use contracts::caller::Caller;
use contracts::catalog::{ImageSize, Media};
use contracts::{Error, Result};
use domain::ids::MediaId;
use parking_lot::Mutex;
use platform::documents::{Collection, Conditional, Document, Expected, Put};
use platform::http::etag::ETag;
use serde::{Deserialize, Serialize};

use super::pictures::{PictureWorkshop, Prepared, Smaller};
use crate::machinery::{Machinery, stored};

/// Which pictures there are. Blobs cannot be asked, and a product must not show what was never stored.
pub const MEDIA: Collection = Collection::primary("media");
/// The largest picture.
pub const MEDIA_BYTES_MAX: usize = 20 * 1024 * 1024;
/// Pictures whose sizes are kept at hand; their documents never change.
const AT_HAND_MAX: usize = 20_000;
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

    /// What a file's name ends in, without the dot.
    pub fn extension(self) -> &'static str {
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

/// What a smaller version is called.
fn size_name(id: &MediaId, width: u32, extension: &str) -> String {
    format!("{id}-{width}.{extension}")
}

/// What a name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub id: MediaId,
    /// Of a smaller version.
    pub width: Option<u32>,
    pub format: Format,
}

/// `None` for a name that no picture can have.
pub fn parse_name(text: &str) -> Option<Named> {
    let (stem, ending) = text.split_once('.')?;
    let Some((id, width)) = stem.split_once('-') else {
        let id = MediaId::parse(stem).ok()?;
        let format = Format::of_id(&id);
        return (name(&id) == text).then_some(Named { id, width: None, format });
    };
    let (id, width) = (MediaId::parse(id).ok()?, width.parse().ok()?);
    let format = [Format::Jpeg, Format::Png].into_iter().find(|format| format.extension() == ending)?;
    (size_name(&id, width, ending) == text).then_some(Named { id, width: Some(width), format })
}

#[derive(Serialize, Deserialize)]
struct Stored {
    content_type: String,
    bytes: u64,
    #[serde(flatten)]
    details: Details,
}

/// How large a picture is, and in which smaller versions it lies there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sizes: Vec<Size>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Size {
    width: u32,
    extension: String,
}

impl Details {
    fn of(prepared: &Prepared) -> Self {
        let size = |size: &Smaller| Size { width: size.width, extension: size.format.extension().to_owned() };
        Self {
            width: Some(prepared.width),
            height: Some(prepared.height),
            sizes: prepared.sizes.iter().map(size).collect(),
        }
    }

    /// The smallest first.
    pub fn sizes(&self, id: &MediaId) -> Vec<ImageSize> {
        let url = |size: &Size| format!("/media/{}", size_name(id, size.width, &size.extension));
        self.sizes.iter().map(|size| ImageSize { url: url(size), width: size.width }).collect()
    }
}

/// What is known of the pictures that are shown.
pub type Album = BTreeMap<MediaId, Arc<Details>>;

/// Pictures in their store.
#[derive(Clone)]
pub struct Pictures {
    machinery: Machinery,
    workshop: Arc<dyn PictureWorkshop>,
    at_hand: Arc<Mutex<Album>>,
}

impl Pictures {
    pub fn new(machinery: Machinery, workshop: Arc<dyn PictureWorkshop>) -> Self {
        Self { machinery, workshop, at_hand: Arc::default() }
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
        if let Some(known) = self.document(&id).await? {
            return Ok(known.media(id));
        }
        // A drawing of the shop's own is sharp at any size.
        let (bytes, details, sizes) = if format == Format::Svg {
            (bytes, Details::default(), Vec::new())
        } else {
            let prepared = self.workshop.prepare(bytes, format).await?;
            (prepared.bytes.clone(), Details::of(&prepared), prepared.sizes)
        };
        let known = Stored { content_type: format.content_type().to_owned(), bytes: bytes.len() as u64, details };
        // The blobs first: what is known to be there must be there.
        for Smaller { width, format, bytes } in sizes {
            let name = size_name(&id, width, format.extension());
            self.machinery.blobs.put(&name, bytes).await.map_err(stored)?;
        }
        self.machinery.blobs.put(&name(&id), bytes).await.map_err(stored)?;
        self.note(&id, &known).await?;
        Ok(known.media(id))
    }

    async fn document(&self, id: &MediaId) -> Result<Option<Stored>> {
        let now = self.machinery.clock.now();
        let found = self.machinery.documents.get(MEDIA, id.as_str(), now).await.map_err(stored)?;
        found.map(|document| document.read()).transpose().map_err(stored)
    }

    /// What is known of these; of those that nobody stored nothing is.
    pub async fn album(&self, ids: impl IntoIterator<Item = &MediaId>) -> Result<Album> {
        let mut album = Album::new();
        let mut wanted = Vec::new();
        {
            let at_hand = self.at_hand.lock();
            for id in ids {
                match at_hand.get(id) {
                    Some(details) => drop(album.insert(id.clone(), details.clone())),
                    None => wanted.push(id.to_string()),
                }
            }
        }
        if wanted.is_empty() {
            return Ok(album);
        }
        let now = self.machinery.clock.now();
        let found = self.machinery.documents.get_many(MEDIA, &wanted, now).await.map_err(stored)?;
        let read = |document: &Document| -> Result<(MediaId, Arc<Details>)> {
            let Stored { details, .. } = document.read().map_err(stored)?;
            let id = MediaId::parse(&document.id).map_err(|error| Error::internal(error.to_string()))?;
            Ok((id, Arc::new(details)))
        };
        let found = found.iter().map(read).collect::<Result<Vec<_>>>()?;
        let mut at_hand = self.at_hand.lock();
        if at_hand.len() + found.len() > AT_HAND_MAX {
            at_hand.clear();
        }
        at_hand.extend(found.iter().cloned());
        album.extend(found);
        Ok(album)
    }

    async fn note(&self, id: &MediaId, known: &Stored) -> Result<()> {
        let body = serde_json::to_string(known).map_err(|error| Error::internal(error.to_string()))?;
        let id = id.to_string();
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

    /// Of a picture by its name.
    pub async fn bytes(&self, name: &str) -> Result<Option<Bytes>> {
        self.machinery.blobs.get(name).await.map_err(stored)
    }
}

impl Stored {
    fn media(self, id: MediaId) -> Media {
        let Self { content_type, bytes, details } = self;
        let (url, sizes) = (url(&id), details.sizes(&id));
        Media { id, url, content_type, bytes, width: details.width, height: details.height, sizes }
    }
}
