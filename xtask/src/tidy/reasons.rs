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
    let Some(record) = tree.get(RECORD) else {
        let advice = format!("write {RECORD}, with a table `| crate | why | where |`");
        return vec![Finding::on(manifest, 1, RULE, advice)];
    };
    let named = named(manifest);
    let told = reasons(record);
    let mut findings = Vec::new();
    for (name, line) in &named {
        if !told.contains_key(name.as_str()) {
            let advice = format!("say in {RECORD} why we take {name} and where: `| {name} | why | where |`");
            findings.push(Finding::on(manifest, *line, RULE, advice));
        }
    }
    for (name, line) in told {
        if !named.contains_key(name) {
            let advice = format!("{name} is not in [workspace.dependencies] any more; delete its line");
            findings.push(Finding::on(record, line, RULE, advice));
        }
    }
    findings
}

/// The crates from outside, with their lines in the manifest.
fn named(manifest: &File) -> BTreeMap<String, usize> {
    manifest::dependencies(&manifest.text)
        .into_iter()
        .filter(|dependency| dependency.section == Section::Workspace && !dependency.is_path)
        .map(|dependency| (dependency.name, dependency.line))
        .collect()
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

    const ROOT: &str = "[workspace.dependencies]\ndomain = { path = \"crates/domain\" }\nserde = \"1\"\n";

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
        assert_eq!(spots(check, &[(MANIFEST, ROOT)]), ["Cargo.toml:1"]);
        assert_eq!(spots(check, &[(MANIFEST, ROOT), (RECORD, &without)]), ["Cargo.toml:3"]);
        assert_eq!(spots(check, &[(MANIFEST, ROOT), (RECORD, &empty)]), ["Cargo.toml:3"]);
    }

    #[test]
    fn a_reason_without_a_crate_is_found() {
        let record = record("| serde | facts | all |\n| gone | once | web |\n");
        assert_eq!(spots(check, &[(MANIFEST, ROOT), (RECORD, &record)]), ["docs/DEPENDENCIES.md:6"]);
    }
}
