//! Password hashes by argon2id, on a thread of its own because each takes tens of milliseconds and 19 MiB.
//! It does not know whose password it is.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use async_trait::async_trait;
use contracts::{Error, Result};
use services::staff::PasswordHasher;
use tokio::sync::oneshot;

/// What OWASP asks for at least: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Passwords that wait for the thread; one more is refused, so that sign-ins cannot eat the shop.
const QUEUE_MAX: usize = 64;
const RETRY_AFTER_S: u32 = 2;

/// Hashes passwords with argon2id.
#[derive(Debug, Clone)]
pub struct Argon2id {
    queue: SyncSender<Job>,
}

#[derive(Debug)]
enum Job {
    Hash { password: String, salt: [u8; 16], reply: oneshot::Sender<Result<String>> },
    Verify { password: String, hash: String, reply: oneshot::Sender<Result<bool>> },
}

impl Argon2id {
    /// Starts the thread; it ends with the last copy of this.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start() -> std::io::Result<Self> {
        Self::with(MEMORY_KIB)
    }

    fn with(memory_kib: u32) -> std::io::Result<Self> {
        let params = Params::new(memory_kib, PASSES, LANES, None).map_err(std::io::Error::other)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let (queue, jobs) = sync_channel(QUEUE_MAX);
        std::thread::Builder::new().name("passwords".to_owned()).spawn(move || work(&argon2, &jobs))?;
        Ok(Self { queue })
    }

    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<Result<T>>) -> Job) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.queue.try_send(job(reply)).map_err(|error| match error {
            TrySendError::Full(_) => Error::unavailable("too many passwords are being checked", RETRY_AFTER_S),
            TrySendError::Disconnected(_) => Error::internal("the thread that hashes passwords is gone"),
        })?;
        answer.await.map_err(|_| Error::internal("the thread that hashes passwords gave no answer"))?
    }
}

#[async_trait]
impl PasswordHasher for Argon2id {
    async fn hash(&self, password: &str, salt: [u8; 16]) -> Result<String> {
        let password = password.to_owned();
        self.ask(|reply| Job::Hash { password, salt, reply }).await
    }

    async fn verify(&self, password: &str, hash: &str) -> Result<bool> {
        let (password, hash) = (password.to_owned(), hash.to_owned());
        self.ask(|reply| Job::Verify { password, hash, reply }).await
    }
}

/// Whoever stopped waiting gets no answer, and costs no time.
fn work(argon2: &Argon2<'_>, jobs: &Receiver<Job>) {
    for job in jobs {
        match job {
            Job::Hash { password, salt, reply } if !reply.is_closed() => {
                let _ = reply.send(hash(argon2, &password, &salt));
            }
            Job::Verify { password, hash, reply } if !reply.is_closed() => {
                let _ = reply.send(verify(argon2, &password, &hash));
            }
            Job::Hash { .. } | Job::Verify { .. } => {}
        }
    }
}

fn hash(argon2: &Argon2<'_>, password: &str, salt: &[u8; 16]) -> Result<String> {
    let hash = argon2.hash_password_with_salt(password.as_bytes(), salt);
    hash.map(|hash: PasswordHash| hash.to_string()).map_err(|error| Error::internal(format!("argon2: {error}")))
}

/// With the parameters that the hash was made with.
fn verify(argon2: &Argon2<'_>, password: &str, hash: &str) -> Result<bool> {
    let parsed = PasswordHash::new(hash).map_err(|error| Error::internal(format!("a stored password: {error}")))?;
    match argon2.verify_password(password.as_bytes(), &parsed) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(Error::internal(format!("argon2: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_fits() {
        let hasher = Argon2id::with(64).unwrap();
        let hash = hasher.hash("correct horse", [7; 16]).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=2,p=1$"), "{hash}");
        assert!(hasher.verify("correct horse", &hash).await.unwrap());
        assert!(!hasher.verify("battery staple", &hash).await.unwrap());
        assert_ne!(hasher.hash("correct horse", [8; 16]).await.unwrap(), hash);
        assert!(hasher.verify("correct horse", "no hash").await.is_err());
    }

    #[tokio::test]
    async fn hashes_keep_the_parameters_that_they_were_made_with() {
        let (older, newer) = (Argon2id::with(64).unwrap(), Argon2id::with(128).unwrap());
        let hash = older.hash("correct horse", [7; 16]).await.unwrap();
        assert!(newer.verify("correct horse", &hash).await.unwrap());
    }
}
