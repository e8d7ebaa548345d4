//! A value that others wait for; those who wait are woken in the order in which they came.
//! It does not know what is waited for. (`tokio::sync::watch` draws that order by itself, so that no run with two waiters could
//! be repeated.)

use parking_lot::Mutex;
use tokio::sync::Notify;

#[derive(Debug, Default)]
pub struct Signal<T> {
    value: Mutex<T>,
    changed: Notify,
}

impl<T> Signal<T> {
    pub fn new(value: T) -> Self {
        Self { value: Mutex::new(value), changed: Notify::new() }
    }

    /// Changes the value and wakes all who wait. What is done with it must be short: it is locked meanwhile.
    pub fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut self.value.lock());
        self.changed.notify_waiters();
        result
    }

    pub fn look<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.value.lock())
    }

    /// Looks again after every change, until there is an answer. Cancel-safe.
    pub async fn wait_for<R>(&self, look: impl Fn(&T) -> Option<R>) -> R {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Before the look, so that no change falls in between.
            changed.as_mut().enable();
            if let Some(answer) = self.look(&look) {
                return answer;
            }
            changed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waiters_are_woken_in_the_order_in_which_they_came() {
        // With watch, which spreads its waiters by chance, 20 of them come in this order once in many lifetimes.
        let (signal, came) = (Arc::new(Signal::new(0)), Arc::new(Mutex::new(Vec::new())));
        let waiters: Vec<_> = (0..20)
            .map(|number| {
                let (signal, came) = (signal.clone(), came.clone());
                tokio::spawn(async move {
                    let value = signal.wait_for(|value| (*value > 1).then_some(*value)).await;
                    came.lock().push((number, value));
                })
            })
            .collect();
        tokio::task::yield_now().await;
        signal.change(|value| *value = 1);
        tokio::task::yield_now().await;
        assert!(came.lock().is_empty(), "nobody has an answer yet");
        signal.change(|value| *value = 2);
        for waiter in waiters {
            waiter.await.unwrap();
        }
        assert_eq!(*came.lock(), (0..20).map(|number| (number, 2)).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_so_already_is_not_waited_for() {
        let signal = Signal::new("there");
        assert_eq!(signal.wait_for(|value| Some(value.len())).await, 5);
    }
}
