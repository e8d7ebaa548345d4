//! The repository is the same for everybody: it names no folder of someone's machine and no server that packages come
//! from, since both differ from place to place.

use super::finding::Finding;
use super::tree::{File, Tree};

const RULE: &str = "places";
const MACHINE: &str = "a folder of one machine; use a path from the repository's root, a temporary folder or a setting";
const SERVER: &str = "a package server; name packages only, and leave it to each machine where they come from";

/// Folders right under `/` in which people work.
const FOLDERS: &[&str] = &["work", "root", "home"];

/// What the names of package servers contain, between dots.
const SERVERS: &[&str] =
    &["registry", "crates", "pypi", "pythonhosted", "npmjs", "debian", "artifactory", "nexus", "jfrog"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.files.iter().flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for folder in FOLDERS {
        for (at, _) in file.text.match_indices(&format!("/{folder}/")) {
            if begins_a_path(&file.text[..at]) {
                findings.push(Finding::at(file, at, RULE, MACHINE));
            }
        }
    }
    for (at, mark) in file.text.match_indices("://") {
        let host = host(&file.text[at + mark.len()..]);
        if host.split('.').any(|label| SERVERS.contains(&label)) {
            findings.push(Finding::at(file, at, RULE, SERVER));
        }
    }
    findings
}

/// After a letter or a dot the slash is inside of a longer, relative path or an address.
fn begins_a_path(before: &str) -> bool {
    !before.ends_with(|c: char| c.is_alphanumeric() || "._-/}*~".contains(c))
}

/// An address's server, without user and port.
fn host(after: &str) -> &str {
    let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || ".-_@:".contains(c))).unwrap_or(after.len());
    let server = after[..end].rsplit('@').next().unwrap_or_default();
    server.split(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::spots;
    use super::*;

    fn found(text: &str) -> bool {
        !spots(check, &[("docs/a.md", text)]).is_empty()
    }

    #[test]
    fn folders_of_a_machine_are_found() {
        for folder in FOLDERS {
            assert!(found(&format!("see /{folder}/me/x")));
            assert!(found(&format!("path=\"/{folder}/me\"")));
        }
    }

    #[test]
    fn relative_paths_and_addresses_are_none() {
        for folder in FOLDERS {
            assert!(!found(&format!("target/{folder}/x")));
            assert!(!found(&format!("../{folder}/x")));
            assert!(!found(&format!("https://example.org/{folder}/x")));
        }
    }

    #[test]
    fn package_servers_are_found() {
        for label in SERVERS {
            assert!(found(&format!("index-url = https://me:pw@files.{label}.org:8443/simple")));
        }
        assert!(found(&format!("\"resolved\": \"https://{}.example/x.tgz\"", "registry")));
    }

    #[test]
    fn other_addresses_may_be_named() {
        assert!(!found("https://github.com/rust-lang/crates.io-index"));
        assert!(!found("https://docs.rs/registry"));
        assert!(!found("http://127.0.0.1:8080/"));
    }
}
