//! Values from everywhere, one above the other: defaults, the file, the environment; the command line comes last.
//! It does not know what a value does. All that is wrong is found at once.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use toml::de::DeTable;
use toml::{Table, Value};

use super::engines::Engine;
use super::keys::{Keys, PREFIX, places};
use super::nearest::nearest;
use super::problem::{Origin, Problem};
use super::settings::Config;
use super::variables::SECRETS;
use super::variables::Variables;

/// The settings, where each came from, and what is wrong.
pub struct Layers {
    pub config: Config,
    pub values: BTreeMap<String, (Value, Origin)>,
    pub problems: Vec<Problem>,
}

impl Layers {
    /// Reads the file and the environment. What is wrong stays at its default.
    pub fn read(keys: &Keys, file: Option<&Path>, variables: &Variables) -> Self {
        let mut layers = Self { config: Config::default(), values: BTreeMap::new(), problems: Vec::new() };
        if let Some(path) = file {
            layers.read_file(keys, path);
        }
        layers.read_variables(keys, variables);
        let values = layers.values.iter().map(|(path, (value, _))| (path.as_str(), value));
        match keys.settings(values) {
            Ok(config) => layers.config = config,
            // Each was tried alone; together they can only fail in a way that is ours to explain.
            Err(told) => layers.problems.push(Problem::error(Origin::Default, "", told)),
        }
        layers
    }

    /// Where a key's value comes from.
    pub fn origin(&self, path: &str) -> Origin {
        self.values.get(path).map_or(Origin::Default, |(_, origin)| origin.clone())
    }

    pub fn is_said(&self, path: &str) -> bool {
        self.values.contains_key(path)
    }

    /// Whether what was said of a key cannot be, so that its default stands for nothing that anybody wants.
    pub fn is_wrong(&self, path: &str) -> bool {
        self.problems.iter().any(|problem| problem.key == path && problem.is_error())
    }

    /// Where the shop is kept; `None` where nobody can tell what was meant.
    pub fn engine(&self) -> Option<Engine> {
        (!self.is_wrong("store.engine")).then_some(self.config.store.engine)
    }

    /// What the command line says stands above everything.
    pub fn say(&mut self, path: &str, flag: &'static str, value: Value, set: impl FnOnce(&mut Config)) {
        set(&mut self.config);
        self.values.insert(path.to_owned(), (value, Origin::CommandLine(flag)));
        // Whatever was wrong with it below counts no more.
        self.problems.retain(|problem| problem.key != path);
    }

    fn read_file(&mut self, keys: &Keys, path: &Path) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                let told = format!("{} cannot be read: {error}", path.display());
                return self.problems.push(Problem::error(Origin::Default, "", told));
            }
        };
        let line = |start: usize| text.get(..start).map_or(1, |before| before.matches('\n').count() + 1);
        let (spans, errors) = DeTable::parse_recoverable(&text);
        let table = match (errors.is_empty(), toml::from_str::<Table>(&text)) {
            (true, Ok(table)) => table,
            (_, read) => {
                let errors = errors.into_iter().chain(read.err().filter(|_| spans.get_ref().is_empty()));
                for error in errors {
                    let at = Origin::of_file(path, line(error.span().map_or(0, |span| span.start)));
                    self.problems.push(Problem::error(at, "", format!("this is not TOML: {}", error.message())));
                }
                if !self.problems.iter().any(Problem::is_error) {
                    let told = "this is not TOML".to_owned();
                    self.problems.push(Problem::error(Origin::of_file(path, 1), "", told));
                }
                return;
            }
        };
        let lines: HashMap<String, usize> =
            places(spans.get_ref()).into_iter().map(|(path, start)| (path, line(start))).collect();
        let at = |key: &str| Origin::of_file(path, lines.get(key).copied().unwrap_or(1));
        for (name, value) in table {
            match value {
                Value::Table(section) if keys.is_section(&name) => {
                    for (inner, value) in section {
                        let key = format!("{name}.{inner}");
                        self.take(keys, at(&key), &key, value);
                    }
                }
                value => self.take(keys, at(&name), &name, value),
            }
        }
    }

    /// A value of the file: kept if its key exists and can have it.
    fn take(&mut self, keys: &Keys, origin: Origin, path: &str, value: Value) {
        let Some(key) = keys.get(path) else {
            let (says, right) = match keys.is_section(path) {
                true => ("this is a section", Some(format!("write [{path}] on a line of its own"))),
                false => ("there is no such key", keys.meant(path)),
            };
            return self.problems.push(Problem::error(origin, path, says).right(right));
        };
        match keys.try_on(key, &value) {
            Ok(()) => _ = self.values.insert(path.to_owned(), (value, origin)),
            Err((says, right)) => self.problems.push(Problem::error(origin, path, says).right(right)),
        }
    }

    fn read_variables(&mut self, keys: &Keys, variables: &Variables) {
        let names: BTreeMap<String, _> = keys.iter().map(|key| (key.variable(), key)).collect();
        for (name, text) in variables.iter() {
            if let Some(key) = names.get(name) {
                let origin = Origin::Environment(name.to_owned());
                // Whatever the file says of it counts no more.
                self.problems.retain(|problem| problem.key != key.path);
                match key.parse(text).map_err(|right| ("this does not fit".to_owned(), Some(right))) {
                    Ok(value) => self.take(keys, origin, &key.path, value),
                    Err((says, right)) => self.problems.push(Problem::error(origin, &*key.path, says).right(right)),
                }
            } else if !SECRETS.contains(&name) && name != super::variables::FILE {
                self.problems.extend(misspelt(name, &names));
            }
        }
    }
}

/// Other programs may name their variables like ours, so that only what looks like a slip is told.
fn misspelt(name: &str, names: &BTreeMap<String, &super::keys::Key>) -> Option<Problem> {
    let known = names.keys().map(String::as_str).chain(SECRETS).chain([super::variables::FILE]);
    let short = |name: &'_ str| name.len() - PREFIX.len();
    let meant = nearest(name, known).filter(|meant| short(name) > 3 && short(name).abs_diff(short(meant)) <= 3)?;
    let is_near = nearest(name.strip_prefix(PREFIX)?, [meant.strip_prefix(PREFIX)?]).is_some();
    let origin = Origin::Environment(name.to_owned());
    is_near.then(|| Problem::warning(origin, "", "no setting has this name").right(format!("did you mean {meant}?")))
}
