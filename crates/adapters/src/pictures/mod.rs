//! Pictures read whole, stood upright, freed of what they tell besides themselves, and made smaller: on a thread of its
//! own, because a large photograph takes a second and hundreds of megabytes.
//! It does not know what a picture is for.

mod strip;

use std::io::Cursor;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use async_trait::async_trait;
use bytes::Bytes;
use contracts::{Error, Result};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageError, ImageFormat, ImageReader, Limits};
use services::catalog::pictures::{Format, PictureWorkshop, Prepared, Smaller, WIDTHS};
use tokio::sync::oneshot;

/// The longest side, in pixels.
const SIDE_MAX: u32 = 12_000;
/// Width times height.
const PIXELS_MAX: u64 = 50_000_000;
/// What reading one picture may take.
const DECODE_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Of smaller versions: where most eyes see no difference to higher ones.
const JPEG_QUALITY: u8 = 82;
/// Of a photograph that has to be written anew to stand upright.
const UPRIGHT_QUALITY: u8 = 92;
/// Pictures that wait for the thread, each at most 20 MiB; one more is refused.
const QUEUE_MAX: usize = 8;
const RETRY_AFTER_S: u32 = 2;

/// The workshop's door.
#[derive(Debug, Clone)]
pub struct Workshop {
    queue: SyncSender<Job>,
}

#[derive(Debug)]
struct Job {
    bytes: Bytes,
    format: Format,
    reply: oneshot::Sender<Result<Prepared>>,
}

impl Workshop {
    /// Starts the thread; it ends with the last copy of this.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start() -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(QUEUE_MAX);
        std::thread::Builder::new().name("pictures".to_owned()).spawn(move || work(&jobs))?;
        Ok(Self { queue })
    }
}

#[async_trait]
impl PictureWorkshop for Workshop {
    async fn prepare(&self, bytes: Bytes, format: Format) -> Result<Prepared> {
        let (reply, answer) = oneshot::channel();
        self.queue.try_send(Job { bytes, format, reply }).map_err(|error| match error {
            TrySendError::Full(_) => Error::unavailable("too many pictures are being worked on", RETRY_AFTER_S),
            TrySendError::Disconnected(_) => Error::internal("the thread that works on pictures is gone"),
        })?;
        answer.await.map_err(|_| Error::internal("the thread that works on pictures gave no answer"))?
    }
}

/// A picture that trips the decoder is that picture's end, not the thread's.
fn work(jobs: &Receiver<Job>) {
    for Job { bytes, format, reply } in jobs {
        if reply.is_closed() {
            continue;
        }
        let prepared = std::panic::catch_unwind(|| prepare(&bytes, format));
        let _ = reply.send(prepared.unwrap_or_else(|_| Err(unreadable("it is damaged"))));
    }
}

fn prepare(bytes: &[u8], format: Format) -> Result<Prepared> {
    let Some(engine_format) = engine_format(format) else { return Err(unreadable("it is a drawing")) };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), engine_format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(DECODE_BYTES_MAX);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| told(&error))?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > PIXELS_MAX || width.max(height) > SIDE_MAX {
        return Err(too_large());
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().ok().flatten().filter(|profile| is_rgb(profile));
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| told(&error))?;
    let mut picture = plain(picture);
    picture.apply_orientation(orientation);
    let stripped = match orientation {
        Orientation::NoTransforms => strip::strip(bytes, format),
        _ => None,
    };
    let original = match stripped {
        Some(stripped) => stripped,
        None => encode(&picture, format, UPRIGHT_QUALITY, profile.as_deref())?,
    };
    let (width, height) = (picture.width(), picture.height());
    let sizes = smaller(picture, profile.as_deref())?;
    Ok(Prepared { width, height, bytes: original.into(), sizes })
}

/// Eight bits a channel, and transparency only where something shows through.
fn plain(picture: DynamicImage) -> DynamicImage {
    if !picture.color().has_alpha() {
        return DynamicImage::ImageRgb8(picture.into_rgb8());
    }
    let picture = picture.into_rgba8();
    let is_opaque = picture.pixels().all(|pixel| pixel.0[3] == u8::MAX);
    let picture = DynamicImage::ImageRgba8(picture);
    if is_opaque { DynamicImage::ImageRgb8(picture.into_rgb8()) } else { picture }
}

/// Each from the next larger one: the same to the eye, in a fraction of the time.
fn smaller(mut picture: DynamicImage, profile: Option<&[u8]>) -> Result<Vec<Smaller>> {
    let (full_width, full_height) = (u64::from(picture.width()), u64::from(picture.height()));
    let format = if picture.color().has_alpha() { Format::Png } else { Format::Jpeg };
    let mut sizes = Vec::new();
    for width in WIDTHS.into_iter().rev().filter(|width| u64::from(*width) < full_width) {
        let height = (full_height * u64::from(width)).div_ceil(full_width).max(1);
        let height = u32::try_from(height).unwrap_or(SIDE_MAX);
        picture = picture.resize_exact(width, height, FilterType::Lanczos3);
        let bytes = encode(&picture, format, JPEG_QUALITY, profile)?;
        sizes.push(Smaller { width, format, bytes: bytes.into() });
    }
    sizes.reverse();
    Ok(sizes)
}

fn encode(picture: &DynamicImage, format: Format, quality: u8, profile: Option<&[u8]>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let into = Cursor::new(&mut bytes);
    let written = match format {
        Format::Jpeg => {
            // A photograph that claims transparency is shown on white.
            let opaque = DynamicImage::ImageRgb8(picture.to_rgb8());
            with_profile(JpegEncoder::new_with_quality(into, quality), profile, &opaque)
        }
        Format::Webp => with_profile(WebPEncoder::new_lossless(into), profile, picture),
        Format::Png | Format::Svg => with_profile(PngEncoder::new(into), profile, picture),
    };
    written.map_err(|error| Error::internal(format!("a picture could not be written: {error}")))?;
    Ok(bytes)
}

fn with_profile(
    mut encoder: impl ImageEncoder,
    profile: Option<&[u8]>,
    picture: &DynamicImage,
) -> std::result::Result<(), ImageError> {
    if let Some(profile) = profile {
        // Without it colours are a little off, and that is all.
        let _ = encoder.set_icc_profile(profile.to_vec());
    }
    picture.write_with_encoder(encoder)
}

/// The colour space that a profile is of stands in bytes 16 to 19; what is decoded is always RGB.
fn is_rgb(profile: &[u8]) -> bool {
    profile.get(16..20) == Some(b"RGB ")
}

fn engine_format(format: Format) -> Option<ImageFormat> {
    match format {
        Format::Jpeg => Some(ImageFormat::Jpeg),
        Format::Png => Some(ImageFormat::Png),
        Format::Webp => Some(ImageFormat::WebP),
        Format::Svg => None,
    }
}

fn told(error: &ImageError) -> Error {
    match error {
        ImageError::Limits(_) => too_large(),
        other => unreadable(&other.to_string()),
    }
}

fn too_large() -> Error {
    let message = format!("at most {SIDE_MAX} pixels a side and {} million in all", PIXELS_MAX / 1_000_000);
    Error::field("/file", "too_many_pixels", message)
}

fn unreadable(why: &str) -> Error {
    Error::field("/file", "unreadable_picture", format!("this picture cannot be read: {why}"))
}

#[cfg(test)]
mod tests;
