//! Which of our crates may depend on which. It reads manifests: what a manifest does not name, no source can use; and the
//! one place where a whole crate is too much: of the platform, the web knows the http conventions only.

use super::finding::Finding;
use super::manifest::{self, Section};
use super::rust;
use super::tree::{File, Tree};

const RULE: &str = "layers";

/// Each crate with those of ours that it may know. The order is from the rules outwards.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("platform", &[]),
    ("contracts", &["domain"]),
    ("services", &["contracts", "platform", "domain"]),
    ("adapters", &["services", "platform", "contracts", "domain"]),
    ("web", &["contracts", "domain", "platform"]),
    ("cloudmart", &["web", "adapters", "services", "contracts", "platform", "domain"]),
    ("testkit", &["web", "adapters", "services", "contracts", "platform", "domain"]),
    ("simulation", &["services", "contracts", "platform", "domain"]),
    ("xtask", &[]),
    ("fuzz", &["testkit"]),
];

const TESTKIT: &str = "testkit";
const OF_PLATFORM_FOR_WEB: &str = "http";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        if let Some(name) = crate_of(&file.path) {
            findings.extend(check_manifest(file, name));
        }
    }
    findings.extend(tree.rust_under("crates/web/src/").flat_map(check_web));
    findings
}

/// The crate whose manifest this is.
fn crate_of(path: &str) -> Option<&str> {
    let folder = path.strip_suffix("/Cargo.toml")?;
    let name = folder.strip_prefix("crates/").unwrap_or(folder);
    (!name.contains('/')).then_some(name)
}

fn check_manifest(file: &File, name: &str) -> Vec<Finding> {
    let Some((_, may_know)) = MAY_KNOW.iter().find(|(known, _)| *known == name) else {
        let advice = format!("no layer is given for the crate {name}; add it to MAY_KNOW in xtask/src/tidy/layers.rs");
        return vec![Finding::on(file, 1, RULE, advice)];
    };
    manifest::dependencies(&file.text)
        .into_iter()
        .filter(|dependency| is_ours(&dependency.name))
        .filter_map(|dependency| {
            let other = dependency.name.as_str();
            let allowed = match (other, dependency.section) {
                (_, Section::Workspace) | (TESTKIT, Section::Dev) => true,
                _ => may_know.contains(&other),
            };
            let advice = advice(name, other, may_know);
            (!allowed).then(|| Finding::on(file, dependency.line, RULE, advice))
        })
        .collect()
}

fn is_ours(name: &str) -> bool {
    MAY_KNOW.iter().any(|(known, _)| *known == name)
}

fn advice(name: &str, other: &str, may_know: &[&str]) -> String {
    if other == TESTKIT {
        return "testkit is for tests; name it under [dev-dependencies]".to_owned();
    }
    let may_know = match may_know {
        [] => "none of our crates".to_owned(),
        some => some.join(", "),
    };
    format!(
        "{name} may not know {other}, only {may_know}; pass in what it needs, or put a trait where {name} can see it"
    )
}

fn check_web(file: &File) -> Vec<Finding> {
    let code = file.without_tests(&file.rust.code);
    rust::paths(&code)
        .into_iter()
        .filter(|path| {
            path.starts_with(&["platform"]) && path.segments.get(1).is_some_and(|module| module != OF_PLATFORM_FOR_WEB)
        })
        .map(|path| {
            let advice =
                format!("of the platform, pages know only platform::{OF_PLATFORM_FOR_WEB}; ask a contract instead");
            Finding::at(file, path.at, RULE, advice)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::spots;
    use super::*;

    #[test]
    fn dependencies_point_inwards() {
        let good = &[
            ("crates/domain/Cargo.toml", "[dependencies]\nserde.workspace = true\n"),
            ("crates/contracts/Cargo.toml", "[dependencies]\ndomain.workspace = true\n"),
            ("crates/adapters/Cargo.toml", "[dependencies]\nservices.workspace = true\n"),
            ("Cargo.toml", "[workspace.dependencies]\ndomain = { path = \"crates/domain\" }\n"),
        ];
        assert!(spots(check, good).is_empty());
    }

    #[test]
    fn a_dependency_outwards_is_found() {
        let bad = &[
            ("crates/domain/Cargo.toml", "[dependencies]\nplatform.workspace = true\n"),
            ("crates/web/Cargo.toml", "[dependencies]\ndomain.workspace = true\nservices.workspace = true\n"),
        ];
        assert_eq!(spots(check, bad), ["crates/domain/Cargo.toml:2", "crates/web/Cargo.toml:3"]);
    }

    #[test]
    fn testkit_is_for_tests() {
        let dev = "[dev-dependencies]\ntestkit.workspace = true\n";
        let normal = "[dependencies]\ntestkit.workspace = true\n";
        assert!(spots(check, &[("crates/platform/Cargo.toml", dev)]).is_empty());
        assert_eq!(spots(check, &[("crates/cloudmart/Cargo.toml", normal)]), ["crates/cloudmart/Cargo.toml:2"]);
    }

    #[test]
    fn a_new_crate_needs_a_layer() {
        assert_eq!(spots(check, &[("crates/utils/Cargo.toml", "")]), ["crates/utils/Cargo.toml:1"]);
    }

    #[test]
    fn pages_know_the_http_conventions_and_no_more_of_the_platform() {
        let bad = "use platform::{http::Problem, log::Log};\n";
        let good = "use platform::http::Problem;\n";
        assert_eq!(
            spots(check, &[("crates/web/src/a.rs", bad), ("crates/web/src/b.rs", good)]),
            ["crates/web/src/a.rs:1"]
        );
    }
}
