//! Every crate from outside has a reason on record, and every record a crate.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::manifest::{self, Section};
use super::tree::{File, Tree};

const RULE: &str = "dependencies";
const MANIFEST: &str = "Cargo.toml";
const RECORD: &str = "docs/DEPENDENCIES.md";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let Some(manifest) = tree.get(MANIFEST) else {
        return Vec::new();
    };
    let record = tree.get(RECORD);
    let reasons = record.map(reasons).unwrap_or_default();
    let mut named = BTreeMap::new();
    for dependency in manifest::dependencies(&manifest.text) {
        if dependency.section == Section::Workspace && !dependency.is_path {
            named.insert(dependency.name, dependency.line);
        }
    }
    let unexplained = named
        .iter()
        .filter(|(name, _)| !reasons.contains_key(name.as_str()))
        .map(|(name, line)| {
            let advice =
                format!("say in {RECORD} why we take {name} and where: `| {name} | why | where |`");
            Finding::on(manifest, *line, RULE, advice)
        });
    let gone = record.into_iter().flat_map(|file| {
        reasons
            .iter()
            .filter(|(name, _)| !named.contains_key(**name))
            .map(move |(name, line)| {
                let advice = format!("{name} is not in [workspace.dependencies] of {MANIFEST} any more; delete its line");
                Finding::on(file, *line, RULE, advice)
            })
    });
    unexplained.chain(gone).collect()
}

/// The names in the table that begins with `| crate |`, with their lines.
fn reasons(file: &File) -> BTreeMap<&str, usize> {
    file.text
        .lines()
        .enumerate()
        .skip_while(|(_, line)| !line.starts_with("| crate |"))
        .skip(2)
        .take_while(|(_, line)| line.starts_with('|'))
        .filter_map(|(index, line)| {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            let name = cells.next()?;
            let is_told = cells.next().is_some_and(|why| !why.is_empty());
            is_told.then_some((name, index + 1))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::spots;
    use super::*;

    const ROOT: &str =
        "[workspace.dependencies]\ndomain = { path = \"crates/domain\" }\nserde = \"1\"\n";

    fn record(rows: &str) -> String {
        format!("# Dependencies\n\n| crate | why | where |\n|---|---|---|\n{rows}\n| tool | x |\n")
    }

    #[test]
    fn a_reason_for_each_and_no_more() {
        let record = record("| serde | facts as bytes | all |\n");
        assert!(spots(check, &[(MANIFEST, ROOT), (RECORD, &record)]).is_empty());
    }

    #[test]
    fn a_crate_without_a_reason_is_found() {
        let without = record("");
        let empty = record("| serde | | all |\n");
        assert_eq!(spots(check, &[(MANIFEST, ROOT)]), ["Cargo.toml:3"]);
        assert_eq!(
            spots(check, &[(MANIFEST, ROOT), (RECORD, &without)]),
            ["Cargo.toml:3"]
        );
        assert_eq!(
            spots(check, &[(MANIFEST, ROOT), (RECORD, &empty)]),
            ["Cargo.toml:3"]
        );
    }

    #[test]
    fn a_reason_without_a_crate_is_found() {
        let record = record("| serde | facts | all |\n| gone | once | web |\n");
        assert_eq!(
            spots(check, &[(MANIFEST, ROOT), (RECORD, &record)]),
            ["docs/DEPENDENCIES.md:6"]
        );
    }
}
