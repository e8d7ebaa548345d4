//! The environment: the one place that reads it, and the secrets that only it or a file of their own may say.
//! It does not know keys; each has a variable by one rule.

use std::collections::BTreeMap;

use super::engines::Engine;
use super::keys::PREFIX;
use super::layers::Layers;
use super::problem::Problem;
use super::secret::Secret;
use super::settings::{MailTransport, given};

/// The file to read, where the command line names none.
pub const FILE: &str = "CLOUDMART_CONFIG";
pub const ADMIN_TOKEN: &str = "CLOUDMART_ADMIN_TOKEN";
pub const MASTER_KEY: &str = "CLOUDMART_MASTER_KEY";
const SMTP_PASSWORD: &str = "CLOUDMART_SMTP_PASSWORD";
const POSTGRES_PASSWORD: &str = "CLOUDMART_POSTGRES_PASSWORD";
const REDIS_PASSWORD: &str = "CLOUDMART_REDIS_PASSWORD";
/// Variables that stand for no key.
pub const SECRETS: [&str; 5] = [ADMIN_TOKEN, MASTER_KEY, SMTP_PASSWORD, POSTGRES_PASSWORD, REDIS_PASSWORD];

/// What the environment says to the shop; an empty variable says nothing.
#[derive(Clone, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn read() -> Self {
        let ours = std::env::vars_os().filter_map(|(name, text)| Some((name.into_string().ok()?, text)));
        Self::of(ours.map(|(name, text)| (name, text.to_string_lossy().into_owned())))
    }

    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let ours = variables.into_iter().filter(|(name, text)| name.starts_with(PREFIX) && !text.is_empty());
        Self(ours.collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// What only the environment, or a file that a setting names, says, because it is secret.
#[derive(Debug, Default, Clone)]
pub struct Secrets {
    /// `CLOUDMART_ADMIN_TOKEN`: a staff key that is not stored.
    pub admin_token: Option<Secret>,
    /// `CLOUDMART_MASTER_KEY`: 64 hexadecimal digits, in place of the key file.
    pub master_key: Option<Secret>,
    /// `CLOUDMART_SMTP_PASSWORD`: what the mail server wants to hear.
    pub smtp_password: Option<Secret>,
    /// `CLOUDMART_POSTGRES_PASSWORD`
    pub postgres_password: Option<Secret>,
    /// `CLOUDMART_REDIS_PASSWORD`
    pub redis_password: Option<Secret>,
}

impl Secrets {
    /// Each from its variable, else from the file that a setting names. Files that cannot be read are told of, where
    /// anything is done with what they hold.
    pub fn read(layers: &Layers, variables: &Variables) -> (Self, Vec<Problem>) {
        let config = &layers.config;
        let mut problems = Vec::new();
        let mut read = |variable: &str, key: &str, file: &std::path::Path, is_used: bool| {
            if let Some(text) = variables.get(variable) {
                return Some(Secret::new(text));
            }
            let file = given(file).filter(|_| is_used)?;
            let refused = |says: String| Problem::error(layers.origin(key), key, says);
            match Secret::of_file(file) {
                Ok(secret) if secret.is_empty() => {
                    problems.push(refused(format!("the first line of {} is empty", file.display())));
                    None
                }
                Ok(secret) => {
                    problems.extend(
                        open_to_all(file)
                            .map(|says| Problem { severity: super::problem::Severity::Warning, ..refused(says) }),
                    );
                    Some(secret)
                }
                Err(error) => {
                    problems.push(refused(format!("{} cannot be read: {error}", file.display())));
                    None
                }
            }
        };
        let (postgres, redis) = (&config.postgres, &config.redis);
        let sends_mail = config.mail.transport == MailTransport::Smtp || layers.is_wrong("mail.transport");
        let asks_postgres = layers.engine() != Some(Engine::Sqlite);
        let asks_redis = !redis.url.is_empty() || layers.is_wrong("redis.url");
        let secrets = Self {
            admin_token: read(ADMIN_TOKEN, "admin_token_file", &config.admin_token_file, true),
            master_key: read(MASTER_KEY, "master_key_file", &config.master_key_file, true),
            smtp_password: read(SMTP_PASSWORD, "mail.password_file", &config.mail.password_file, sends_mail),
            postgres_password: read(
                POSTGRES_PASSWORD,
                "postgres.password_file",
                &postgres.password_file,
                asks_postgres,
            ),
            redis_password: read(REDIS_PASSWORD, "redis.password_file", &redis.password_file, asks_redis),
        };
        (secrets, problems)
    }

    /// Each by the name of its variable.
    pub fn iter(&self) -> [(&'static str, bool); 5] {
        [
            (ADMIN_TOKEN, self.admin_token.is_some()),
            (MASTER_KEY, self.master_key.is_some()),
            (SMTP_PASSWORD, self.smtp_password.is_some()),
            (POSTGRES_PASSWORD, self.postgres_password.is_some()),
            (REDIS_PASSWORD, self.redis_password.is_some()),
        ]
    }
}

/// Whether everybody on this machine may read a file.
fn open_to_all(file: &std::path::Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(file).ok()?.permissions().mode();
    (mode & 0o004 != 0).then(|| format!("everybody on this machine may read {}: chmod o-r", file.display()))
}
