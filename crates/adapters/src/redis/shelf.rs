//! The second level of caches in Redis: values with tags, of which none is given that a tag has outdated.
//! It does not know what a value is.
//!
//! A tag is the moment at which it was forgotten last, by Redis's own clock; an entry, the moment at which somebody began to
//! make it. Whatever began before is not given and not taken, in whichever order all of this arrives.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use platform::cache::{Found, Moment, SharedShelf};
use redis::{Cmd, Value};

use super::line::{Line, Up};

/// What Redis calls the scripts.
pub struct Scripts {
    pub get: String,
    pub put: String,
    pub forget: String,
}

/// Longer than any entry lives, and than making one may take.
const TAG_LIVES: Duration = Duration::from_secs(2 * 60 * 60);
const ENTRY_LIVES_MAX: Duration = Duration::from_secs(60 * 60);
/// Whoever takes longer to make a value keeps it to themselves.
const MAKING_MAX: Duration = Duration::from_secs(60);
/// The tag of everything.
const ALL: &str = "*";

/// KEYS: the entry. ARGV: what tags' keys begin with. Answers the value, or nothing and the moment.
pub const GET: &str = r"
local time = redis.call('TIME')
local entry = redis.call('HMGET', KEYS[1], 'value', 'began', 'tags')
if entry[1] then
  local outdated = false
  for tag in string.gmatch(entry[3], '[^\n]+') do
    local at = redis.call('GET', ARGV[1] .. tag)
    if at and tonumber(at) >= tonumber(entry[2]) then outdated = true break end
  end
  if not outdated then return {entry[1]} end
  redis.call('DEL', KEYS[1])
end
return {false, string.format('%.0f', time[1] * 1000000 + time[2])}
";

/// KEYS: the entry. ARGV: what tags' keys begin with, when making it began, how long that may be ago in microseconds, how long
/// it lives in milliseconds, tags on lines of their own, the value. Answers whether it was kept.
pub const PUT: &str = r"
local time = redis.call('TIME')
local began = tonumber(ARGV[2])
if time[1] * 1000000 + time[2] - began > tonumber(ARGV[3]) then return 0 end
for tag in string.gmatch(ARGV[5], '[^\n]+') do
  local at = redis.call('GET', ARGV[1] .. tag)
  if at and tonumber(at) >= began then return 0 end
end
redis.call('HSET', KEYS[1], 'value', ARGV[6], 'began', ARGV[2], 'tags', ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
";

/// KEYS: tags. ARGV: how long they are remembered, in milliseconds.
pub const FORGET: &str = r"
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000000 + time[2])
for _, key in ipairs(KEYS) do redis.call('SET', key, now, 'PX', ARGV[1]) end
return #KEYS
";

pub struct Shelf(pub Arc<Line>);

impl Shelf {
    fn entry(&self, key: &str) -> String {
        self.0.key("kept", key)
    }

    /// What tags' keys begin with.
    fn tags(&self) -> String {
        self.0.key("tag", "")
    }
}

#[async_trait]
impl SharedShelf for Shelf {
    async fn get(&self, key: &str) -> Option<Found> {
        let question = |up: &Up| evalsha(&up.shelf.get, &[self.entry(key)], |command| _ = command.arg(self.tags()));
        let Value::Array(answer) = self.0.ask(question).await.ok()? else { return None };
        match <[Value; 2]>::try_from(answer) {
            Ok([Value::Nil, Value::BulkString(moment)]) => {
                let moment = std::str::from_utf8(&moment).ok()?.parse().ok()?;
                Some(Found::Missing(Moment(moment)))
            }
            Ok(_) => None,
            Err(mut one) => match one.pop()? {
                Value::BulkString(value) => Some(Found::Value(Bytes::from(value))),
                _ => None,
            },
        }
    }

    async fn put(&self, key: &str, began: Moment, value: &[u8], ttl: Duration, tags: &[String]) -> bool {
        let tags = tags.iter().map(String::as_str).chain([ALL]).collect::<Vec<_>>().join("\n");
        let question = |up: &Up| {
            evalsha(&up.shelf.put, &[self.entry(key)], |command| {
                command.arg(self.tags()).arg(began.0).arg(micros(MAKING_MAX));
                command.arg(millis(ttl.min(ENTRY_LIVES_MAX))).arg(&tags).arg(value);
            })
        };
        matches!(self.0.ask(question).await, Ok(Value::Int(1)))
    }

    async fn forget(&self, tags: &[String]) -> bool {
        let begin = self.tags();
        let keys: Vec<String> = tags.iter().map(|tag| [&begin, tag.as_str()].concat()).collect();
        let question = |up: &Up| evalsha(&up.shelf.forget, &keys, |command| _ = command.arg(millis(TAG_LIVES)));
        self.0.ask(question).await.is_ok()
    }

    async fn forget_all(&self) -> bool {
        self.forget(&[ALL.to_owned()]).await
    }
}

pub(super) fn evalsha(script: &str, keys: &[String], arguments: impl FnOnce(&mut Cmd)) -> Cmd {
    let mut command = redis::cmd("EVALSHA");
    command.arg(script).arg(keys.len()).arg(keys);
    arguments(&mut command);
    command
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}

pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
