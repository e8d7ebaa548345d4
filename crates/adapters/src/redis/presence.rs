//! Who is where, and how many have come by, in Redis: all of it goes by itself when nobody says it again.
//! It does not know who anybody is. Redis keeps no list of those who came: a HyperLogLog for each half minute, which counts them
//! to within a hundredth and cannot say who they were.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use platform::presence::{Present, SharedPresence, WINDOWS_MAX, WITHIN, arranged};
use redis::Value;

use super::line::{Line, Up};
use super::shelf::{evalsha, micros, millis};

/// What Redis calls the scripts.
pub struct Scripts {
    pub enter: String,
    pub came: String,
    pub count: String,
}

/// Those who come within this time are counted in one place.
const SLOT: Duration = Duration::from_secs(30);
/// So many are told of in one question.
const MARKS_AT_ONCE: usize = 1_000;

/// A place is a hash: of somebody's window, since when and until when they are there, by Redis's own clock. Whoever is there with
/// another window has been there since then.
///
/// KEYS: the place. ARGV: who, with which window, how long that lives in microseconds, how many windows there may be. Answers
/// who is there, each with for how many microseconds already.
pub const ENTER: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local lives = tonumber(ARGV[3])
local since, windows, answer = now, 0, {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local from, till = string.match(all[i + 1], '^(%d+) (%d+)$')
  from, till = tonumber(from), tonumber(till)
  if not from or till <= now or till > now + lives then
    redis.call('HDEL', KEYS[1], all[i])
  else
    local who = string.match(all[i], '^[^\n]*')
    from = math.min(from, now)
    if who == ARGV[1] then since = math.min(since, from) end
    windows = windows + 1
    answer[#answer + 1] = who
    answer[#answer + 1] = now - from
  end
end
local mine = ARGV[1] .. '\n' .. ARGV[2]
if windows < tonumber(ARGV[4]) or redis.call('HEXISTS', KEYS[1], mine) == 1 then
  redis.call('HSET', KEYS[1], mine, string.format('%.0f %.0f', since, now + lives))
  redis.call('PEXPIRE', KEYS[1], math.ceil(lives / 1000))
end
answer[#answer + 1] = ARGV[1]
answer[#answer + 1] = now - since
return answer
";

/// ARGV: what the keys begin with, how long one is added to in microseconds, how long one lives in milliseconds, then marks.
pub const CAME: &str = r"
local time = redis.call('TIME')
local slot = math.floor((time[1] * 1000000 + time[2]) / tonumber(ARGV[2]))
local key = ARGV[1] .. string.format('%.0f', slot)
for i = 4, #ARGV do redis.call('PFADD', key, ARGV[i]) end
redis.call('PEXPIRE', key, ARGV[3])
return #ARGV - 3
";

/// ARGV: what the keys begin with, how long one is added to in microseconds, how many of the last ones count.
pub const COUNT: &str = r"
local time = redis.call('TIME')
local slot = math.floor((time[1] * 1000000 + time[2]) / tonumber(ARGV[2]))
local keys = {}
for i = 0, tonumber(ARGV[3]) - 1 do keys[i + 1] = ARGV[1] .. string.format('%.0f', slot - i) end
return redis.call('PFCOUNT', unpack(keys))
";

pub struct Presence(pub Arc<Line>);

impl Presence {
    fn place(&self, place: &str) -> String {
        self.0.key("there", place)
    }

    /// What the keys of those who came begin with.
    fn crowd(&self) -> String {
        self.0.key("came", "")
    }
}

#[async_trait]
impl SharedPresence for Presence {
    async fn enter(&self, place: &str, who: &str, window: &str, lives: Duration) -> Option<Vec<Present>> {
        let question = |up: &Up| {
            evalsha(&up.presence.enter, &[self.place(place)], |command| {
                command.arg(who).arg(window).arg(micros(lives)).arg(WINDOWS_MAX);
            })
        };
        let Value::Array(said) = self.0.ask(question).await.ok()? else { return None };
        let mut there = BTreeMap::new();
        for pair in said.chunks(2) {
            let [Value::BulkString(who), Value::Int(stayed)] = pair else { return None };
            let who = String::from_utf8(who.clone()).ok()?;
            let stayed = Duration::from_micros(u64::try_from(*stayed).ok()?);
            let known: &mut Duration = there.entry(who).or_default();
            *known = stayed.max(*known);
        }
        Some(arranged(there))
    }

    async fn leave(&self, place: &str, who: &str, window: &str) -> bool {
        let question = |_: &Up| {
            let mut command = redis::cmd("HDEL");
            command.arg(self.place(place)).arg(format!("{who}\n{window}"));
            command
        };
        self.0.ask(question).await.is_ok()
    }

    async fn came(&self, marks: &[u64]) -> bool {
        for some in marks.chunks(MARKS_AT_ONCE) {
            let question = |up: &Up| {
                evalsha(&up.presence.came, &[], |command| {
                    command.arg(self.crowd()).arg(micros(SLOT)).arg(millis(WITHIN + 2 * SLOT)).arg(some);
                })
            };
            if self.0.ask(question).await.is_err() {
                return false;
            }
        }
        true
    }

    async fn count(&self) -> Option<u64> {
        // The last one has only begun.
        let slots = WITHIN.as_secs() / SLOT.as_secs() + 1;
        let question = |up: &Up| {
            evalsha(&up.presence.count, &[], |command| _ = command.arg(self.crowd()).arg(micros(SLOT)).arg(slots))
        };
        match self.0.ask(question).await {
            Ok(Value::Int(count)) => u64::try_from(count).ok(),
            _ => None,
        }
    }
}
