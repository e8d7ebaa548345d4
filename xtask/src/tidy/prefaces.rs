//! Every module says first what it is for.

use super::finding::Finding;
use super::tree::{File, Tree};

const RULE: &str = "preface";
const ADVICE: &str = "begin the file with `//!` and a sentence: what the module is for, then what it does not know";

pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust_under("")
        .filter(|file| is_module(&file.path) && !file.text.trim().is_empty())
        .filter(|file| !begins_with_a_sentence(file))
        .map(|file| Finding::on(file, 1, RULE, ADVICE))
        .collect()
}

fn is_module(path: &str) -> bool {
    path.starts_with("xtask/src/") || path.starts_with("crates/") && path.contains("/src/")
}

fn begins_with_a_sentence(file: &File) -> bool {
    let paragraph: Vec<&str> = file
        .text
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    let text = paragraph.join(" ");
    text.contains(' ') && text.contains(['.', ':', '?'])
}

#[cfg(test)]
mod tests {
    use super::super::spots;
    use super::*;

    fn found(text: &str) -> bool {
        !spots(check, &[("crates/web/src/a.rs", text)]).is_empty()
    }

    #[test]
    fn a_module_says_what_it_is_for() {
        assert!(!found("//! Pages for buyers.\n\nfn f() {}\n"));
        assert!(!found("//! Pages for buyers, each of which\n//! is a file.\n"));
        assert!(!found(""));
    }

    #[test]
    fn silence_and_headings_are_found() {
        for bad in ["fn f() {}\n", "\n//! Late.\n", "//! Pages\n", "//!\n//! Late too.\n", "/// Of f.\nfn f() {}"] {
            assert!(found(bad), "{bad:?}");
        }
    }

    #[test]
    fn tests_folders_are_no_modules() {
        assert!(spots(check, &[("crates/web/tests/a.rs", "fn f() {}")]).is_empty());
    }
}
