//! What `cloudmart bench` can be asked for.
//! It does not know the shop.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::load::Press;
use super::script::Scenario;
use crate::Failure;

/// Buyers at once, where neither a rate nor a concurrency is told.
const AT_ONCE: u32 = 16;
/// Connections at a rate, unless told.
const CONNECTIONS: u32 = 128;
const CONNECTIONS_MAX: u32 = 10_000;
/// One thread sends no more than that.
const RATE_MAX: f64 = 1_000_000.0;
const WARM_UP: Duration = Duration::from_secs(2);
const DURATION_MAX: Duration = Duration::from_secs(24 * 3_600);

/// Where to write JSON instead of into a file.
const STANDARD_OUTPUT: &str = "-";

#[derive(Debug, Clone, Args)]
pub struct Options {
    /// What buyers do
    #[arg(value_enum)]
    pub scenario: Scenario,
    /// The running shop
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// Another node of the same shop; may be given several times. The load's connections are spread over all of them
    #[arg(long, value_name = "URL")]
    pub also: Vec<String>,
    /// Requests per second, whatever the shop does; time counts from when a request was due
    #[arg(long, value_name = "PER_SECOND", conflicts_with = "concurrency", allow_negative_numbers = true)]
    rate: Option<f64>,
    /// Requests at once, each followed by the next [default: 16]
    #[arg(long, value_name = "COUNT")]
    concurrency: Option<u32>,
    /// At a --rate: connections, and so requests under way, at most [default: 128]
    #[arg(long, value_name = "COUNT", conflicts_with = "concurrency", requires = "rate")]
    connections: Option<u32>,
    /// How long to measure: `30`, `30s`, `5m`
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    pub duration: Duration,
    /// How long before that the load is on and not counted [default: 2s; none for flash-sale, whose goods would be gone]
    #[arg(long, value_name = "TIME", value_parser = time)]
    warm_up: Option<Duration>,
    /// Orders are spread over so many SKUs (checkout, mixed)
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub skus: u32,
    /// Pieces of the one SKU that everybody wants (flash-sale)
    #[arg(long, value_name = "PIECES", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub stock: u32,
    /// Leave out the shop's own doctor, who looks through everything that it holds
    #[arg(long)]
    pub no_doctor: bool,
    /// Write the figures as JSON, too: to standard output instead of the table, or, as `--json=FILE`, into a file
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = STANDARD_OUTPUT)]
    json: Option<PathBuf>,
    /// Put the load on a shop that is not on this machine
    #[arg(long)]
    pub yes: bool,
}

/// Where figures go as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    None,
    StandardOutput,
    File(PathBuf),
}

impl Options {
    /// # Errors
    /// When it is asked for nothing, or for more than can be done.
    pub fn press(&self) -> Result<Press, Failure> {
        if self.duration.is_zero() {
            return Err(Failure::new("--duration must be above 0"));
        }
        let wrong = |what: &str, max: f64| Failure::new(format!("--{what} must be above 0 and at most {max}"));
        match (self.rate, self.concurrency) {
            (Some(rate), _) if !(rate > 0.0 && rate <= RATE_MAX) => Err(wrong("rate", RATE_MAX)),
            (Some(per_second), _) => match self.connections.unwrap_or(CONNECTIONS) {
                connections @ 1..=CONNECTIONS_MAX => Ok(Press::Rate { per_second, connections }),
                _ => Err(wrong("connections", f64::from(CONNECTIONS_MAX))),
            },
            (None, count) => match count.unwrap_or(AT_ONCE) {
                count @ 1..=CONNECTIONS_MAX => Ok(Press::AtOnce(count)),
                _ => Err(wrong("concurrency", f64::from(CONNECTIONS_MAX))),
            },
        }
    }

    pub fn warm_up(&self) -> Duration {
        let usual = if self.scenario == Scenario::FlashSale { Duration::ZERO } else { WARM_UP };
        self.warm_up.unwrap_or(usual)
    }

    pub fn json(&self) -> Json {
        match &self.json {
            None => Json::None,
            Some(path) if path.as_os_str() == STANDARD_OUTPUT => Json::StandardOutput,
            Some(path) => Json::File(path.clone()),
        }
    }
}

/// `30`, `30s`, `1.5m`.
fn time(text: &str) -> Result<Duration, String> {
    let (number, seconds_each) = match (text.strip_suffix('m'), text.strip_suffix('s')) {
        (Some(minutes), _) => (minutes, 60.0),
        (None, Some(seconds)) => (seconds, 1.0),
        (None, None) => (text, 1.0),
    };
    let seconds = number.parse().ok().map(|count: f64| count * seconds_each);
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.filter(|time| *time <= DURATION_MAX).ok_or_else(|| "something like 30s or 5m, at most a day".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn read(line: &str) -> Result<Options, clap::Error> {
        Line::try_parse_from(std::iter::once("bench").chain(line.split(' '))).map(|line| line.options)
    }

    #[test]
    fn how_hard_to_press_is_read() {
        let press = |line: &str| read(line).unwrap().press();
        assert!(matches!(press("browse"), Ok(Press::AtOnce(16))));
        assert!(matches!(press("carts --rate 1100"), Ok(Press::Rate { connections: 128, .. })));
        assert!(matches!(press("carts --rate 0.5 --connections 2"), Ok(Press::Rate { connections: 2, .. })));
        for bad in ["browse --rate 0", "browse --rate -5", "browse --rate NaN", "browse --concurrency 0"] {
            assert!(press(bad).is_err(), "{bad}");
        }
        for bad in ["browse --rate 5 --concurrency 5", "browse --connections 5", "dance", "browse --rate fast"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_and_places_are_read() {
        let options = read("flash-sale --duration 1.5m --warm-up 0 --json=out.json").unwrap();
        assert_eq!((options.duration, options.warm_up()), (Duration::from_secs(90), Duration::ZERO));
        assert_eq!(read("flash-sale").unwrap().warm_up(), Duration::ZERO);
        assert_eq!(read("checkout").unwrap().warm_up(), WARM_UP);
        assert_eq!(read("flash-sale --warm-up 3").unwrap().warm_up(), Duration::from_secs(3));
        assert_eq!(options.json(), Json::File("out.json".into()));
        assert_eq!(read("flash-sale --json").unwrap().json(), Json::StandardOutput);
        let first = read("--json browse").unwrap();
        assert_eq!((first.scenario, first.json()), (Scenario::Browse, Json::StandardOutput));
        assert!(read("browse --json out.json").is_err(), "a word that stands alone is no file");
        assert_eq!(read("flash-sale").unwrap().json(), Json::None);
        for bad in ["-1s", "soon", "", "999999999"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}
