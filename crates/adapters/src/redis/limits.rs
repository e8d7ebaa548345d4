//! Rate limits in Redis: several buckets of one request are looked at and taken from in one round trip.
//! It does not know who a client is; a bucket has a name that says nothing.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use platform::http::rate::{Bucket, Level, SharedBuckets};
use redis::{Cmd, Value};

use super::line::{Line, Up};

/// The generic cell rate algorithm, by Redis's own clock, so that nodes need not agree on the time: a bucket is the moment at
/// which it will be full again. All are taken from, or none. A clock that was set back empties nothing: no bucket is full
/// later than one window from now.
///
/// KEYS: buckets. ARGV: for each, microseconds a piece and microseconds of the window. Answers for each: microseconds until it is full,
/// and until something can be taken, or -1.
pub const TAKE: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full, refused = {}, false
for i, key in ipairs(KEYS) do
  local each, window = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local at = tonumber(redis.call('GET', key) or '0') or 0
  full[i] = math.min(math.max(at, now), now + window)
  if full[i] + each - now > window then refused = true end
end
local answer = {}
for i, key in ipairs(KEYS) do
  local each, window = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local wait = full[i] + each - now - window
  if not refused then
    full[i] = full[i] + each
    redis.call('SET', key, string.format('%.0f', full[i]), 'PX', math.ceil((full[i] - now) / 1000) + 1)
  end
  answer[2 * i - 1] = full[i] - now
  answer[2 * i] = wait > 0 and wait or -1
end
return answer
";

/// Puts one back into each bucket that is not full.
///
/// KEYS: buckets. ARGV: for each, microseconds a piece.
pub const GIVE_BACK: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
for i, key in ipairs(KEYS) do
  local at = tonumber(redis.call('GET', key) or '0') or 0
  at = at - tonumber(ARGV[i])
  if at > now then
    redis.call('SET', key, string.format('%.0f', at), 'PX', math.ceil((at - now) / 1000) + 1)
  else
    redis.call('DEL', key)
  end
end
return #KEYS
";

/// What Redis calls the scripts.
pub struct Scripts {
    pub take: String,
    pub give_back: String,
}

pub struct Buckets(pub Arc<Line>);

impl Buckets {
    fn question(&self, script: &str, buckets: &[Bucket]) -> Cmd {
        let mut command = redis::cmd("EVALSHA");
        command.arg(script).arg(buckets.len());
        for bucket in buckets {
            command.arg(self.0.key("rate", &bucket.key));
        }
        command
    }
}

#[async_trait]
impl SharedBuckets for Buckets {
    async fn take(&self, buckets: &[Bucket]) -> Option<Vec<Level>> {
        let question = |up: &Up| {
            let mut command = self.question(&up.limits.take, buckets);
            for bucket in buckets {
                command.arg(bucket.policy.each_us()).arg(bucket.policy.window_us());
            }
            command
        };
        let Value::Array(numbers) = self.0.ask(question).await.ok()? else { return None };
        numbers.chunks(2).map(level).collect()
    }

    async fn give_back(&self, buckets: &[Bucket]) {
        let question = |up: &Up| {
            let mut command = self.question(&up.limits.give_back, buckets);
            for bucket in buckets {
                command.arg(bucket.policy.each_us());
            }
            command
        };
        // The line counts what comes to nothing.
        let _ = self.0.ask(question).await;
    }
}

fn level(answer: &[Value]) -> Option<Level> {
    let [Value::Int(full_in), Value::Int(retry_in)] = answer else { return None };
    let micros = |number: &i64| u64::try_from(*number).ok().map(Duration::from_micros);
    Some(Level { full_in: micros(full_in)?, retry_in: micros(retry_in) })
}
