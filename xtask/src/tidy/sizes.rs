//! Files fit a head. A long file is only pointed out, since a split must follow meaning; a long main is an error.

use super::finding::Finding;
use super::tree::Tree;

const RULE: &str = "sizes";
const FILE_LINES: usize = 700;
const MAIN: &str = "crates/cloudmart/src/main.rs";
const MAIN_LINES: usize = 50;
const WRITTEN_BY_HAND: &[&str] = &[".rs", ".html", ".css", ".js"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.files
        .iter()
        .filter(|file| file.path.starts_with("crates/") || file.path.starts_with("xtask/"))
        .filter(|file| WRITTEN_BY_HAND.iter().any(|end| file.path.ends_with(end)))
        .filter_map(|file| {
            let lines = file.text.lines().count();
            if file.path == MAIN && lines > MAIN_LINES {
                let advice =
                    format!("{lines} lines, at most {MAIN_LINES}: main only starts; move the rest to where it belongs");
                Some(Finding::on(file, lines, RULE, advice))
            } else if lines > FILE_LINES {
                let advice = format!("{lines} lines, better under {FILE_LINES}: split it by meaning");
                Some(Finding::on(file, lines, RULE, advice).warning())
            } else {
                None
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::finding::Weight;
    use super::super::{spots, tree_of};
    use super::*;

    #[test]
    fn a_long_file_is_a_warning() {
        let long = "x\n".repeat(FILE_LINES + 1);
        let findings = check(&tree_of(&[("crates/web/src/a.rs", &long)]));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].weight, Weight::Warns);
    }

    #[test]
    fn a_long_main_is_an_error() {
        let long = "x\n".repeat(MAIN_LINES + 1);
        let findings = check(&tree_of(&[(MAIN, &long)]));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].weight, Weight::Fails);
    }

    #[test]
    fn just_enough_is_fine() {
        let file = "x\n".repeat(FILE_LINES);
        let main = "x\n".repeat(MAIN_LINES);
        assert!(spots(check, &[("crates/web/src/a.rs", &file), (MAIN, &main)]).is_empty());
    }
}
