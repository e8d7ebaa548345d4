//! In a shop that is stopped: it is opened here, worked in, and closed.
//! It does not serve anybody meanwhile.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use contracts::caller::Caller;
use contracts::transfer::{Chunks, Format, ImportOrder, Operation, Transfer as _};
use domain::ids::OperationId;
use futures::StreamExt;

use super::{Export, Import, Partial, currency_of, show};
use crate::Failure;
use crate::config::{Config, Secrets};
use crate::progress::Progress;
use crate::wiring;

/// How often progress is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const PIECE_BYTES: usize = 256 * 1024;
/// How long derived documents may take until they show what was imported; the next start goes on.
const SETTLE: Duration = Duration::from_secs(5);

pub async fn import(
    import: &Import,
    format: Format,
    (config, secrets): (&Config, &Secrets),
    progress: &mut Progress,
) -> Result<Operation, Failure> {
    let currency = currency_of(import.currency.as_deref())?;
    let file = chunks(&import.file)?;
    let mart = wiring::open(config, secrets).await?;
    let order = ImportOrder { format, currency, dry_run: import.dry_run, fetch_images: import.fetch_images };
    let begun = mart.transfer.start_import(None, order, file, &Caller::system()).await?;
    let id = OperationId::parse(&begun.id)?;
    let operation = loop {
        let operation = mart.transfer.operation(&id).await?;
        if show(&operation, progress) {
            break operation;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    mart.machinery.projector.wait_for_heads(SETTLE).await?;
    mart.close().await?;
    Ok(operation)
}

pub async fn export(export: &Export, format: Format, (config, secrets): (&Config, &Secrets)) -> Result<u64, Failure> {
    let currency = currency_of(export.currency.as_deref())?;
    let mart = wiring::open(config, secrets).await?;
    let mut file = Partial::create(&export.file)?;
    let mut chunks = mart.transfer.export(format, currency).await?;
    while let Some(chunk) = chunks.next().await {
        file.write(&chunk?)?;
    }
    drop(chunks);
    mart.close().await?;
    file.finish()
}

/// Nobody else uses this runtime, so that reading may block.
fn chunks(path: &Path) -> Result<Chunks, Failure> {
    let unreadable = |error: std::io::Error| Failure::new(format!("{} cannot be read: {error}", path.display()));
    let file = std::fs::File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(Failure::new(format!("{} is a folder", path.display())));
    }
    let pieces = futures::stream::unfold(file, |mut file| async {
        let mut piece = vec![0; PIECE_BYTES];
        match file.read(&mut piece) {
            Ok(0) => None,
            Ok(read) => {
                piece.truncate(read);
                Some((Ok(Bytes::from(piece)), file))
            }
            Err(error) => Some((Err(contracts::Error::internal(format!("the file cannot be read: {error}"))), file)),
        }
    });
    Ok(pieces.boxed())
}
