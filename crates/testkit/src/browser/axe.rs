//! Whether everybody can use a page: axe-core runs in it, and what it finds is told in words.
//! It knows no rule of its own.

use std::path::PathBuf;

use serde_json::Value;

use super::Browser;

/// Where `cargo xtask test` has put it, told by this variable, else in the usual build folder.
const VARIABLE: &str = "CLOUDMART_AXE";
const USUAL_PLACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/npm/node_modules/axe-core/axe.min.js");

impl Browser {
    /// What axe-core finds on the page, a rule each.
    pub async fn violations(&self) -> Vec<String> {
        const RUN: &str = "const done = arguments[arguments.length - 1];
            axe.run(document, {resultTypes: ['violations']}).then(
                (found) => done(found.violations), (error) => done([{id: 'axe', help: String(error), nodes: []}]))";
        self.ask(&program(), &[]).await;
        let found = self.ask_slowly(RUN, &[]).await;
        found.as_array().into_iter().flatten().map(in_words).collect()
    }
}

fn program() -> String {
    #[expect(clippy::disallowed_methods, reason = "the task that starts the tests says where it has put the tool")]
    let told = std::env::var_os(VARIABLE).map(PathBuf::from);
    let path = told.unwrap_or_else(|| PathBuf::from(USUAL_PLACE));
    let text = std::fs::read_to_string(&path);
    text.unwrap_or_else(|error| {
        panic!("no axe-core at {}: {error}; `cargo xtask test --only browser` installs it", path.display())
    })
}

/// The rule, then each element with what to do about it, then where more is to be read.
fn in_words(violation: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut words =
        format!("{} ({}): {}", text(&violation["id"]), text(&violation["impact"]), text(&violation["help"]));
    for node in violation["nodes"].as_array().into_iter().flatten() {
        let target: Vec<String> = node["target"].as_array().into_iter().flatten().map(text).collect();
        let summary = text(&node["failureSummary"]).replace('\n', "\n      ");
        words.push_str(&format!("\n    {}: {}\n      {summary}", target.join(" "), text(&node["html"])));
    }
    words.push_str(&format!("\n    {}", text(&violation["helpUrl"])));
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_violation_names_the_element_and_the_remedy() {
        let told = in_words(&json!({
            "id": "label", "impact": "critical", "help": "Form elements must have labels", "helpUrl": "https://example.org/label",
            "nodes": [{"target": ["#q"], "html": "<input id=\"q\">", "failureSummary": "Fix any of the following:\n  Add a label"}],
        }));
        assert!(
            told.contains("label (critical)") && told.contains("#q: <input") && told.contains("Add a label"),
            "{told}"
        );
    }
}
