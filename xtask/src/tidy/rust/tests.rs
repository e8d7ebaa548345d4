//! Odd but legal Rust, told apart.

use super::*;

fn names(code: &str) -> Vec<String> {
    paths(code).iter().map(|path| path.segments.join("::")).collect()
}

#[test]
fn views_keep_length_and_lines() {
    let source = "let a = \"é\"; // ü\nlet b = 'c';\n";
    let views = views(source);
    for view in [&views.code, &views.comments, &views.texts] {
        assert_eq!(view.len(), source.len());
        assert_eq!(view.lines().count(), 2);
    }
}

#[test]
fn code_comments_and_texts_are_told_apart() {
    let views = views("let a = \"text // text\"; // comment \"c\"\n/* b /* in */ b */ code();");
    assert!(views.code.contains("let a = \""));
    assert!(views.code.contains("code();"));
    assert_eq!(views.texts.trim(), "text // text");
    assert!(views.comments.contains("// comment \"c\""));
    assert!(views.comments.contains("/* b /* in */ b */"));
    assert!(!views.code.contains("b */"));
}

#[test]
fn quotes_in_odd_places_do_not_lose_the_thread() {
    for source in [
        r#"let a = '"'; mark"#,
        r#"let a = '\''; mark"#,
        r#"let a = '\u{1F600}'; mark"#,
        r#"let a = b'"'; mark"#,
        r##"let a = r#"x " y"#; mark"##,
        r##"let a = br#"x " y"#; mark"##,
        r#"let a = "x \" y"; mark"#,
        "fn f<'a>(x: &'a str) {} mark",
        "let r#type = 'é'; mark",
    ] {
        assert!(views(source).code.ends_with("mark"), "{source}");
    }
}

#[test]
fn paths_are_read_with_their_groups() {
    assert_eq!(
        names("use std::{fs, io::{self, Read as R}}; use a::b;"),
        ["use", "std::fs", "std::io::self", "std::io::Read", "use", "a::b"]
    );
}

#[test]
fn turbofish_and_generics_end_a_path() {
    assert_eq!(names("Vec::<std::env::Args>::new()"), ["Vec", "std::env::Args", "new"]);
}

#[test]
fn a_macro_is_known_by_its_mark() {
    let is_macro = |code: &str| paths(code)[0].is_macro;
    assert!(is_macro("println!(\"\")"));
    assert!(!is_macro("a != b"));
}

#[test]
fn words_fall_into_parts() {
    assert_eq!(parts("place_order"), ["place", "order"]);
    assert_eq!(parts("OrderPlaced"), ["order", "placed"]);
    assert_eq!(parts("HTTPServer"), ["http", "server"]);
    assert_eq!(parts("SKU_LIMIT"), ["sku", "limit"]);
    assert_eq!(parts("Ordering"), ["ordering"]);
}

#[test]
fn test_modules_and_items_are_left_out() {
    let code = "fn a() {}\n#[cfg(test)]\nmod tests { fn cart() { x } }\nfn b() {}\n\
        #[cfg(test)]\n#[derive(Debug)]\nstruct Cart(u8);\nfn c() {}";
    let rest = without_tests(code, code);
    assert!(!rest.to_lowercase().contains("cart"));
    for kept in ["fn a()", "fn b()", "fn c()"] {
        assert!(rest.contains(kept), "{kept}");
    }
}

#[test]
fn declared_test_modules_are_named() {
    let code = "#[cfg(test)]\nmod tests;\n#[cfg(test)]\npub(crate) mod fakes;\nmod real;";
    assert_eq!(test_modules(code), ["tests", "fakes"]);
}
