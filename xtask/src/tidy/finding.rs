//! What a rule has to say: where, which rule, and what to do instead.

use std::fmt;

use super::tree::File;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    Fails,
    Warns,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    pub path: String,
    /// Counted from 1.
    pub line: usize,
    pub rule: &'static str,
    pub advice: String,
    pub weight: Weight,
}

impl Finding {
    /// A failure at an offset of a file.
    pub fn at(file: &File, offset: usize, rule: &'static str, advice: impl Into<String>) -> Self {
        Self { path: file.path.clone(), line: file.line_at(offset), rule, advice: advice.into(), weight: Weight::Fails }
    }

    /// A failure on a line of a file.
    pub fn on(file: &File, line: usize, rule: &'static str, advice: impl Into<String>) -> Self {
        Self { line, ..Self::at(file, 0, rule, advice) }
    }

    pub fn warning(self) -> Self {
        Self { weight: Weight::Warns, ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, rule, advice, weight } = self;
        let mark = match weight {
            Weight::Fails => "",
            Weight::Warns => " (warning)",
        };
        write!(f, "{path}:{line}: {rule}{mark}: {advice}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree_of;
    use super::*;

    #[test]
    fn a_finding_reads_as_editors_expect_it() {
        let tree = tree_of(&[("a.rs", "x\ny")]);
        let finding = Finding::at(&tree.files[0], 2, "sizes", "split it");
        assert_eq!(finding.to_string(), "a.rs:2: sizes: split it");
        assert_eq!(finding.warning().to_string(), "a.rs:2: sizes (warning): split it");
    }
}
