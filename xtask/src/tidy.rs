//! `cargo xtask tidy`: the architecture's rules that no compiler checks. Each rule is a function from the repository's
//! files to findings, in a file of its own; none of them touches the disk.

mod environment;
mod features;
mod finding;
mod layers;
mod leftovers;
mod manifest;
mod places;
mod prefaces;
mod purity;
mod reasons;
mod rust;
mod siblings;
mod sizes;
mod tree;
mod vendors;
mod vocabulary;

use crate::workspace::Workspace;

use finding::{Finding, Weight};
use tree::Tree;

type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: &[Rule] = &[
    layers::check,
    purity::check,
    vocabulary::check,
    siblings::check,
    vendors::check,
    environment::check,
    features::check,
    leftovers::check,
    sizes::check,
    reasons::check,
    prefaces::check,
    places::check,
];

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Tree(#[from] tree::Error),
    #[error("tidy found {0} to put right; each line above says how")]
    Untidy(usize),
}

pub fn run(workspace: &Workspace) -> Result<(), Error> {
    let tree = Tree::read(&workspace.root)?;
    let findings = findings(&tree);
    for finding in &findings {
        println!("{finding}");
    }
    let failures = findings.iter().filter(|finding| finding.weight == Weight::Fails).count();
    if failures > 0 {
        return Err(Error::Untidy(failures));
    }
    println!("    {} rules hold in {} files", RULES.len(), tree.files.len());
    Ok(())
}

fn findings(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(tree)).collect();
    findings.sort_by(|a, b| (&a.path, a.line, a.rule).cmp(&(&b.path, b.line, b.rule)));
    findings.dedup();
    findings
}

/// A tree for the rules' tests.
#[cfg(test)]
fn tree_of(files: &[(&str, &str)]) -> Tree {
    Tree::of(files.iter().map(|&(path, text)| (path.to_owned(), text.to_owned())))
}

/// Where a rule found something, as `path:line`.
#[cfg(test)]
fn spots(rule: Rule, files: &[(&str, &str)]) -> Vec<String> {
    let found = rule(&tree_of(files));
    found.iter().map(|finding| format!("{}:{}", finding.path, finding.line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_come_in_the_order_of_files_and_lines() {
        let tree = tree_of(&[
            ("crates/domain/src/b.rs", "async fn f() {}"),
            ("crates/domain/src/a.rs", "//! Decides on goods.\n\nasync fn f() {}\n// FIXME\n"),
        ]);
        let lines: Vec<String> =
            findings(&tree).iter().map(|finding| format!("{}:{}", finding.path, finding.line)).collect();
        assert_eq!(
            lines,
            [
                "crates/domain/src/a.rs:3",
                "crates/domain/src/a.rs:4",
                "crates/domain/src/b.rs:1",
                "crates/domain/src/b.rs:1",
            ]
        );
    }
}
