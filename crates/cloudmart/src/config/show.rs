//! Settings on a terminal: what is effective and where it was said, what is wrong, what there is.
//! It does not decide whether a shop may start. No secret is shown.

use std::process::ExitCode;

use toml::Value;

use super::Loaded;
use super::keys::{ADDRESSES, Keys, REFERENCE};
use super::problem::Origin;
use super::secret::masked;

/// Prints every key with its meaning and default.
pub fn print_reference() -> ExitCode {
    print!("{REFERENCE}");
    ExitCode::SUCCESS
}

/// Prints all that is wrong, and ends with 1 when the shop would not start.
pub fn print_problems(loaded: &Loaded) -> ExitCode {
    for problem in &loaded.problems {
        println!("{problem}");
    }
    let errors = loaded.problems.iter().filter(|problem| problem.is_error()).count();
    let warnings = loaded.problems.len() - errors;
    match (errors, warnings) {
        (0, 0) => println!("All settings are right."),
        (0, _) => println!("The shop would start; {warnings} to think about."),
        _ => println!("{errors} wrong, {warnings} to think about."),
    }
    if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints the effective values; as a file, it means the same again, but for secrets.
pub fn print_effective(loaded: &Loaded) -> ExitCode {
    print!("{}", effective(loaded));
    for problem in loaded.problems.iter().filter(|problem| problem.is_error()) {
        eprintln!("{problem}");
    }
    if loaded.problems.iter().any(super::Problem::is_error) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

pub(super) fn effective(loaded: &Loaded) -> String {
    let mut text = String::new();
    let mut section = "";
    let keys = Keys::of_reference();
    for key in keys.iter() {
        let (of, name) = key.path.split_once('.').unwrap_or(("", &key.path));
        if of != section {
            text += &format!("\n[{of}]\n");
            section = of;
        }
        let said = loaded.values.get(&key.path);
        let value = said.map_or(&key.default, |(value, _)| value);
        let written = match value {
            Value::String(url) if ADDRESSES.contains(&&*key.path) => written(&Value::String(masked(url))),
            value => written(value),
        };
        let origin = said.map_or(Origin::Default, |(_, origin)| origin.clone());
        text += &format!("{name} = {written}  # {origin}\n");
    }
    text += "\n# Secrets\n";
    for (name, is_set) in loaded.secrets.iter() {
        text += &format!("# {name}: {}\n", if is_set { "(set)" } else { "not set" });
    }
    text
}

/// A value as TOML. JSON's texts, numbers and lists are TOML's, too.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => serde_json::Value::String(text.clone()).to_string(),
        Value::Array(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(", ")),
        Value::Integer(number) => number.to_string(),
        Value::Boolean(is_so) => is_so.to_string(),
        // No setting has such a value.
        Value::Float(_) | Value::Datetime(_) | Value::Table(_) => "\"\"".to_owned(),
    }
}
