//! Configuration: read once, from a file, the environment and the command line, into plain data.
//! It does not know what the values do. Nothing else in the shop reads the environment.
//!
//! The command line stands above the environment, that above the file, that above the defaults. Every key `section.key` has
//! the variable `CLOUDMART_SECTION_KEY`.

mod address;
mod check;
mod contents;
mod engines;
mod keys;
mod layers;
mod nearest;
mod problem;
mod secret;
mod settings;
mod show;
#[cfg(test)]
mod tests;
mod variables;

use std::collections::BTreeMap;
#[cfg(test)]
use std::path::Path;
use std::path::PathBuf;

use toml::Value;

use crate::cli::{AtData, AtDataOrUrl, ConfigCommand, MigrateStore, Serve};

pub use self::address::Host;
pub use self::engines::{Engine, PostgresTls};
#[cfg(test)]
pub use self::keys::REFERENCE;
pub use self::problem::{Origin, Problem};
pub use self::secret::Secret;
pub use self::settings::{Config, LogFormat, Mail, MailTls, MailTransport, SampleShop};
pub use self::variables::{Secrets, Variables};

use self::keys::Keys;
use self::layers::Layers;
use self::secret::SecretUrl;

/// Why no shop can start with these settings.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}", listed(.0))]
    Wrong(Vec<Problem>),
    #[error("{key}: {reason}")]
    Unworkable { key: &'static str, reason: String },
}

fn listed(problems: &[Problem]) -> String {
    let told: Vec<String> = problems.iter().map(|problem| format!("\n  {problem}")).collect();
    format!("the settings are not right:{}", told.concat())
}

/// All that is known of the settings.
pub struct Loaded {
    pub config: Config,
    pub secrets: Secrets,
    pub problems: Vec<Problem>,
    /// What was said, and where.
    values: BTreeMap<String, (Value, Origin)>,
}

/// Without the values as they were said: an address among them may hold a password.
impl std::fmt::Debug for Loaded {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { config, secrets, problems, values: _ } = self;
        let mut shown = formatter.debug_struct("Loaded");
        shown.field("config", config).field("secrets", secrets).field("problems", problems).finish_non_exhaustive()
    }
}

impl Loaded {
    /// Settings and secrets with which a shop can work. Warnings are logged, once a log is there.
    ///
    /// # Errors
    /// All that is wrong, at once.
    pub fn into_parts(self) -> Result<(Config, Secrets), Error> {
        let (errors, _): (Vec<Problem>, Vec<Problem>) = self.problems.into_iter().partition(Problem::is_error);
        if errors.is_empty() { Ok((self.config, self.secrets)) } else { Err(Error::Wrong(errors)) }
    }

    pub fn warnings(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| !problem.is_error())
    }
}

/// As somebody goes through the file; then what stands elsewhere.
fn in_order(problems: &mut [Problem]) {
    problems.sort_by_key(|problem| match &problem.origin {
        Origin::File { line, .. } => *line,
        _ => usize::MAX,
    });
}

impl Config {
    /// A file's values alone, and defaults for what it does not say.
    ///
    /// # Errors
    /// All that is wrong with it, at once.
    #[cfg(test)]
    pub fn read(path: Option<&Path>) -> Result<Self, Error> {
        let options = Serve { config: path.map(Path::to_owned), ..Serve::default() };
        options.load(&Variables::default()).into_parts().map(|(config, _)| config)
    }
}

impl Mail {
    /// The server's password.
    ///
    /// # Errors
    /// None was said.
    pub fn password(&self, secrets: &Secrets) -> Result<String, Error> {
        let password = secrets.smtp_password.as_ref().map(|password| password.expose().to_owned());
        let reason = "it needs a password: CLOUDMART_SMTP_PASSWORD, or mail.password_file".to_owned();
        password.ok_or(Error::Unworkable { key: "mail.username", reason })
    }
}

