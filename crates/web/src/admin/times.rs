//! Times as staff read them: in the shop's own time zone.
//! It does not know what time it is.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::words::Words;

#[derive(Debug, Clone)]
pub struct Times {
    zone: TimeZone,
    words: &'static Words,
}

impl Times {
    /// Of a zone that nobody knows, UTC.
    pub fn new(zone: &str, words: &'static Words) -> Self {
        Self { zone: TimeZone::get(zone).unwrap_or(TimeZone::UTC), words }
    }

    /// `27 Nov 2026, 14:03`.
    pub fn minute(&self, at: Timestamp) -> String {
        self.write(self.words.frame.minute_format, at)
    }

    /// `27 Nov 2026, 14:03:05.123456`, for facts.
    pub fn exact(&self, at: Timestamp) -> String {
        self.write(self.words.frame.exact_format, at)
    }

    /// The same as [`Times::minute`] of what a service wrote as text; as it is where that is no time.
    pub fn of_text(&self, at: &str) -> String {
        at.parse().map_or_else(|_| at.to_owned(), |at| self.minute(at))
    }

    pub fn exact_of_text(&self, at: &str) -> String {
        at.parse().map_or_else(|_| at.to_owned(), |at| self.exact(at))
    }

    /// `14:00`.
    pub fn hour(&self, at: Timestamp) -> String {
        self.write("%H:%M", at)
    }

    /// `27 Nov`.
    pub fn day(&self, day: Date) -> String {
        day.strftime(self.words.frame.day_format).to_string()
    }

    /// `27 Nov 2026`.
    pub fn date(&self, day: Date) -> String {
        day.strftime(self.words.frame.date_format).to_string()
    }

    /// When a day begins here; `None` where that is no instant.
    pub fn midnight(&self, day: Date) -> Option<Timestamp> {
        Some(day.to_zoned(self.zone.clone()).ok()?.timestamp())
    }

    fn write(&self, format: &str, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime(format).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_the_shops() {
        let seoul = Times::new("Asia/Seoul", Words::default_language());
        assert_eq!(seoul.of_text("2026-11-27T15:03:05Z"), "28 Nov 2026, 00:03");
        assert_eq!(
            Times::new("Nowhere/None", Words::default_language()).of_text("2026-11-27T15:03:05Z"),
            "27 Nov 2026, 15:03"
        );
        assert_eq!(seoul.of_text("soon"), "soon");
        let korean = Times::new("Asia/Seoul", Words::in_language("ko").unwrap());
        assert_eq!(korean.of_text("2026-11-27T15:03:05Z"), "2026년 11월 28일 00:03");
        assert_eq!(seoul.midnight(jiff::civil::date(2026, 11, 28)).unwrap().to_string(), "2026-11-27T15:00:00Z");
    }
}
