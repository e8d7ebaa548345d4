//! Measures and fills a shop inside of this process, without HTTP between: `in_process reservations FOLDER SECONDS` counts
//! reservations of one SKU, `in_process orders FOLDER COUNT` places so many real orders.
//! It uses the services and the store as they are; it opens no port, and no shop may run on the folder meanwhile.

mod open;
mod orders;
mod reservations;

use std::path::PathBuf;
use std::time::Duration;

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let (what, folder) = (arguments.next(), arguments.next().map(PathBuf::from));
    let count: Option<u64> = arguments.next().and_then(|text| text.parse().ok());
    match (what.as_deref(), folder, count) {
        (Some("reservations"), Some(folder), Some(seconds)) => {
            reservations::measure(&folder, Duration::from_secs(seconds)).await
        }
        (Some("orders"), Some(folder), Some(count)) => orders::place(&folder, count).await,
        _ => Err("say `reservations FOLDER SECONDS` or `orders FOLDER COUNT`".into()),
    }
}
