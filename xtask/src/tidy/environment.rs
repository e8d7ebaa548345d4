//! The environment is read once, in the binary's config. What else needs a setting is handed it.

use super::finding::Finding;
use super::rust;
use super::tree::{File, Tree};

const RULE: &str = "environment";
const ADVICE: &str = "only crates/cloudmart/src/config reads the environment; add a documented key there and pass its value on \
    (a test's folders come from tempfile)";

/// Where it is read. Build scripts are told everything by environment variables.
fn may_read(path: &str) -> bool {
    path.starts_with("crates/cloudmart/src/config")
        || path.starts_with("crates/testkit/")
        || path.starts_with("xtask/")
        || path.ends_with("/build.rs")
}

pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust_under("").filter(|file| !may_read(&file.path)).flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    rust::paths(&file.rust.code)
        .into_iter()
        .filter(|path| {
            path.starts_with(&["std", "env"])
                || path.segments.len() > 1 && path.segments[0] == "env" && path.segments[1].starts_with("var")
        })
        .map(|path| Finding::at(file, path.at, RULE, ADVICE))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::spots;
    use super::*;

    #[test]
    fn the_environment_is_read_in_config_only() {
        let reads = "let x = std::env::var(\"X\");";
        let files = &[
            ("crates/adapters/src/a.rs", reads),
            ("crates/adapters/src/b.rs", "use std::{env, fs};\n\nlet x = env::var_os(\"X\");"),
            ("crates/cloudmart/src/config.rs", reads),
            ("crates/cloudmart/src/config/file.rs", reads),
            ("crates/testkit/src/lib.rs", reads),
            ("xtask/src/main.rs", reads),
        ];
        assert_eq!(
            spots(check, files),
            ["crates/adapters/src/a.rs:1", "crates/adapters/src/b.rs:1", "crates/adapters/src/b.rs:3"]
        );
    }

    #[test]
    fn what_is_fixed_when_building_is_no_setting() {
        let good = "const VERSION: &str = env!(\"CARGO_PKG_VERSION\");";
        assert!(spots(check, &[("crates/cloudmart/src/serve.rs", good)]).is_empty());
    }
}
