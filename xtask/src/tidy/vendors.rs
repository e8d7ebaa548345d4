//! Only adapters name a vendor, so that an engine can be changed in one crate.

use super::finding::Finding;
use super::manifest::{self, Section};
use super::rust;
use super::tree::{File, Tree};

const RULE: &str = "vendors";

const VENDORS: &[&str] = &["rusqlite", "tokio_postgres", "redis", "rdkafka", "reqwest", "stripe", "lettre", "tantivy"];

/// Crates whose sources do not even mention one. The binary may: its configuration and wiring choose among adapters.
const NEVER_MENTION: &[&str] = &["domain", "contracts", "platform", "services", "web"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let manifests = tree.files.iter().flat_map(check_manifest);
    let sources = NEVER_MENTION
        .iter()
        .flat_map(|name| tree.rust_under(&format!("crates/{name}/src/")).collect::<Vec<_>>())
        .flat_map(check_source);
    manifests.chain(sources).collect()
}

fn may_depend(name: &str, vendor: &str) -> bool {
    match name {
        "adapters" => true,
        // Its command line is a client of another shop's API.
        "cloudmart" | "testkit" => vendor == "reqwest",
        _ => false,
    }
}

fn check_manifest(file: &File) -> Vec<Finding> {
    let Some(name) = file.path.strip_suffix("/Cargo.toml").and_then(|folder| folder.rsplit('/').next()) else {
        return Vec::new();
    };
    manifest::dependencies(&file.text)
        .into_iter()
        .filter(|dependency| matches!(dependency.section, Section::Normal | Section::Build))
        .filter_map(|dependency| {
            let vendor = vendor_in(&dependency.name.replace('-', "_"))?;
            (!may_depend(name, vendor)).then(|| Finding::on(file, dependency.line, RULE, advice(vendor)))
        })
        .collect()
}

fn check_source(file: &File) -> Vec<Finding> {
    let code = file.without_tests(&file.rust.code);
    let texts = file.without_tests(&file.rust.texts);
    [code, texts]
        .iter()
        .flat_map(|view| {
            rust::words(view)
                .filter_map(|(at, word)| Some(Finding::at(file, at, RULE, advice(vendor_in(word)?))))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// `RedisCache`, `redis_url` and `redis` all name one.
fn vendor_in(word: &str) -> Option<&'static str> {
    let spelt = format!("_{}_", rust::parts(word).join("_"));
    VENDORS.iter().copied().find(|vendor| spelt.contains(&format!("_{vendor}_")))
}

fn advice(vendor: &str) -> String {
    format!("only adapters name a vendor, so no `{vendor}` here; declare a port and implement it in crates/adapters")
}

#[cfg(test)]
mod tests {
    use super::super::spots;
    use super::*;

    #[test]
    fn only_adapters_depend_on_a_vendor() {
        let manifest = "[dependencies]\ntokio-postgres = \"1\"\n";
        assert!(spots(check, &[("crates/adapters/Cargo.toml", manifest)]).is_empty());
        assert_eq!(spots(check, &[("crates/platform/Cargo.toml", manifest)]), ["crates/platform/Cargo.toml:2"]);
    }

    #[test]
    fn the_command_line_may_be_an_http_client() {
        let manifest = "[dependencies]\nreqwest.workspace = true\nrusqlite.workspace = true\n";
        assert_eq!(spots(check, &[("crates/cloudmart/Cargo.toml", manifest)]), ["crates/cloudmart/Cargo.toml:3"]);
    }

    #[test]
    fn the_workspace_lists_them_all() {
        let manifest = "[workspace.dependencies]\nrusqlite = \"1\"\n";
        assert!(spots(check, &[("Cargo.toml", manifest)]).is_empty());
    }

    #[test]
    fn inner_crates_do_not_mention_a_vendor_in_code() {
        for bad in
            ["struct RedisCache;", "let redis_url = 1;", "use tokio_postgres::Client;", "if provider == \"stripe\" {}"]
        {
            assert_eq!(spots(check, &[("crates/services/src/a.rs", bad)]), ["crates/services/src/a.rs:1"], "{bad}");
        }
    }

    #[test]
    fn reasons_in_comments_and_the_binary_s_wiring_may() {
        let good = &[
            ("crates/platform/src/a.rs", "// As redis does it.\nlet striped = 1;\n"),
            ("crates/cloudmart/src/wiring.rs", "adapters::redis::Cache::new(redis_url)"),
            ("crates/adapters/src/redis.rs", "use redis::Client;"),
        ];
        assert!(spots(check, good).is_empty());
    }
}
