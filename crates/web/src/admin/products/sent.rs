//! A product's form as a browser sends it, with the pictures that were chosen.
//! It does not know what is on the form; pictures are stored as they arrive, one in memory at a time.

use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};
use bytes::Bytes;
use contracts::caller::Caller;
use contracts::catalog::Media;
use contracts::products::ProductDesk;
use contracts::{Error, Kind};

use crate::admin::typed::Typed;

/// All that is typed into one form: 2,000 variants with their prices in many currencies.
const TEXT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Fields of one form; 2,000 variants in ten currencies have fewer.
const FIELDS_MAX: usize = 100_000;
/// A whole request, with a dozen of the largest pictures.
pub const BODY_BYTES_MAX: usize = 256 * 1024 * 1024;

pub struct Sent {
    pub typed: Typed,
    pub pictures: Vec<Media>,
    /// Why a picture was not taken, with what its file was called.
    pub refused: Vec<(String, Error)>,
}

pub async fn read(mut body: Multipart, desk: &dyn ProductDesk, caller: &Caller) -> Result<Sent, Error> {
    let mut sent = Sent { typed: Typed::default(), pictures: Vec::new(), refused: Vec::new() };
    let (mut fields, mut text_bytes) = (0, 0);
    while let Some(field) = body.next_field().await.map_err(unreadable)? {
        fields += 1;
        if fields > FIELDS_MAX {
            return Err(malformed("the form has too many fields"));
        }
        let name = field.name().unwrap_or_default().to_owned();
        if let Some(file) = field.file_name().map(str::to_owned) {
            let bytes = field.bytes().await.map_err(unreadable)?;
            if !bytes.is_empty() {
                store(&mut sent, file, bytes, desk, caller).await?;
            }
            continue;
        }
        let value = text(field).await?;
        text_bytes += value.len();
        if text_bytes > TEXT_BYTES_MAX {
            return Err(malformed("the form is too large"));
        }
        sent.typed.push(&name, value);
    }
    Ok(sent)
}

async fn store(
    sent: &mut Sent,
    file: String,
    bytes: Bytes,
    desk: &dyn ProductDesk,
    caller: &Caller,
) -> Result<(), Error> {
    match desk.upload(bytes, caller).await {
        Ok(media) => sent.pictures.push(media),
        Err(error) if error.kind == Kind::Invalid => sent.refused.push((file, error)),
        Err(error) => return Err(error),
    }
    Ok(())
}

async fn text(field: Field<'_>) -> Result<String, Error> {
    let value = field.text().await.map_err(unreadable)?;
    if value.contains('\0') { Err(malformed("a text holds a NUL")) } else { Ok(value) }
}

fn unreadable(error: MultipartError) -> Error {
    malformed(&error.body_text())
}

fn malformed(message: &str) -> Error {
    Error::new(Kind::Malformed, "malformed_form", message)
}
