//! Reads the dependencies out of a Cargo.toml. It knows the shapes that Cargo manifests have, not all of TOML.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Normal,
    Dev,
    Build,
    Workspace,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The crate's own name, also when it is renamed here.
    pub name: String,
    pub section: Section,
    /// Counted from 1.
    pub line: usize,
    /// Whether it lies in this repository.
    pub is_path: bool,
}

pub fn dependencies(manifest: &str) -> Vec<Dependency> {
    let mut found = Vec::new();
    let mut section = None;
    let mut open_brackets = 0;
    for (index, line) in manifest.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let entry = |section, name: &str, value: &str| Dependency {
            name: renamed(value).unwrap_or(name).to_owned(),
            section,
            line: index + 1,
            is_path: value.contains("path ="),
        };
        if open_brackets == 0 && line.starts_with('[') {
            let header = line.trim_matches(['[', ']']);
            section = section_of(header);
            if let Some((section, name)) = table_of_one(header) {
                found.push(entry(section, name, ""));
            }
            continue;
        }
        if let (0, Some(section), Some((key, value))) = (open_brackets, section, line.split_once('=')) {
            let name = key.split('.').next().unwrap_or(key).trim().trim_matches('"');
            found.push(entry(section, name, value));
        }
        open_brackets += brackets(line);
    }
    found
}

/// `dependencies`, `workspace.dependencies`, `target.'cfg(unix)'.dev-dependencies`.
fn section_of(header: &str) -> Option<Section> {
    if header == "workspace.dependencies" {
        return Some(Section::Workspace);
    }
    let is = |kind: &str| header.strip_suffix(kind).is_some_and(|before| before.is_empty() || before.ends_with('.'));
    if is("dev-dependencies") {
        Some(Section::Dev)
    } else if is("build-dependencies") {
        Some(Section::Build)
    } else if is("dependencies") {
        Some(Section::Normal)
    } else {
        None
    }
}

/// `dependencies.tokio` is a table of its own.
fn table_of_one(header: &str) -> Option<(Section, &str)> {
    let (before, name) = header.rsplit_once('.')?;
    Some((section_of(before)?, name.trim_matches('"')))
}

fn renamed(value: &str) -> Option<&str> {
    let (_, after) = value.split_once("package = \"")?;
    after.split('"').next()
}

fn brackets(line: &str) -> i32 {
    line.chars()
        .map(|c| match c {
            '[' | '{' => 1,
            ']' | '}' => -1,
            _ => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(manifest: &str, section: Section) -> Vec<String> {
        dependencies(manifest)
            .into_iter()
            .filter(|dependency| dependency.section == section)
            .map(|dependency| dependency.name)
            .collect()
    }

    #[test]
    fn all_shapes_of_an_entry_are_read() {
        let manifest = "[package]\nname = \"x\"\n\n[dependencies]\na.workspace = true\n\
            b = \"1\" # why\nc = { version = \"1\", features = [\n  \"d = e\",\n] }\n\
            f = { package = \"g\", version = \"1\" }\n\n[dependencies.h]\nversion = \"1\"\n";
        assert_eq!(names(manifest, Section::Normal), ["a", "b", "c", "g", "h"]);
    }

    #[test]
    fn sections_are_told_apart() {
        let manifest = "[dev-dependencies]\na = \"1\"\n[build-dependencies]\nb = \"1\"\n\
            [target.'cfg(unix)'.dependencies]\nc = \"1\"\n[workspace.dependencies]\n\
            d = { path = \"d\" }\n[features]\ne = []\n";
        assert_eq!(names(manifest, Section::Dev), ["a"]);
        assert_eq!(names(manifest, Section::Build), ["b"]);
        assert_eq!(names(manifest, Section::Normal), ["c"]);
        assert_eq!(names(manifest, Section::Workspace), ["d"]);
        assert!(dependencies(manifest)[3].is_path);
    }
}
