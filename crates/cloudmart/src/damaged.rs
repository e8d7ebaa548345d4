//! Files that an operator hands to the shop, damaged in every way: a configuration, a backup's table of contents. Each is taken
//! or refused in words, and no name in them leads anywhere else.
//! It does not know the shop; what others send to it is fuzzed in testkit.

use std::path::{Component, Path};

use testkit::fuzz::inputs::variations;

use crate::backup::manifest::{FORMAT, Manifest};
use crate::config::{Config, REFERENCE};

const DAMAGED: usize = 600;

#[test]
fn a_damaged_configuration_is_taken_or_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cloudmart.toml");
    let seeds = [
        REFERENCE.into(),
        b"listen = \"[::1]:80\"\n[http]\ncors_origins = [\"https://a.example\", '\xea\xb0\x80']\n".to_vec(),
    ];
    for file in variations(&seeds, 3, DAMAGED) {
        std::fs::write(&path, &file).unwrap();
        match Config::read(Some(&path)) {
            Ok(config) => assert!(config.http.in_flight > 0 && config.executor.queue > 0),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

#[test]
fn a_damaged_table_of_contents_leads_nowhere_else() {
    let member = |name: &str| format!(r#"{{"name": "{name}", "size": 12, "sha256": "{}"}}"#, "0".repeat(64));
    let members = ["shop.db", "master.key", "media/a.jpg", "../shop.db", "/etc/passwd"].map(member).join(", ");
    let table = format!(
        r#"{{"format": {FORMAT}, "created_at": "2026-11-27T00:00:00Z", "cloudmart": "0.1.0", "members": [{members}]}}"#
    );
    let good = table.replace(&format!(", {}, {}", member("../shop.db"), member("/etc/passwd")), "");
    assert!(Manifest::read(good.as_bytes()).is_ok());
    for json in variations(&[good.into_bytes(), table.into_bytes()], 5, DAMAGED) {
        let Ok(manifest) = Manifest::read(&json) else { continue };
        for member in &manifest.members {
            let is_plain = Path::new(&member.name).components().all(|part| matches!(part, Component::Normal(_)));
            assert!(is_plain, "{}", member.name);
        }
        let _ = manifest.bytes();
    }
}
