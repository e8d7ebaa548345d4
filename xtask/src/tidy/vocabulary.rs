//! The platform could run a library or a hospital: it knows no word of commerce. Some words are commerce wherever they
//! stand; others have a second meaning (the order of keys, a bug in stock), so they count only as the name of a thing.

use super::finding::Finding;
use super::rust;
use super::tree::{File, Tree};

const RULE: &str = "vocabulary";
const FOLDER: &str = "crates/platform/src/";

/// Not even in a comment.
const COMMERCE: &[&str] =
    &["sku", "cart", "product", "payment", "refund", "checkout", "invoice", "shipment", "storefront"];

/// Not as a part of a longer name, and not as the name of a type.
const TWO_MEANINGS: &[&str] = &["order", "stock", "price"];

/// Names in which `order` is what comes before what.
const ABOUT_SEQUENCE: &[&str] =
    &["order_by", "sort_order", "byte_order", "key_order", "total_order", "in_order", "out_of_order"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust_under(FOLDER)
        .filter(|file| !file.is_test)
        .flat_map(|file| {
            let mut findings: Vec<Finding> = check_name(file).into_iter().collect();
            findings.extend(check_text(file));
            findings
        })
        .collect()
}

fn check_name(file: &File) -> Option<Finding> {
    let name = file.path.strip_prefix(FOLDER)?.strip_suffix(".rs")?;
    let word = name.split('/').find_map(|part| commerce(part).or_else(|| is_two_meanings(part)))?;
    Some(Finding::on(file, 1, RULE, advice(word)))
}

fn check_text(file: &File) -> Vec<Finding> {
    let code = file.without_tests(&file.rust.code);
    let comments = file.without_tests(&file.rust.comments);
    let texts = file.without_tests(&file.rust.texts);
    let mut findings = Vec::new();
    for (view, is_code) in [(&code, true), (&comments, false), (&texts, false)] {
        for (at, word) in rust::words(view) {
            if let Some(found) = commerce(word).or_else(|| two_meanings(word, is_code)) {
                findings.push(Finding::at(file, at, RULE, advice(found)));
            }
        }
    }
    findings
}

fn commerce(word: &str) -> Option<&'static str> {
    let parts = rust::parts(word);
    one_of(COMMERCE, |known| parts.iter().any(|part| singular(part) == known))
}

fn two_meanings(word: &str, is_code: bool) -> Option<&'static str> {
    let parts = rust::parts(word);
    if ABOUT_SEQUENCE.contains(&parts.join("_").as_str()) {
        return None;
    }
    let is_type = is_code && word.starts_with(char::is_uppercase) && word.contains(char::is_lowercase);
    if parts.len() == 1 && !is_type {
        return None;
    }
    one_of(TWO_MEANINGS, |known| parts.iter().any(|part| singular(part) == known))
}

/// For the name of a file, which is always the name of a thing.
fn is_two_meanings(name: &str) -> Option<&'static str> {
    one_of(TWO_MEANINGS, |known| singular(name) == known)
}

fn one_of(words: &'static [&str], is_it: impl Fn(&str) -> bool) -> Option<&'static str> {
    words.iter().copied().find(|word| is_it(word))
}

fn singular(word: &str) -> &str {
    word.strip_suffix('s').unwrap_or(word)
}

fn advice(word: &str) -> String {
    format!(
        "the platform knows no commerce, so no `{word}`; speak of streams, facts and documents, or move it to domain or services \
         (for what comes before what, say `Direction` or `sort_order`)"
    )
}

#[cfg(test)]
mod tests {
    use super::super::spots;
    use super::*;

    fn found(text: &str) -> bool {
        !spots(check, &[("crates/platform/src/log.rs", text)]).is_empty()
    }

    #[test]
    fn commerce_is_found_in_names_comments_and_texts() {
        for bad in [
            "struct Cart;",
            "fn cart_id() {}",
            "// such as a product",
            "//! Keeps payments.",
            "let s = \"sku\";",
            "const SKU_LIMIT: u8 = 1;",
            "enum E { RefundDone }",
        ] {
            assert!(found(bad), "{bad}");
        }
    }

    #[test]
    fn an_order_is_found_as_a_thing() {
        for bad in [
            "struct Order;",
            "enum Fact { OrderPlaced }",
            "fn place_order() {}",
            "let order_id = 1;",
            "// as OrderPlaced is",
            "struct Price(u8);",
            "let stock_level = 1;",
        ] {
            assert!(found(bad), "{bad}");
        }
    }

    #[test]
    fn what_comes_before_what_is_no_commerce() {
        for good in [
            "use std::cmp::Ordering;",
            "fn f(order: Direction, sort_order: u8, order_by: u8) {}",
            "// Order matters; shards are locked in order.",
            "// This orders the keys.",
            "use std::sync::atomic::Ordering::SeqCst;",
            "fn cartesian() {}",
        ] {
            assert!(!found(good), "{good}");
        }
    }

    #[test]
    fn tests_may_use_a_shop_as_their_example() {
        assert!(!found("#[cfg(test)]\nmod tests { struct Order; fn f() { let cart = 1; } }"));
    }

    #[test]
    fn file_names_count() {
        assert_eq!(spots(check, &[("crates/platform/src/orders.rs", "")]), ["crates/platform/src/orders.rs:1"]);
    }

    #[test]
    fn other_crates_may() {
        assert!(spots(check, &[("crates/services/src/a.rs", "struct Order;")]).is_empty());
    }
}
