//! Sells a retailer's invoice lines once more: reads the file, and places each invoice through a running shop's API.
//! It does not touch the shop's data, and the totals that it compares with are the file's own.
//!
//! Everything is asked under keys that follow from the file, so that a second replay, or one that was interrupted, does
//! nothing twice, as long as it comes with the same staff key.

mod book;
mod countries;
mod orders;
mod report;
mod rows;
mod shelves;

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::ExitCode;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::client::{self, Shop};
use crate::progress::{Progress, say};
use book::Book;
use report::Report;

/// What is read, and to whom it is sold.
#[derive(Debug, Clone)]
pub struct Options {
    pub file: PathBuf,
    /// The running shop's address.
    pub url: String,
    /// A staff key of that shop.
    pub token: String,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{file} cannot be read: {reason}", file = file.display())]
    Open { file: PathBuf, reason: std::io::Error },
    #[error(transparent)]
    Rows(#[from] rows::Error),
    #[error(transparent)]
    Shop(#[from] client::Error),
}

/// Replays and prints what came of it. Success: the shop says what the file says.
pub async fn run(options: Options) -> Result<ExitCode, crate::Failure> {
    let report = replay(&options).await?;
    say(&report)?;
    Ok(if report.is_right() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn replay(options: &Options) -> Result<Report, Error> {
    let shop = Shop::at(&options.url, Some(&options.token))?;
    let file = &options.file;
    let source = File::open(file).map_err(|reason| Error::Open { file: file.clone(), reason })?;
    let book = Book::read(BufReader::new(source))?;
    let started = Instant::now();
    shelves::offer_currency(&shop).await?;
    let mut progress = Progress::start("products", book.goods.len() as u64);
    let filled = shelves::fill(&shop, &book.goods, &mut progress).await?;
    drop(progress);
    let mut progress = Progress::start("orders", book.invoices.len() as u64);
    let sold = orders::place(&shop, &book.invoices, &mut progress).await?;
    drop(progress);
    let address = shop.address().to_string();
    Ok(Report { file: file.display().to_string(), address, book, filled, sold, took: started.elapsed() })
}

/// An idempotency key that follows from what is asked: the same again is the same key, anything else another.
fn key(kind: &str, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("replay-{kind}-{digits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_follow_from_what_is_asked() {
        assert_eq!(key("order", &["a", "bc"]), key("order", &["a", "bc"]));
        assert_ne!(key("order", &["a", "bc"]), key("order", &["ab", "c"]));
        assert_ne!(key("order", &["a"]), key("stock", &["a"]));
        assert!(key("order", &[]).len() <= 255);
    }
}
