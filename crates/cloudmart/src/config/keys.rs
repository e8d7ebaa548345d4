//! Every key there is, with its default and the variable that overrides it: read from the reference, so that none is left out.
//! It does not know what a key means; what cannot be guessed from its default is tried on the settings themselves.

use std::collections::BTreeSet;

use serde::Deserialize;
use toml::de::DeTable;
use toml::{Table, Value};

use super::nearest::nearest;
use super::settings::Config;

/// Every key with its default and meaning, as users read it. A test keeps it together with [`Config`].
pub const REFERENCE: &str = include_str!("../../cloudmart.toml");
/// What each variable's name begins with.
pub const PREFIX: &str = "CLOUDMART_";
/// Keys whose values may hold a password.
pub const ADDRESSES: [&str; 2] = ["postgres.url", "redis.url"];

/// One setting.
#[derive(Debug, Clone)]
pub struct Key {
    /// `section.key`, or the key alone.
    pub path: String,
    pub default: Value,
}

/// All of them, in the order of the reference.
pub struct Keys {
    all: Vec<Key>,
    defaults: Table,
}

impl Key {
    /// `http.in_flight` is overridden by `CLOUDMART_HTTP_IN_FLIGHT`.
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.path.replace('.', "_").to_uppercase())
    }

    /// A variable's text as a value of this key's kind. Lists are written with commas, or as in the file.
    ///
    /// # Errors
    /// What would be right.
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        let wrong = || format!("it must be {}", self.kind());
        match &self.default {
            Value::Integer(_) => text.trim().parse().map(Value::Integer).map_err(|_| wrong()),
            Value::Boolean(_) => text.trim().parse().map(Value::Boolean).map_err(|_| wrong()),
            Value::Array(_) if text.trim_start().starts_with('[') => {
                let table: Table = toml::from_str(&format!("list = {text}")).map_err(|_| wrong())?;
                table.get("list").cloned().ok_or_else(wrong)
            }
            Value::Array(_) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Ok(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
            }
            _ => Ok(Value::String(text.to_owned())),
        }
    }

    /// What its values look like, with an example where the default is one.
    pub fn kind(&self) -> String {
        match &self.default {
            Value::Integer(number) => format!("a whole number, such as {number}"),
            Value::Boolean(_) => "true or false".to_owned(),
            Value::Array(_) => "a list of texts, such as [\"one\", \"two\"]".to_owned(),
            Value::String(text) if !text.is_empty() => format!("a text, such as \"{text}\""),
            _ => "a text in quotes".to_owned(),
        }
    }
}

impl Keys {
    pub fn of_reference() -> Self {
        let read = (DeTable::parse(REFERENCE).ok(), toml::from_str::<Table>(REFERENCE).ok());
        let (Some(spans), Some(defaults)) = read else { unreachable!("the reference is TOML") };
        let mut placed = places(spans.get_ref());
        placed.sort_by_key(|(_, place)| *place);
        let keys = placed.into_iter().filter_map(|(path, _)| {
            let default = look_up(&defaults, &path)?.clone();
            (!default.is_table()).then_some(Key { path, default })
        });
        Self { all: keys.collect(), defaults }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.all.iter()
    }

    pub fn get(&self, path: &str) -> Option<&Key> {
        self.all.iter().find(|key| key.path == path)
    }

    pub fn is_section(&self, name: &str) -> bool {
        self.defaults.get(name).is_some_and(Value::is_table)
    }

    fn sections(&self) -> BTreeSet<&str> {
        self.all.iter().filter_map(|key| Some(key.path.split_once('.')?.0)).collect()
    }

    /// What somebody may have meant who wrote `path`.
    pub fn meant(&self, path: &str) -> Option<String> {
        let last = path.rsplit('.').next().unwrap_or(path);
        let file = format!("{path}_file");
        if self.get(&file).is_some() {
            return Some(format!("a secret does not stand here: give it a file of its own, and name that by {file}"));
        }
        let elsewhere: Vec<&str> =
            self.all.iter().map(|key| &*key.path).filter(|known| known.rsplit('.').next() == Some(last)).collect();
        if !elsewhere.is_empty() && self.get(path).is_none() {
            return Some(format!("did you mean {}?", elsewhere.join(" or ")));
        }
        let known = self.all.iter().map(|key| &*key.path).chain(self.sections());
        nearest(path, known).map(|meant| format!("did you mean {meant}?"))
    }

    /// The settings with nothing but these values said.
    ///
    /// # Errors
    /// What is wrong with them, in serde's words.
    pub fn settings<'v>(&self, values: impl IntoIterator<Item = (&'v str, &'v Value)>) -> Result<Config, String> {
        let mut table = self.defaults.clone();
        for (path, value) in values {
            let (section, name) = path.split_once('.').unwrap_or(("", path));
            let section = if section.is_empty() {
                Some(&mut table)
            } else {
                table.get_mut(section).and_then(Value::as_table_mut)
            };
            section.map(|section| section.insert(name.to_owned(), value.clone()));
        }
        Config::deserialize(Value::Table(table)).map_err(|error| error.message().to_owned())
    }

    /// Whether this key can have this value.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn try_on(&self, key: &Key, value: &Value) -> Result<(), (String, Option<String>)> {
        if value.type_str() != key.default.type_str() {
            return Err((format!("{} does not fit", told_kind(value)), Some(format!("it must be {}", key.kind()))));
        }
        let Err(told) = self.settings([(&*key.path, value)]) else { return Ok(()) };
        let quoted: Vec<&str> = told.split('`').skip(1).step_by(2).collect();
        match (told.starts_with("unknown variant"), quoted.split_first()) {
            (true, Some((wrong, known))) => {
                let meant = nearest(wrong, known.iter().copied()).map(|meant| format!("did you mean \"{meant}\"?"));
                Err((format!("\"{wrong}\" is none of {}", known.join(", ")), meant))
            }
            _ => Err((told, Some(format!("it must be {}", key.kind())))),
        }
    }
}

fn told_kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a fraction",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a section",
    }
}

fn look_up<'t>(table: &'t Table, path: &str) -> Option<&'t Value> {
    match path.split_once('.') {
        Some((section, rest)) => look_up(table.get(section)?.as_table()?, rest),
        None => table.get(path),
    }
}

/// Where each key and section stands in a text, in bytes.
pub fn places(table: &DeTable<'_>) -> Vec<(String, usize)> {
    let mut places = Vec::new();
    for (name, value) in table {
        let (path, start) = (name.get_ref().to_string(), name.span().start);
        let below = value.get_ref().as_table().map(self::places).unwrap_or_default();
        places.push((path.clone(), start));
        places.extend(below.into_iter().map(|(inner, start)| (format!("{path}.{inner}"), start)));
    }
    places
}
