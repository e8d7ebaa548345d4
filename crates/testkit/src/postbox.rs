//! A mail server in memory: it takes letters, or is in a mood that a test gives it.
//! It does not know what a letter says.

use async_trait::async_trait;
use domain::text::Email;
use parking_lot::Mutex;
use services::mail::{Letter, Refused, Transport};
use tokio::sync::Notify;

/// What the server does with the next letters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Takes,
    Away,
    Later,
    Never,
    /// Says nothing at all.
    Silent,
}

/// Keeps what it took.
#[derive(Default)]
pub struct Postbox {
    mood: Mutex<Mood>,
    taken: Mutex<Vec<Letter>>,
    tries: Mutex<u32>,
    forgotten: Mutex<Vec<String>>,
    asked: Notify,
}

impl Postbox {
    pub fn set(&self, mood: Mood) {
        *self.mood.lock() = mood;
    }

    /// Every letter that was taken, in order.
    pub fn letters(&self) -> Vec<Letter> {
        self.taken.lock().clone()
    }

    /// How often it was asked, whatever it answered.
    pub fn tries(&self) -> u32 {
        *self.tries.lock()
    }

    /// Waits until it is asked, if it was not asked since it was last waited for.
    pub async fn is_asked(&self) {
        self.asked.notified().await;
    }

    /// Numbers of orders whose letters were to be destroyed.
    pub fn forgotten(&self) -> Vec<String> {
        self.forgotten.lock().clone()
    }
}

#[async_trait]
impl Transport for Postbox {
    async fn send(&self, letter: &Letter) -> Result<(), Refused> {
        *self.tries.lock() += 1;
        self.asked.notify_one();
        let told = |words: &str| format!("{words} <{}>", letter.to.address.as_str());
        let mood = *self.mood.lock();
        match mood {
            Mood::Takes => self.taken.lock().push(letter.clone()),
            Mood::Away => return Err(Refused::Unreachable("nobody answers".to_owned())),
            Mood::Later => return Err(Refused::Later(told("451 not now"))),
            Mood::Never => return Err(Refused::Never(told("550 no such mailbox"))),
            Mood::Silent => std::future::pending().await,
        }
        Ok(())
    }

    async fn forget(&self, order_number: &str) -> Result<(), Refused> {
        self.forgotten.lock().push(order_number.to_owned());
        Ok(())
    }

    fn describe(&self) -> String {
        "memory".to_owned()
    }

    fn stand_in_sender(&self) -> Option<Email> {
        Email::parse("shop@localhost").ok()
    }
}
