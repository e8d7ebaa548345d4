//! What `cargo xtask lighthouse` and `cargo xtask screenshots` start: a shop of its own, and a browser in front of it.
//! It does not build or install anything.

mod lighthouse;
mod screenshots;

use std::path::PathBuf;
use std::process::ExitCode;

/// What was asked for: the shop's binary, a path, and the names of pages; all pages when none is named.
struct Wanted {
    binary: PathBuf,
    path: PathBuf,
    pages: Vec<String>,
}

impl Wanted {
    fn has(&self, page: &str) -> bool {
        self.pages.is_empty() || self.pages.iter().any(|wanted| wanted == page)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let (what, binary, path) = (words.next(), words.next(), words.next());
    let (Some(what), Some(binary), Some(path)) = (what, binary, path) else {
        eprintln!("shop_window lighthouse BINARY PROGRAM [PAGE…] | screenshots BINARY FOLDER [PAGE…]");
        return ExitCode::FAILURE;
    };
    // The shop is started in a folder of its own.
    let absolute = |path: String| std::path::absolute(&path).unwrap_or_else(|_| path.into());
    let wanted = Wanted { binary: absolute(binary), path: absolute(path), pages: words.collect() };
    let is_fine = match what.as_str() {
        "lighthouse" => lighthouse::run(&wanted).await,
        _ => screenshots::run(&wanted).await,
    };
    if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
