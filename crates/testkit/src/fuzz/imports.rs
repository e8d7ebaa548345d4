//! Files of products, good and bad, in pieces of any size: an import comes to its end, and says the same however the file was
//! cut.
//! It does not know what is wrong with a file.

use std::time::Duration;

use bytes::Bytes;
use contracts::transfer::{Format, ImportOrder, Operation, OperationState, Transfer as _};
use futures::StreamExt as _;

use super::front::Front;
use super::world::in_the_shop;

/// No import of a small file takes longer, in the shop's own time.
const END_LIMIT: Duration = Duration::from_secs(600);
const LOOKS_EVERY: Duration = Duration::from_millis(100);

/// Shopify's columns. The first byte says how the file is cut, and whether anything is written.
pub fn import_csv(data: &[u8]) {
    import(Format::Csv, data);
}

/// A product on each line.
pub fn import_jsonl(data: &[u8]) {
    import(Format::Jsonl, data);
}

fn import(format: Format, data: &[u8]) {
    let Some((cut, file)) = data.split_first() else { return };
    let cut = usize::from(*cut);
    in_the_shop(async |front: &Front| {
        let whole = run(front, format, file, usize::MAX, true).await;
        let cut_up = run(front, format, file, cut / 2 + 1, true).await;
        assert_eq!(told(&whole), told(&cut_up), "in pieces of {} bytes", cut / 2 + 1);
        if cut.is_multiple_of(2) {
            let first = run(front, format, file, usize::MAX, false).await;
            let again = run(front, format, file, usize::MAX, false).await;
            // Lines that fight for one product, by its SKU and its slug, may make it anew each time.
            let is_peaceful = first.products.updated == 0 && first.errors == 0;
            assert!(!is_peaceful || again.products.created == 0, "a second time nothing is new: {again:?}");
        }
    });
}

/// Imports what is read in pieces of so many bytes, to the end.
async fn run(front: &Front, format: Format, file: &[u8], piece: usize, dry_run: bool) -> Operation {
    front.spool.read_at_most(piece);
    let order = ImportOrder { format, currency: None, dry_run, fetch_images: false };
    let chunks = futures::stream::iter([Ok(Bytes::copy_from_slice(file))]).boxed();
    let begun = front.transfer.start_import(None, order, chunks, &Front::staff()).await.expect("an import begins");
    let id = begun.id.parse().expect("an id");
    let ends = async {
        loop {
            let operation = front.transfer.operation(&id).await.expect("the operation");
            if operation.state != OperationState::Running {
                return operation;
            }
            tokio::time::sleep(LOOKS_EVERY).await;
        }
    };
    let ended = tokio::time::timeout(END_LIMIT, ends).await.expect("an import comes to its end");
    assert!(matches!(ended.state, OperationState::Done | OperationState::Failed), "{ended:?}");
    ended
}

/// What an import says, without what differs from one to the next.
fn told(operation: &Operation) -> String {
    let mut told = operation.clone();
    told.id.clear();
    told.created_at.clear();
    told.updated_at.clear();
    format!("{told:?}")
}
