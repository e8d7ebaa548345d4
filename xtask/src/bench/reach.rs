//! Whether a figure reaches what is asked of it, and by which rule that was decided.
//! It does not measure. A ratio holds on any machine; an absolute figure of what waits for the disk counts only where the disk
//! is fast enough for it.

/// Appends of 4 KiB per second, each made durable, from which on absolute figures count.
pub const FAST_DISK: f64 = 5_400.0;

/// What is reached; nothing where nothing is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reach {
    ratio: Option<bool>,
    absolute: Option<bool>,
    waits_for_disk: bool,
}

impl Reach {
    /// Against what was measured beside it.
    pub fn ratio(is_reached: bool) -> Self {
        Self { ratio: Some(is_reached), ..Self::default() }
    }

    /// A figure in which the disk has no part.
    pub fn absolute(is_reached: bool) -> Self {
        Self { absolute: Some(is_reached), ..Self::default() }
    }

    /// A figure that follows the disk.
    pub fn durable(is_reached: bool) -> Self {
        Self::default().and_durable(is_reached)
    }

    /// One that asks for such a figure, too.
    #[must_use]
    pub fn and_durable(self, is_reached: bool) -> Self {
        Self { absolute: Some(is_reached), waits_for_disk: true, ..self }
    }

    /// Yes or no and the rule, on a disk that makes so many appends durable per second.
    pub fn verdict(self, syncs_per_second: f64) -> String {
        let counts = !self.waits_for_disk || syncs_per_second >= FAST_DISK;
        let (is_reached, rule) = match (self.ratio, self.absolute) {
            (None, None) => return String::new(),
            (Some(ratio), None) => (ratio, "ratio"),
            (Some(ratio), Some(absolute)) if counts => (ratio && absolute, "ratio and absolute"),
            (Some(ratio), Some(_)) => (ratio, "ratio; slow disk"),
            // What is reached on a slow disk is reached on a fast one.
            (None, Some(absolute)) if counts || absolute => (absolute, "absolute"),
            (None, Some(_)) => return "open (slow disk)".to_owned(),
        };
        format!("{} ({rule})", if is_reached { "yes" } else { "**no**" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_figures_count_where_the_disk_is_fast_enough() {
        let on = |reach: Reach| [FAST_DISK, FAST_DISK - 1.0].map(|syncs| reach.verdict(syncs));
        let orders = |ratio, absolute| on(Reach::ratio(ratio).and_durable(absolute));
        assert_eq!(orders(true, true), ["yes (ratio and absolute)", "yes (ratio; slow disk)"]);
        assert_eq!(orders(true, false), ["**no** (ratio and absolute)", "yes (ratio; slow disk)"]);
        assert_eq!(orders(false, true), ["**no** (ratio and absolute)", "**no** (ratio; slow disk)"]);
        assert_eq!(on(Reach::durable(true)), ["yes (absolute)"; 2]);
        assert_eq!(on(Reach::durable(false)), ["**no** (absolute)", "open (slow disk)"]);
    }

    #[test]
    fn ratios_and_what_knows_no_disk_count_everywhere() {
        for syncs in [100.0, 10_000.0] {
            assert_eq!(Reach::ratio(true).verdict(syncs), "yes (ratio)");
            assert_eq!(Reach::ratio(false).verdict(syncs), "**no** (ratio)");
            assert_eq!(Reach::absolute(false).verdict(syncs), "**no** (absolute)");
            assert_eq!(Reach::default().verdict(syncs), "");
        }
    }
}
