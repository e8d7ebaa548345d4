//! chromedriver and the chromium behind it: started on ports and a profile of their own, always ended by process id.
//! It does not know what is looked at.

use std::path::Path;
use std::process::Command;

use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::{Method, Url};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{PATIENCE, Visitor};
use crate::mart::{Process, eventually};

const PROGRAM: &str = "chromedriver";
/// What it prints when it has found a free port.
const ON_PORT: &str = "started successfully on port ";
/// Quiet, alone, and nothing but what the page asks for. Containers have a small `/dev/shm` and often no user namespaces.
pub(super) const SWITCHES: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--no-proxy-server",
];

/// Both processes, ended when this goes: the browser before its parent.
#[derive(Debug)]
pub(super) struct Driver {
    chromium: Chromium,
    _process: Process,
    _profile: TempDir,
}

/// The browser's own process, which is chromedriver's child and would outlive it.
#[derive(Debug)]
struct Chromium(Option<u64>);

impl Driver {
    pub(super) async fn start(visitor: &Visitor) -> (Self, Client) {
        let profile = tempfile::Builder::new().prefix("browser-").tempdir().expect("a folder for a browser");
        let (out, err) = (profile.path().join("driver.out"), profile.path().join("driver.err"));
        let mut command = Command::new(PROGRAM);
        command.arg("--port=0").current_dir(profile.path());
        let installed = Command::new(PROGRAM).arg("--version").output().is_ok();
        assert!(installed, "no {PROGRAM}: `cargo xtask test --only browser` installs what browser tests need");
        let mut process = Process::spawn(command, &out, &err);
        let port = eventually("chromedriver is ready", PATIENCE, async || {
            let told = std::fs::read_to_string(&out).unwrap_or_default();
            assert!(process.ended().is_none(), "chromedriver ended at once: {told}");
            port_in(&told)
        })
        .await;
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities(&profile.path().join("profile"), visitor));
        let connected = builder.connect(&format!("http://127.0.0.1:{port}")).await;
        let client = connected.unwrap_or_else(|error| panic!("chromium does not start: {error}"));
        let chromium = client.capabilities().and_then(|told| told.get("goog:processID")).and_then(Value::as_u64);
        (Self { chromium: Chromium(chromium), _process: process, _profile: profile }, client)
    }

    /// The process that shows the pages.
    pub(super) fn chromium(&self) -> Option<u64> {
        self.chromium.0
    }

    /// A command of Chromium's own protocol, on the current tab.
    pub(super) async fn devtools(&self, client: &Client, command: &str, parameters: Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        let answer = client.issue_cmd(Own { path: "goog/cdp/execute", body }).await;
        answer.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// What pages wrote to the console since it was read last, as errors only.
    pub(super) async fn console(&self, client: &Client) -> Vec<String> {
        let entries = client.issue_cmd(Own { path: "se/log", body: json!({"type": "browser"}) }).await;
        let entries = entries.unwrap_or_else(|error| panic!("no console: {error}"));
        let entries = entries.as_array().into_iter().flatten();
        let errors = entries.filter(|entry| entry["level"] == "SEVERE");
        errors.filter_map(|entry| entry["message"].as_str().map(ToOwned::to_owned)).collect()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        if let Some(id) = self.0 {
            // It has mostly ended by itself; its number is not given to others while chromedriver, its parent, lives.
            let line = ["-c", "kill -KILL \"$0\" 2>/dev/null", &id.to_string()].map(ToOwned::to_owned);
            Command::new("sh").args(line).status().ok();
        }
    }
}

/// From `ChromeDriver was started successfully on port 40187.`
fn port_in(told: &str) -> Option<u16> {
    let (_, after) = told.split_once(ON_PORT)?;
    let (port, _) = after.split_once('.')?;
    port.parse().ok()
}

fn capabilities(profile: &Path, visitor: &Visitor) -> Capabilities {
    let mut switches: Vec<String> = SWITCHES.iter().map(|&switch| switch.to_owned()).collect();
    let (width, height) = visitor.size();
    switches.push(format!("--user-data-dir={}", profile.display()));
    switches.push(format!("--window-size={width},{height}"));
    let wanted = json!({
        "browserName": "chrome",
        "timeouts": {"pageLoad": 60_000, "script": 60_000},
        "goog:loggingPrefs": {"browser": "ALL"},
        "goog:chromeOptions": {"args": switches, "prefs": {"intl": {"accept_languages": visitor.language}}},
    });
    match wanted {
        Value::Object(wanted) => wanted,
        _ => Capabilities::new(),
    }
}

/// A command that chromedriver adds to the standard's.
#[derive(Debug)]
struct Own {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Own {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, <Url as std::str::FromStr>::Err> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_what_chromedriver_prints() {
        let told = "Starting ChromeDriver 156.0 on port 0\nChromeDriver was started successfully on port 40187.\n";
        assert_eq!(port_in(told), Some(40_187));
        assert_eq!(port_in("ChromeDriver was started successfully on port 40"), None);
    }
}
