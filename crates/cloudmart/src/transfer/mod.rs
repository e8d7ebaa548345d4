//! `cloudmart import` and `cloudmart export`: in a shop that is stopped, or through a running shop's API.
//! It does not read files of products; `services::transfer` does.

mod at_data;
mod at_url;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use contracts::transfer::{Format, Operation, OperationState};
use domain::money::Currency;

use crate::Failure;
use crate::cli::AtDataOrUrl;
use crate::config::Variables;
use crate::progress::{Progress, say};

/// What is imported, and how.
#[derive(Debug, Clone)]
pub struct Import {
    pub file: PathBuf,
    pub format: Option<Format>,
    pub currency: Option<String>,
    pub dry_run: bool,
    pub fetch_images: bool,
    pub at: AtDataOrUrl,
}

#[derive(Debug, Clone)]
pub struct Export {
    pub file: PathBuf,
    pub format: Option<Format>,
    pub currency: Option<String>,
    pub at: AtDataOrUrl,
}

/// Rows were bad. What cannot be imported at all is 2.
const SOME_ROWS_BAD: u8 = 1;
const NOT_IMPORTED: u8 = 2;

/// Imports, shows how far it is, and tells what came of it.
pub async fn import(import: Import, said: &Variables) -> Result<ExitCode, Failure> {
    let (config, secrets) = import.at.load(said)?;
    let format = format_of(import.format, &import.file)?;
    let mut progress = Progress::start("bytes", 0);
    let done = match import.at.url.clone() {
        Some(url) => at_url::import(&url, &import, format, &secrets, &mut progress).await,
        None => at_data::import(&import, format, (&config, &secrets), &mut progress).await,
    };
    drop(progress);
    let told = done.and_then(|operation| {
        say(&report::Report(&operation))?;
        Ok(operation)
    });
    let operation = match told {
        Ok(operation) => operation,
        Err(failure) => {
            failure.report();
            return Ok(ExitCode::from(NOT_IMPORTED));
        }
    };
    Ok(match (operation.state, operation.errors) {
        (OperationState::Done, 0) => ExitCode::SUCCESS,
        (OperationState::Done, _) => ExitCode::from(SOME_ROWS_BAD),
        _ => ExitCode::from(NOT_IMPORTED),
    })
}

/// Writes all products into a file, whole or not at all.
pub async fn export(export: Export, said: &Variables) -> Result<ExitCode, Failure> {
    let (config, secrets) = export.at.load(said)?;
    let format = format_of(export.format, &export.file)?;
    let bytes = match export.at.url.clone() {
        Some(url) => at_url::export(&url, &export, format, &secrets).await?,
        None => at_data::export(&export, format, (&config, &secrets)).await?,
    };
    println!("{} was written: {}.", export.file.display(), crate::numbers::bytes(bytes));
    Ok(ExitCode::SUCCESS)
}

/// By what was said, else by the file's name.
fn format_of(said: Option<Format>, file: &std::path::Path) -> Result<Format, Failure> {
    let ending = file.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let by_name = match ending.as_deref() {
        Some("csv") => Some(Format::Csv),
        Some("jsonl" | "ndjson") => Some(Format::Jsonl),
        _ => None,
    };
    said.or(by_name).ok_or_else(|| {
        Failure::new(format!("{} ends in neither .csv nor .jsonl: say --format csv or jsonl", file.display()))
    })
}

fn currency_of(said: Option<&str>) -> Result<Option<Currency>, Failure> {
    let read = |code: &str| {
        Currency::parse(code).map_err(|_| Failure::new(format!("`{code}` is no currency, such as USD or KRW")))
    };
    said.map(read).transpose()
}

/// Whether it has come to an end.
fn show(operation: &Operation, progress: &mut Progress) -> bool {
    progress.reach(operation.progress.done, operation.progress.total);
    operation.state != OperationState::Running
}

/// A file that is being written under another name, so that a broken export does not look like a whole one.
struct Partial {
    file: std::fs::File,
    partial: PathBuf,
    whole: PathBuf,
    bytes: u64,
}

impl Partial {
    fn create(whole: &std::path::Path) -> Result<Self, Failure> {
        let mut name = whole.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let partial = whole.with_file_name(name);
        let file = std::fs::File::create(&partial)
            .map_err(|error| Failure::new(format!("{} cannot be written: {error}", partial.display())))?;
        Ok(Self { file, partial, whole: whole.to_owned(), bytes: 0 })
    }

    fn write(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        use std::io::Write as _;
        self.bytes += chunk.len() as u64;
        self.file.write_all(chunk).map_err(|error| Failure::new(format!("{}: {error}", self.partial.display())))
    }

    fn finish(self) -> Result<u64, Failure> {
        self.file.sync_all()?;
        std::fs::rename(&self.partial, &self.whole)?;
        Ok(self.bytes)
    }
}
