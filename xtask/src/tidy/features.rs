//! One build for all: what differs between shops is configuration, never a feature of the build.

use super::finding::Finding;
use super::rust;
use super::tree::{File, Tree};

const RULE: &str = "features";
const ADVICE: &str =
    "no cfg(feature): every build has everything; make it a key of the configuration that is read at run time";

pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust_under("crates/").flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    let code = &file.rust.code;
    rust::words(code)
        .filter(|(_, word)| matches!(*word, "cfg" | "cfg_attr"))
        .filter(|(at, word)| rust::words(arguments(&code[at + word.len()..])).any(|(_, word)| word == "feature"))
        .map(|(at, _)| Finding::at(file, at, RULE, ADVICE))
        .collect()
}

/// What stands in the brackets that follow at once; nothing when none do.
fn arguments(after: &str) -> &str {
    let after = after.strip_prefix('!').unwrap_or(after);
    let mut depth = 0_usize;
    for (at, byte) in after.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return &after[..at];
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use super::super::spots;
    use super::*;

    #[test]
    fn features_switch_nothing() {
        for bad in [
            "#[cfg(feature = \"redis\")]",
            "#[cfg(all(unix, feature = \"x\"))]",
            "if cfg!(feature = \"x\") {}",
            "#[cfg_attr(feature = \"x\", derive(Debug))]",
        ] {
            assert_eq!(spots(check, &[("crates/web/src/a.rs", bad)]), ["crates/web/src/a.rs:1"], "{bad}");
        }
    }

    #[test]
    fn the_platform_built_for_and_tests_may_differ() {
        let good = "#[cfg(unix)]\nfn feature() {}\n#[cfg(test)]\nmod tests {}\nlet cfg = feature;\n";
        assert!(spots(check, &[("crates/web/src/a.rs", good)]).is_empty());
    }
}