impl Serve {
    /// Everything that is said, wherever, with all that keeps a shop from starting.
    pub fn load(self, variables: &Variables) -> Loaded {
        let mut loaded = self.load_and(variables, |_| ());
        let origin = |key: &str| loaded.values.get(key).map_or(Origin::Default, |(_, origin)| origin.clone());
        let wrong = contents::wrong_secrets(&loaded.secrets, origin);
        loaded.problems.extend(wrong);
        in_order(&mut loaded.problems);
        loaded
    }

    /// The same, with what else a command line says.
    fn load_and(self, variables: &Variables, say: impl FnOnce(&mut Layers)) -> Loaded {
        let keys = Keys::of_reference();
        let file = self.config.or_else(|| variables.get(variables::FILE).map(PathBuf::from));
        let mut layers = Layers::read(&keys, file.as_deref(), variables);
        let text = |text: &dyn std::fmt::Display| Value::String(text.to_string());
        if let Some(data) = self.data {
            layers.say("data", "--data", text(&data.display()), |config| config.data = data);
        }
        if let Some(listen) = self.listen {
            layers.say("listen", "--listen", text(&listen), |config| config.listen = listen);
        }
        if let Some(sample) = self.sample_shop {
            let name = if sample == SampleShop::None { "none" } else { "default" };
            layers.say("sample_shop", "--sample-shop", text(&name), |config| config.sample_shop = sample);
        }
        if self.allow_test_payments {
            let set = |config: &mut Config| config.payments.allow_test = true;
            layers.say("payments.allow_test", "--allow-test-payments", Value::Boolean(true), set);
        }
        say(&mut layers);
        let (secrets, unreadable) = Secrets::read(&layers, variables);
        let mut problems = check::check(&layers, &secrets);
        problems.extend(unreadable);
        let mut known = std::mem::take(&mut layers.problems);
        known.extend(problems);
        in_order(&mut known);
        Loaded { config: layers.config, secrets, problems: known, values: layers.values }
    }
}

impl AtData {
    /// The settings of the shop that a command is for.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn load(self, variables: &Variables) -> Result<(Config, Secrets), Error> {
        self.loaded(variables).into_parts()
    }

    fn loaded(self, variables: &Variables) -> Loaded {
        // Whether a secret can be one is for `serve` to say: `doctor` looks at the shop all the same.
        Serve { config: self.config, data: self.data, ..Serve::default() }.load_and(variables, |_| ())
    }
}

impl MigrateStore {
    /// The settings of the shop's new place.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn load(&self, variables: &Variables) -> Result<(Config, Secrets), Error> {
        let AtData { config, data } = self.at.clone();
        let say = |layers: &mut Layers| {
            let Some(to) = &self.to else { return };
            let engine = Value::String("postgres".to_owned());
            layers.say("store.engine", "--to", engine, |config| config.store.engine = Engine::Postgres);
            let url = SecretUrl::new(to);
            layers.say("postgres.url", "--to", Value::String(to.clone()), |config| config.postgres.url = url);
        };
        Serve { config, data, ..Serve::default() }.load_and(variables, say).into_parts()
    }
}

impl AtDataOrUrl {
    /// The same; where a running shop is asked, only secrets matter, and nothing is wrong.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn load(&self, variables: &Variables) -> Result<(Config, Secrets), Error> {
        let at = AtData { config: self.config.clone(), data: self.data.clone() };
        let loaded = at.loaded(variables);
        if self.url.is_some() { Ok((loaded.config, loaded.secrets)) } else { loaded.into_parts() }
    }
}

impl Secrets {
    /// The secrets of whoever asks a running shop.
    pub fn of_caller(variables: &Variables) -> Self {
        Serve::default().load_and(variables, |_| ()).secrets
    }
}

/// Looks at settings, and starts nothing.
pub fn run(what: Option<ConfigCommand>, variables: &Variables) -> std::process::ExitCode {
    match what {
        None | Some(ConfigCommand::Reference) => show::print_reference(),
        Some(ConfigCommand::Check(options)) => show::print_problems(&options.load(variables)),
        Some(ConfigCommand::Show(options)) => show::print_effective(&options.load(variables)),
    }
}
