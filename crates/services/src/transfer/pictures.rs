//! Pictures elsewhere that an import named: fetched when somebody asks for it, and then the shop's own.
//! It does not know the web: a port fetches, and sees to it that nothing private is asked.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use contracts::caller::Caller;
use contracts::transfer::Mode;
use contracts::{Error, Kind, Result};
use domain::catalog::{ImageInput, ImageUrl, ProductInput};
use domain::field::FieldError;
use domain::ids::{MediaId, ProductId};

use super::Transfer;
use super::operations::Running;

/// How often a product is looked at anew because others changed it meanwhile.
const LOOKS: usize = 4;
/// How often a workshop that has too much to do is asked again, and how long after.
const PATIENCE: (usize, Duration) = (60, Duration::from_millis(500));
/// Pictures that are fetched at once, over all imports.
pub const FETCHES_AT_ONCE: usize = 8;

/// Why a picture could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    #[error("the address leads to a private network, where the shop does not look")]
    Private,
    #[error("this is no http or https address")]
    Address,
    #[error("nobody answers there: {0}")]
    Unreachable(String),
    #[error("the answer was {0}")]
    Status(u16),
    #[error("the picture has more than {0} bytes")]
    TooLarge(usize),
    #[error("it took too long")]
    TimedOut,
    #[error("what lies there is no JPEG, PNG or WebP")]
    NoPicture,
    #[error("the address leads from one to the next more than {0} times")]
    Redirects(usize),
}

impl FetchError {
    fn code(&self) -> &'static str {
        match self {
            Self::Private => "private_address",
            Self::Address => "invalid_url",
            Self::Unreachable(_) => "unreachable",
            Self::Status(_) => "bad_status",
            Self::TooLarge(_) => "too_large",
            Self::TimedOut => "timed_out",
            Self::NoPicture => "no_picture",
            Self::Redirects(_) => "too_many_redirects",
        }
    }
}

/// The port: gets what lies at an address, within bounds of size and time, and never from a private network, wherever a
/// name or a redirect leads.
#[async_trait]
pub trait Fetcher: Send + Sync {
    async fn fetch(&self, url: &str) -> std::result::Result<Bytes, FetchError>;
}

impl Transfer {
    /// Fetches what a product waits for, one picture after the other. What fails is told, and waits on.
    pub(super) async fn fetch_all(
        &self,
        product: &ProductId,
        running: &Arc<Running>,
        caller: &Caller,
        tell: &(dyn Fn(FieldError) + Sync),
    ) -> Result<()> {
        let waiting = self.book.product(product).await?.content.image_urls.clone();
        for (index, image) in waiting.iter().enumerate() {
            let fetched = self.fetch_one(product, image, caller).await?;
            running.update(|operation| match &fetched {
                Ok(()) => operation.pictures.fetched += 1,
                Err(_) => operation.pictures.failed += 1,
            });
            if let Err((code, message)) = fetched {
                tell(FieldError::new(format!("/image_urls/{index}/url"), code, format!("{}: {message}", image.url)));
            }
            self.operations.note_now_and_then(running).await?;
        }
        Ok(())
    }

    /// Code and message where it is the picture's fault.
    async fn fetch_one(
        &self,
        product: &ProductId,
        image: &ImageUrl,
        caller: &Caller,
    ) -> Result<std::result::Result<(), (String, String)>> {
        let bytes = {
            let _place = self.fetches.acquire().await.map_err(|_| Error::internal("fetching has ended"))?;
            self.fetcher.fetch(&image.url).await
        };
        let bytes = match bytes {
            // The shop itself may store drawings; what comes from elsewhere may not be one, whoever asks.
            Ok(bytes) if !is_picture(&bytes) => Err(FetchError::NoPicture),
            other => other,
        };
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Err((error.code().to_owned(), error.to_string()))),
        };
        let media = match self.store(bytes, caller).await {
            Ok(media) => media,
            Err(error) if matches!(error.kind, Kind::Unavailable | Kind::Internal) => return Err(error),
            Err(error) => return Ok(Err((error.code.into_owned(), error.message))),
        };
        for _ in 0..LOOKS {
            let seen = self.book.product(product).await?;
            let mut input = ProductInput::from(&seen.content);
            hang(&mut input, image, &media);
            match self.book.replace(&seen, input, Mode::Do, caller).await {
                Ok(_) => return Ok(Ok(())),
                Err(error) if error.kind == Kind::Stale => {}
                Err(error) if error.kind == Kind::Invalid => return Ok(Err((error.code.into_owned(), error.message))),
                Err(error) => return Err(error),
            }
        }
        Err(Error::unavailable("others keep changing this product", 1))
    }
}

impl Transfer {
    /// Waits while others have their pictures worked on.
    async fn store(&self, bytes: Bytes, caller: &Caller) -> Result<MediaId> {
        for _ in 0..PATIENCE.0 {
            match self.catalog.store_media("", bytes.clone(), caller).await {
                Err(error) if error.kind == Kind::Unavailable => tokio::time::sleep(PATIENCE.1).await,
                stored => return stored.map(|media| media.id),
            }
        }
        self.catalog.store_media("", bytes, caller).await.map(|media| media.id)
    }
}

/// The picture takes the place of its address.
fn hang(input: &mut ProductInput, from: &ImageUrl, media: &MediaId) {
    input.image_urls.retain(|waiting| waiting.url != from.url);
    match input.images.iter_mut().find(|image| image.media == media.as_str()) {
        Some(image) => image.source = Some(from.url.clone()),
        None => {
            let alt = (!from.alt.is_empty()).then(|| from.alt.clone());
            input.images.push(ImageInput { media: media.to_string(), alt, source: Some(from.url.clone()) });
        }
    }
    for variant in &mut input.variants {
        if from.skus.iter().any(|sku| sku.as_str() == variant.sku) {
            variant.image = Some(media.to_string());
        }
    }
}

/// By the first bytes.
fn is_picture(bytes: &[u8]) -> bool {
    let is_webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    bytes.starts_with(b"\xff\xd8\xff") || bytes.starts_with(b"\x89PNG\r\n\x1a\n") || is_webp
}
