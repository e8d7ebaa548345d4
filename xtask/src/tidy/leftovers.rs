//! What someone meant to come back to: silenced lints, open ends, tests that do not run, and tests that hope for time.

use super::finding::Finding;
use super::rust::{self, RustPath};
use super::tree::{File, Tree};

const RULE: &str = "leftovers";

const ALLOW: &str = "say #[expect(…, reason = \"…\")] instead: it goes away with its cause";
const OPEN_END: &str = "nothing lands unfinished: do it now, or open an issue and leave the code whole without it";
const NOTE: &str = "do it now, or open an issue; a note in the code is read by nobody";
const IGNORE: &str = "a test that does not run proves nothing: make it quick enough, or delete it";
const SLEEP: &str = "no sleeping in tests: wait for the condition with a limit, or pause the runtime's time";

const NOTES: &[&str] = &["TODO", "FIXME"];
const OTHER_SOURCES: &[&str] = &[".html", ".css", ".js", ".toml", ".sql"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.files
        .iter()
        .filter(|file| file.path.starts_with("crates/") || file.path.starts_with("xtask/"))
        .flat_map(|file| {
            if file.is_rust() {
                check_rust(file)
            } else if OTHER_SOURCES.iter().any(|end| file.path.ends_with(end)) {
                notes(file, &file.text)
            } else {
                Vec::new()
            }
        })
        .collect()
}

fn check_rust(file: &File) -> Vec<Finding> {
    let mut findings = notes(file, &file.rust.comments);
    for (start, advice) in [("#[allow(", ALLOW), ("#![allow(", ALLOW), ("#[ignore", IGNORE)] {
        let found = file.rust.code.match_indices(start);
        findings.extend(found.map(|(at, _)| Finding::at(file, at, RULE, advice)));
    }
    for path in rust::paths(&file.rust.code) {
        if path.is_macro && matches!(path.segments.last().map(String::as_str), Some("todo" | "unimplemented")) {
            findings.push(Finding::at(file, path.at, RULE, OPEN_END));
        }
        if is_in_tests_folder(file) && is_sleep(&path) {
            findings.push(Finding::at(file, path.at, RULE, SLEEP));
        }
    }
    findings
}

fn notes(file: &File, text: &str) -> Vec<Finding> {
    rust::words(text)
        .filter(|(_, word)| NOTES.contains(word))
        .map(|(at, _)| Finding::at(file, at, RULE, NOTE))
        .collect()
}

fn is_in_tests_folder(file: &File) -> bool {
    file.path.contains("/tests/")
}

fn is_sleep(path: &RustPath) -> bool {
    path.contains(&["thread", "sleep"]) || path.contains(&["time", "sleep"])
}

#[cfg(test)]
mod tests {
    use super::super::spots;
    use super::*;

    fn found(path: &str, text: &str) -> bool {
        !spots(check, &[(path, text)]).is_empty()
    }

    #[test]
    fn leftovers_are_found() {
        for bad in [
            "#[allow(dead_code)]",
            "#![allow(clippy::all)]",
            "fn f() { todo!() }",
            "fn f() { std::unimplemented!() }",
            "// TODO: later",
            "/* FIXME */",
            "#[ignore]",
            "#[ignore = \"slow\"]",
        ] {
            assert!(found("crates/web/src/a.rs", bad), "{bad}");
        }
        assert!(found("crates/web/templates/a.html", "<!-- TODO -->"));
    }

    #[test]
    fn expectations_and_texts_are_no_leftovers() {
        for good in [
            "#[expect(dead_code, reason = \"x\")]",
            "let s = \"TODO\";",
            "fn todo() {}",
            "// the todo list of a person",
        ] {
            assert!(!found("crates/web/src/a.rs", good), "{good}");
        }
    }

    #[test]
    fn tests_do_not_sleep() {
        let tests = "crates/cloudmart/tests/shop.rs";
        assert!(found(tests, "tokio::time::sleep(x).await"));
        assert!(found(tests, "use std::thread::sleep;"));
        assert!(!found("crates/adapters/src/a.rs", "tokio::time::sleep(x).await"));
    }
}
