//! Checks the data itself: whether log, stock, orders, money and documents agree with each other.
//! It does not mend anything, and it does not trust what the shop says of itself.
//!
//! `reserved` is compared with what open reservations hold, `on hand` with what was counted and moved, payments with
//! the books, orders with their reservations and payments, and each derived collection with a fold of the log.

mod case;
mod data;
mod examination;
mod findings;
pub mod http;
mod shelves;
#[cfg(test)]
mod tests;
mod url;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use platform::documents::Documents;
use platform::log::kind::Kinds;
use platform::log::{Log, ShardInfo};
use platform::projection::{Difference, ErasedProjection, behind, differences};
use platform::store::{StoreError, StoreResult};

use crate::config::{Config, Secret, Secrets};
use crate::progress::{Progress, say};
pub use data::{examine_data, examine_database, examine_moment};
use examination::Examination;
pub use findings::{Check, Findings, count, were};
pub use url::ask as ask_url;

/// Refused mails that are counted.
const MAILS_COUNTED: usize = 1_000;

/// Checks a data folder, beside a running shop, too, and prints what it found. `master_key` is the one that the
/// settings name; without it the folder's own counts.
pub async fn run_on_data(data: &Path, master_key: Option<&Secret>, json: bool) -> Result<ExitCode, crate::Failure> {
    tell(&examine_data(data, master_key).await?, json)
}

/// Checks what a database holds, beside running nodes, too, and prints what it found.
pub async fn run_on_database(config: &Config, secrets: &Secrets, json: bool) -> Result<ExitCode, crate::Failure> {
    tell(&examine_database(config, secrets).await?, json)
}

/// Asks a running shop, and prints what it says.
pub async fn run_on_url(url: &str, token: &str, json: bool) -> Result<ExitCode, crate::Failure> {
    tell(&url::ask(url, token).await?, json)
}

fn tell(findings: &Findings, json: bool) -> Result<ExitCode, crate::Failure> {
    match json {
        true => say(&format_args!("{}\n", serde_json::to_string_pretty(findings)?))?,
        false => say(findings)?,
    }
    Ok(findings.exit_code())
}

/// Checks a log and what was derived from it. Both must be as they were at one moment, or nobody may write meanwhile;
/// the log alone may be written to.
async fn check_showing(
    log: &dyn Log,
    kinds: &Kinds,
    documents: &dyn Documents,
    projections: &[Arc<dyn ErasedProjection>],
    progress: &mut Progress,
) -> StoreResult<Findings> {
    let heads = log.shards().await?;
    let mut examination = Examination::new();
    examination.read(log, kinds, &heads, progress).await?;
    let (checks, notes) = examination.conclude();
    let mut findings = Findings { checks, notes };
    let mut lags = Vec::new();
    for projection in projections {
        let (check, facts) = collection(projection.as_ref(), log, kinds, documents, &heads).await?;
        findings.checks.push(check);
        if facts > 0 {
            lags.push(format!("{} {facts}", projection.collection().name));
        }
    }
    let refused = services::mail::failed_mails(documents, jiff::Timestamp::MIN, MAILS_COUNTED).await?;
    if refused > 0 {
        let many = if refused == MAILS_COUNTED { " or more" } else { "" };
        findings.notes.push(format!("{refused}{many} mails were refused for good: staff can send them again"));
    }
    if !lags.is_empty() {
        findings.notes.push(format!("facts that documents do not know yet: {}", lags.join(", ")));
    }
    Ok(findings)
}

/// Whether a derived collection is what its facts come to, and how many facts it does not know yet.
async fn collection(
    projection: &dyn ErasedProjection,
    log: &dyn Log,
    kinds: &Kinds,
    documents: &dyn Documents,
    heads: &[ShardInfo],
) -> StoreResult<(Check, u64)> {
    let name = projection.collection().name;
    let mut check = Check::new(format!("documents: {name}"));
    let Some(facts) = behind(projection, heads, documents).await? else {
        check.looked_at = "not built yet by this version".to_owned();
        return Ok((check, 0));
    };
    let found = match differences(projection, log, kinds, documents).await {
        Ok(found) => found.iter().map(Difference::describe).collect(),
        Err(StoreError::Corrupt(reason)) => vec![reason],
        Err(error) => return Err(error),
    };
    check.looked_at = "as its facts say".to_owned();
    if !found.is_empty() {
        check.looked_at = "not as its facts say; `cloudmart rebuild` builds it anew".to_owned();
    }
    check.tell_all(found);
    Ok((check, facts))
}
