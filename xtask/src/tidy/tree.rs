//! The repository's text files as the rules see them: paths and contents, in memory, so that a rule can be tested on a
//! tree of three lines. It knows no rule.

use std::path::Path;
use std::process::Command;

use super::rust::{self, Views};

/// Larger files are data, not text that someone wrote.
const FILE_LIMIT_BYTES: u64 = 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot ask git for the repository's files: {0}; is git installed?")]
    NoGit(std::io::Error),
    #[error("git does not list the repository's files: {0}")]
    Git(String),
    #[error("cannot read {path}: {source}")]
    Read { path: String, source: std::io::Error },
}

#[derive(Debug)]
pub struct Tree {
    pub files: Vec<File>,
}

#[derive(Debug)]
pub struct File {
    /// From the root, with `/`.
    pub path: String,
    pub text: String,
    /// Empty unless it is Rust.
    pub rust: Views,
    /// Whether all of it is compiled for tests only.
    pub is_test: bool,
}

impl Tree {
    /// What git has or would have after `git add`: nothing that is ignored.
    pub fn read(root: &Path) -> Result<Self, Error> {
        let output = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .map_err(Error::NoGit)?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            return Err(Error::Git(words.trim().to_owned()));
        }
        let paths = String::from_utf8_lossy(&output.stdout);
        let mut files = Vec::new();
        for path in paths.split_terminator('\0') {
            files.extend(read_text(root, path)?.map(|text| (path.to_owned(), text)));
        }
        Ok(Self::of(files))
    }

    pub fn of(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut files: Vec<File> = files.into_iter().map(|(path, text)| File::new(path, text)).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        mark_tests(&mut files);
        Self { files }
    }

    pub fn get(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The Rust files whose path begins so.
    pub fn rust_under(&self, folder: &str) -> impl Iterator<Item = &File> {
        self.files.iter().filter(move |file| file.is_rust() && file.path.starts_with(folder))
    }
}

impl File {
    fn new(path: String, text: String) -> Self {
        let is_rust = path.ends_with(".rs");
        let rust = if is_rust { rust::views(&text) } else { Views::default() };
        Self { is_test: path.split('/').any(|part| part == "tests"), path, text, rust }
    }

    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Counted from 1.
    pub fn line_at(&self, offset: usize) -> usize {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        1 + before.iter().filter(|&&byte| byte == b'\n').count()
    }

    /// A view of this file without what is compiled for tests only.
    pub fn without_tests(&self, view: &str) -> String {
        if self.is_test { String::new() } else { rust::without_tests(&self.rust.code, view) }
    }
}

/// None for what is not there any more, is no file, or is no text.
fn read_text(root: &Path, path: &str) -> Result<Option<String>, Error> {
    let full = root.join(path);
    let is_small_file = full.symlink_metadata().is_ok_and(|found| found.is_file() && found.len() <= FILE_LIMIT_BYTES);
    if !is_small_file {
        return Ok(None);
    }
    let bytes = std::fs::read(&full).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    Ok(String::from_utf8(bytes).ok().filter(|text| !text.contains('\0')))
}

/// A file is a test when its parent says `#[cfg(test)] mod name;`, and then everything below it is.
fn mark_tests(files: &mut [File]) {
    let declared: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let folder = module_folder(&file.path);
            rust::test_modules(&file.rust.code).into_iter().map(move |module| format!("{folder}/{module}"))
        })
        .collect();
    for file in files {
        let module = module_folder(&file.path);
        let below = |test: &String| {
            module.strip_prefix(test.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        file.is_test |= file.is_rust() && declared.iter().any(below);
    }
}

/// Where a file's child modules lie: `src/a.rs` and `src/a/mod.rs` both have `src/a`, `src/lib.rs` has `src`.
pub fn module_folder(path: &str) -> &str {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    ["/mod", "/lib", "/main"].iter().find_map(|root| stem.strip_suffix(root)).unwrap_or(stem)
}

#[cfg(test)]
mod tests {
    use super::super::tree_of;
    use super::*;

    #[test]
    fn modules_find_their_children() {
        assert_eq!(module_folder("crates/a/src/lib.rs"), "crates/a/src");
        assert_eq!(module_folder("crates/a/src/b.rs"), "crates/a/src/b");
        assert_eq!(module_folder("crates/a/src/b/mod.rs"), "crates/a/src/b");
    }

    #[test]
    fn a_declared_test_module_is_a_test_with_all_below_it() {
        let tree = tree_of(&[
            ("src/a.rs", "#[cfg(test)]\nmod checks;"),
            ("src/a/checks.rs", ""),
            ("src/a/checks/more.rs", ""),
            ("src/a/checkso.rs", ""),
        ]);
        let is_test = |path| tree.get(path).unwrap().is_test;
        assert!(is_test("src/a/checks.rs") && is_test("src/a/checks/more.rs"));
        assert!(!is_test("src/a.rs") && !is_test("src/a/checkso.rs"));
    }

    #[test]
    fn lines_are_counted_from_one() {
        let tree = tree_of(&[("a.rs", "a\nb\nc")]);
        assert_eq!(tree.files[0].line_at(0), 1);
        assert_eq!(tree.files[0].line_at(4), 3);
    }

    #[test]
    fn the_repository_itself_can_be_read() {
        let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
        let tree = Tree::read(xtask.parent().unwrap()).unwrap();
        assert!(tree.get("xtask/src/main.rs").is_some());
    }
}
