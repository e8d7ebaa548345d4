//! The workshop for pictures: the port through which they are read, freed of what they tell, and made smaller.
//! It does not store anything.

use async_trait::async_trait;
use bytes::Bytes;
use contracts::Result;

pub use super::media::Format;

/// How wide smaller versions are, in pixels: a card, a page on a telephone, a page on a desk.
pub const WIDTHS: [u32; 3] = [320, 640, 1_280];

/// A picture as it is stored.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// In pixels, upright.
    pub width: u32,
    pub height: u32,
    /// In the format that it came in.
    pub bytes: Bytes,
    /// The smallest first; only those that are smaller than the picture.
    pub sizes: Vec<Smaller>,
}

#[derive(Debug, Clone)]
pub struct Smaller {
    pub width: u32,
    /// JPEG, or PNG where something shows through.
    pub format: Format,
    pub bytes: Bytes,
}

/// The port: reads a picture whole, within bounds, and makes of it what is stored.
#[async_trait]
pub trait PictureWorkshop: Send + Sync {
    /// # Errors
    /// `Invalid` with `unreadable_picture` or `too_many_pixels`; `Unavailable` when too many wait.
    async fn prepare(&self, bytes: Bytes, format: Format) -> Result<Prepared>;
}
