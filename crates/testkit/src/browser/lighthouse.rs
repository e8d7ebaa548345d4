//! Lighthouse as a phone on a slow net sees a page: its scores, what cost them, and the bytes of the first view.
//! It does not know which pages matter, and judges nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::PATIENCE;
use super::driver::SWITCHES;
use crate::mart::{Process, eventually, run_to_its_end};

/// One look at one page, on a machine that is busy with other things.
const LOOK_LIMIT: Duration = Duration::from_secs(180);
/// Of one audit; the others are mostly of the same kind.
const ITEMS_TOLD: usize = 5;
/// What a first view is made of, as Chromium names it.
const FIRST_VIEW: [&str; 3] = ["Document", "Stylesheet", "Script"];

/// What Lighthouse found on one look.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Points from 0 to 100, by category: `performance`, `accessibility`, `best-practices`, `seo`.
    pub scores: BTreeMap<String, u32>,
    /// What kept a category from 100 points, in words.
    pub losses: Vec<String>,
    /// HTML, CSS and JavaScript as transferred: compressed, heads included.
    pub first_view_bytes: u64,
    /// Addresses of other hosts that were asked.
    pub third_parties: Vec<String>,
}

/// Looks once, with a browser that has never been there.
///
/// # Panics
/// When chromium or Lighthouse do not do their work.
pub async fn look(program: &Path, url: &str, cookies: &str, categories: &[&str]) -> Report {
    let folder = tempfile::Builder::new().prefix("lighthouse-").tempdir().expect("a folder for Lighthouse");
    let profile = folder.path().join("profile");
    let mut chromium = Command::new("chromium");
    chromium.args(SWITCHES).arg("--remote-debugging-port=0").arg(format!("--user-data-dir={}", profile.display()));
    let _chromium = Process::spawn(chromium, &folder.path().join("out"), &folder.path().join("err"));
    let port = eventually("chromium is ready", PATIENCE, async || {
        let told = std::fs::read_to_string(profile.join("DevToolsActivePort")).ok()?;
        told.lines().next().and_then(|line| line.parse::<u16>().ok())
    })
    .await;
    let headers = folder.path().join("headers.json");
    std::fs::write(&headers, json!({"Cookie": cookies}).to_string()).expect("a file for the cookies");
    let result = folder.path().join("report.json");
    let mut lighthouse = Command::new("node");
    lighthouse.arg(program).arg(url).args(["--output=json", "--quiet", "--no-enable-error-reporting"]);
    lighthouse.arg(format!("--port={port}")).arg(format!("--output-path={}", result.display()));
    lighthouse.arg(format!("--only-categories={}", categories.join(",")));
    if !cookies.is_empty() {
        lighthouse.arg(format!("--extra-headers={}", headers.display()));
    }
    let told = run_to_its_end(lighthouse, LOOK_LIMIT).await;
    assert!(told.status.success(), "Lighthouse on {url}: {told}");
    let report = std::fs::read(&result).expect("Lighthouse writes its report");
    let report: Value = serde_json::from_slice(&report).expect("the report is JSON");
    assert!(report["runtimeError"].is_null(), "Lighthouse on {url}: {}", report["runtimeError"]);
    read(&report, url)
}

fn read(report: &Value, url: &str) -> Report {
    let mut scores = BTreeMap::new();
    let mut losses = Vec::new();
    for (name, category) in report["categories"].as_object().into_iter().flatten() {
        // A category that could not be measured is worth nothing.
        scores.insert(name.clone(), points(&category["score"]));
        let weighty = category["auditRefs"].as_array().into_iter().flatten();
        for audit in weighty.filter(|audit| audit["weight"].as_f64() > Some(0.0)) {
            let audit = &report["audits"][audit["id"].as_str().unwrap_or_default()];
            let is_judged =
                audit["score"].is_number() && points(&audit["score"]) < 100 || !audit["errorMessage"].is_null();
            if is_judged {
                losses.push(in_words(name, audit));
            }
        }
    }
    let requests = report["audits"]["network-requests"]["details"]["items"].as_array().into_iter().flatten();
    let requests: Vec<&Value> = requests.collect();
    let is_part = |request: &&&Value| FIRST_VIEW.iter().any(|kind| request["resourceType"] == *kind);
    let bytes = requests.iter().filter(is_part).filter_map(|request| request["transferSize"].as_u64()).sum();
    let own = origin(url);
    let addresses = requests.iter().filter_map(|request| request["url"].as_str());
    let others = addresses.filter(|address| address.contains("://") && origin(address) != own);
    Report { scores, losses, first_view_bytes: bytes, third_parties: others.map(ToOwned::to_owned).collect() }
}

/// Lighthouse counts from 0 to 1.
fn points(score: &Value) -> u32 {
    let hundredths = (score.as_f64().unwrap_or_default() * 100.0).round();
    (0..=100).rev().find(|whole| f64::from(*whole) <= hundredths).unwrap_or_default()
}

fn in_words(category: &str, audit: &Value) -> String {
    let text = |member: &str| audit[member].as_str().unwrap_or_default();
    let items = audit["details"]["items"].as_array().into_iter().flatten();
    let places: Vec<String> = items.take(ITEMS_TOLD).filter_map(place).collect();
    let told = [text("displayValue"), text("errorMessage"), &places.join(" ")].join(" ");
    format!("{category}: {} ({} of 100) {}", text("title"), points(&audit["score"]), told.trim())
}

/// What an item is about: an element, an address, a message.
fn place(item: &Value) -> Option<String> {
    let told = ["description", "url", "href", "line", "message", "reason"].map(|member| item[member].as_str());
    let told = [item["node"]["snippet"].as_str()].into_iter().chain(told).flatten();
    let told: Vec<&str> = told.filter(|text| !text.is_empty()).collect();
    (!told.is_empty()).then(|| format!("[{}]", told.join(" · ")))
}

/// Scheme, host and port.
fn origin(address: &str) -> &str {
    let host = address.find("://").map_or(0, |at| at + "://".len());
    let end = address[host..].find('/').map_or(address.len(), |at| host + at);
    &address[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read() {
        let report = json!({
            "categories": {"seo": {"score": 0.945, "auditRefs": [{"id": "meta", "weight": 1}, {"id": "extra", "weight": 0}]}},
            "audits": {
                "meta": {"title": "No description", "score": 0, "details": {"items": [{"node": {"snippet": "<head>"}}]}},
                "extra": {"title": "Not counted", "score": 0},
                "network-requests": {"details": {"items": [
                    {"url": "http://127.0.0.1:1/", "resourceType": "Document", "transferSize": 3_000},
                    {"url": "http://127.0.0.1:1/a.css", "resourceType": "Stylesheet", "transferSize": 2_000},
                    {"url": "http://127.0.0.1:1/a.png", "resourceType": "Image", "transferSize": 90_000},
                    {"url": "https://example.org/x.js", "resourceType": "Script", "transferSize": 500},
                ]}},
            },
        });
        let report = read(&report, "http://127.0.0.1:1/");
        assert_eq!(report.scores.get("seo"), Some(&95));
        assert_eq!(report.losses, ["seo: No description (0 of 100) [<head>]"]);
        assert_eq!(report.first_view_bytes, 5_500);
        assert_eq!(report.third_parties, ["https://example.org/x.js"]);
    }
}
