//! A thread with a runtime of its own, for whoever appends and for the connections that it appends on.
//! It does not know who that is.
//!
//! On a busy node hundreds of requests are ready to go on at any moment. Each step of an append (the server's answer, what it
//! settles, the next batch) would wait its turn behind them; on a thread of its own it waits for a processor only.

use tokio::runtime::{Builder, Handle, Runtime};

pub struct Lane(Option<Runtime>, Handle);

impl Lane {
    pub fn open() -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("appends").enable_all().build()?;
        let handle = runtime.handle().clone();
        Ok(Self(Some(runtime), handle))
    }

    pub fn handle(&self) -> &Handle {
        &self.1
    }
}

impl Drop for Lane {
    /// From within another runtime, where waiting is not allowed.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
