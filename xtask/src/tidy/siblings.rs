//! A service's folder never names another service's folder; they meet in contracts. Files that lie directly in
//! `services/src` are shared, and may be named by all; so is a folder that only holds parts of such a file.
//! What is shared knows no service.

use std::collections::BTreeSet;

use super::finding::Finding;
use super::rust::{self, RustPath};
use super::tree::{self, File, Tree};

const RULE: &str = "siblings";
const SOURCE: &str = "crates/services/src/";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let inside = || tree.rust_under(SOURCE).filter_map(|file| file.path.strip_prefix(SOURCE));
    let shared: BTreeSet<&str> = inside().filter_map(|path| path.strip_suffix(".rs")).collect();
    let folders = inside().filter_map(|path| Some(path.split_once('/')?.0));
    let services: BTreeSet<&str> = folders.filter(|folder| !shared.contains(folder)).collect();
    tree.rust_under(SOURCE).flat_map(|file| check_file(file, &services)).collect()
}

fn check_file(file: &File, services: &BTreeSet<&str>) -> Vec<Finding> {
    let module: Vec<&str> = tree::module_folder(&file.path)
        .strip_prefix(SOURCE)
        .map(|inside| inside.split('/').collect())
        .unwrap_or_default();
    let Some(own) = module.first().filter(|name| !name.is_empty()) else {
        return Vec::new();
    };
    rust::paths(&file.rust.code)
        .into_iter()
        .filter_map(|path| {
            let top = top_module(&path, &module)?;
            let is_sibling = top != *own && services.contains(top);
            let advice = format!(
                "{own} may not know {top}; call it through contracts::, or move what both need up to services/src"
            );
            is_sibling.then(|| Finding::at(file, path.at, RULE, advice))
        })
        .collect()
}

/// The module right under the crate's root that the path leads into, when it says so by `crate` or `super`.
fn top_module<'a>(path: &'a RustPath, module: &[&'a str]) -> Option<&'a str> {
    let segments = &path.segments;
    if segments.first()? == "crate" {
        return segments.get(1).map(String::as_str);
    }
    let ups = segments.iter().take_while(|name| *name == "super").count();
    // Inside of an inline module the same path leads less far up; that it leads to the root is the safe guess.
    match module.len().checked_sub(ups)? {
        0 => segments.get(ups).map(String::as_str),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::spots;
    use super::*;

    const ORDERS: (&str, &str) = ("crates/services/src/orders/mod.rs", "");

    fn found(path: &str, text: &str) -> bool {
        !spots(check, &[ORDERS, (path, text)]).is_empty()
    }

    #[test]
    fn a_service_does_not_name_its_sibling() {
        let place = "crates/services/src/inventory/place.rs";
        for bad in [
            "use crate::orders::Order;",
            "use crate::{http, orders::Order};",
            "use super::super::orders;",
            "fn f() { crate::orders::place() }",
        ] {
            assert!(found(place, bad), "{bad}");
        }
    }

    #[test]
    fn a_folder_beside_a_file_of_its_name_is_shared() {
        let place = ("crates/services/src/inventory/place.rs", "use crate::pricing::quote;");
        let files =
            [ORDERS, ("crates/services/src/pricing.rs", ""), ("crates/services/src/pricing/tests.rs", ""), place];
        assert!(spots(check, &files).is_empty());
    }

    #[test]
    fn shared_modules_contracts_and_its_own_are_fine() {
        let place = "crates/services/src/inventory/place.rs";
        for good in [
            "use crate::http::Problem;",
            "use contracts::orders::Orders;",
            "use crate::inventory::Stock;",
            "use super::orders;",
            "// crate::orders does this",
        ] {
            assert!(!found(place, good), "{good}");
        }
    }

    #[test]
    fn the_file_beside_a_folder_belongs_to_it() {
        let tree = &[
            ORDERS,
            ("crates/services/src/inventory/place.rs", ""),
            ("crates/services/src/inventory.rs", "use super::orders;"),
        ];
        assert_eq!(spots(check, tree), ["crates/services/src/inventory.rs:1"]);
    }

    #[test]
    fn the_root_names_all() {
        assert!(!found("crates/services/src/lib.rs", "pub mod orders; use crate::orders::x;"));
    }
}
