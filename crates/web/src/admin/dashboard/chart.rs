//! Bars over time as SVG, drawn here so that they need no script, with a title, a description and every value in a table.
//! It does not know what a bar counts beyond its words.

use contracts::statistics::{Bar, SalesReport};
use domain::money::Currency;

use crate::admin::frame::Frame;
use crate::admin::words::fill;

/// The drawing, in its own units.
const WIDTH: i64 = 720;
const HEIGHT: i64 = 200;
/// Room for what is written at the left and below.
const LEFT: i64 = 64;
const BELOW: i64 = 22;
const ABOVE: i64 = 8;
/// The fewest units between two things that are written below.
const LABEL_EVERY: i64 = 78;

pub struct Chart {
    pub id: &'static str,
    pub title: String,
    pub description: String,
    pub width: i64,
    pub height: i64,
    pub left: i64,
    pub bars: Vec<Shape>,
    /// What it is compared with, behind the bars.
    pub before: Vec<Shape>,
    pub lines: Vec<Line>,
    pub labels: Vec<Label>,
    pub head: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
}

pub struct Shape {
    pub x: i64,
    pub y: i64,
    pub width: i64,
    pub height: i64,
    pub title: String,
}

pub struct Line {
    pub y: i64,
    pub text_y: i64,
    pub label: String,
}

pub struct Label {
    pub x: i64,
    pub y: i64,
    pub text: String,
}

pub fn by_day(frame: &Frame, report: &SalesReport) -> Chart {
    let words = frame.words.dashboard;
    let money = |amount: i64| frame.money(amount, report.currency);
    let most = report.days.iter().max_by_key(|bar| bar.sales.revenue);
    let day = |bar: Option<&Bar>| bar.map(|bar| frame.times.date(bar.day)).unwrap_or_default();
    let most_amount = most.map_or(0, |bar| bar.sales.revenue);
    let from_to = [&day(report.days.first()), &day(report.days.last()), &money(most_amount), &day(most)];
    let scale = Scale::new(most_amount, report.currency);
    let bars = report.days.iter().enumerate().map(|(index, bar)| {
        let title = format!("{}: {}, {}", frame.times.date(bar.day), money(bar.sales.revenue), bar.sales.orders);
        scale.shape(index, report.days.len(), bar.sales.revenue, title)
    });
    let row = |bar: &Bar| {
        vec![
            frame.times.date(bar.day),
            money(bar.sales.revenue),
            bar.sales.orders.to_string(),
            bar.sales.units.to_string(),
            money(bar.sales.refunded),
        ]
    };
    Chart {
        id: "by-day",
        title: words.by_day_chart.to_owned(),
        description: fill(words.chart_desc, &from_to.map(String::as_str)),
        width: WIDTH,
        height: HEIGHT,
        left: LEFT,
        bars: bars.collect(),
        before: Vec::new(),
        lines: scale.lines(frame),
        labels: labels(report.days.len(), |index| frame.times.day(report.days[index].day)),
        head: vec![words.day, words.revenue, words.orders, words.units, words.refunded],
        // The newest first: that is what one looks for.
        rows: report.days.iter().rev().map(row).collect(),
    }
}

pub fn by_hour(frame: &Frame, report: &SalesReport) -> Chart {
    let words = frame.words.dashboard;
    let money = |amount: i64| frame.money(amount, report.currency);
    let (today, before) = (&report.today_by_hour, &report.yesterday_by_hour);
    let count = today.len().max(before.len());
    let most = today.iter().chain(before).map(|bar| bar.sales.revenue).max().unwrap_or(0);
    let scale = Scale::new(most, report.currency);
    let shapes = |bars: &[Bar], label: &str| -> Vec<Shape> {
        let shape = |(index, bar): (usize, &Bar)| {
            let title =
                format!("{label} {}: {}, {}", frame.times.hour(bar.from), money(bar.sales.revenue), bar.sales.orders);
            scale.shape(index, count, bar.sales.revenue, title)
        };
        bars.iter().enumerate().map(shape).collect()
    };
    let cell = |bar: Option<&Bar>| bar.map(|bar| money(bar.sales.revenue)).unwrap_or_default();
    let hour = |index: usize| today.get(index).or(before.get(index)).map(|bar| frame.times.hour(bar.from));
    let row = |index: usize| vec![hour(index).unwrap_or_default(), cell(today.get(index)), cell(before.get(index))];
    let sums = [money(report.today.revenue), money(report.yesterday.revenue)];
    Chart {
        id: "by-hour",
        title: words.by_hour_chart.to_owned(),
        description: fill(words.chart_desc_hours, &[&sums[0], &sums[1]]),
        width: WIDTH,
        height: HEIGHT,
        left: LEFT,
        bars: shapes(today, words.today),
        before: shapes(before, words.yesterday),
        lines: scale.lines(frame),
        labels: labels(count, |index| hour(index).unwrap_or_default()),
        head: vec![words.hour, words.today, words.yesterday],
        rows: (0..count).map(row).collect(),
    }
}

/// From zero to a round amount above the highest bar.
struct Scale {
    top: i64,
    currency: Currency,
}

impl Scale {
    fn new(most: i64, currency: Currency) -> Self {
        Self { top: round_above(most, currency), currency }
    }

    fn y(&self, amount: i64) -> i64 {
        let room = i128::from(HEIGHT - BELOW - ABOVE);
        let height = i128::from(amount.max(0)) * room / i128::from(self.top.max(1));
        HEIGHT - BELOW - i64::try_from(height).unwrap_or(0)
    }

    fn shape(&self, index: usize, count: usize, amount: i64, title: String) -> Shape {
        let (from, until) = (place(index, count), place(index + 1, count));
        let gap = ((until - from) / 5).clamp(1, 8);
        // What was sold at all is seen.
        let y = if amount > 0 { self.y(amount).min(HEIGHT - BELOW - 1) } else { HEIGHT - BELOW };
        Shape { x: from, y, width: (until - from - gap).max(1), height: HEIGHT - BELOW - y, title }
    }

    fn lines(&self, frame: &Frame) -> Vec<Line> {
        let line = |amount: i64| {
            let y = self.y(amount);
            Line { y, text_y: y + 4, label: short(frame, amount, self.currency) }
        };
        [0, self.top / 2, self.top].into_iter().map(line).collect()
    }
}

fn place(index: usize, count: usize) -> i64 {
    let (index, count) = (i64::try_from(index).unwrap_or(0), i64::try_from(count).unwrap_or(1).max(1));
    LEFT + (WIDTH - LEFT) * index / count
}

/// 1, 2 or 5 times a power of ten, an even number of whole units where the currency has smaller ones.
fn round_above(most: i64, currency: Currency) -> i64 {
    let mut step = currency.scale().max(1);
    loop {
        for times in [2, 4, 10] {
            match step.checked_mul(times) {
                Some(top) if top < most => {}
                Some(top) => return top,
                None => return most,
            }
        }
        step = match step.checked_mul(10) {
            Some(step) => step,
            None => return most,
        };
    }
}

/// Whole units only: an axis needs no cents.
fn short(frame: &Frame, amount: i64, currency: Currency) -> String {
    let text = frame.money(amount, currency);
    let zeros = "0".repeat(usize::from(currency.exponent()));
    let is_whole = amount % currency.scale() == 0;
    match (is_whole, currency.exponent()) {
        (_, 0) | (false, _) => text,
        (true, _) => text.replace(&format!(".{zeros}"), ""),
    }
}

fn labels(count: usize, text: impl Fn(usize) -> String) -> Vec<Label> {
    let fit = usize::try_from((WIDTH - LEFT) / LABEL_EVERY).unwrap_or(1).max(1);
    let every = count.div_ceil(fit).max(1);
    let label = |index: usize| Label { x: place(index, count), y: HEIGHT - 6, text: text(index) };
    // The last one would not fit before the end.
    (0..count).step_by(every).map(label).filter(|label| label.x + LABEL_EVERY / 2 <= WIDTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_ends_at_a_round_amount_above_the_highest_bar() {
        let eur = Currency::parse("EUR").unwrap();
        let krw = Currency::parse("KRW").unwrap();
        for (most, currency, top) in [
            (0, eur, 200),
            (201, eur, 400),
            (41_200, eur, 100_000),
            (400_000, eur, 400_000),
            (476_000, krw, 1_000_000),
            (i64::MAX, krw, i64::MAX),
        ] {
            assert_eq!(round_above(most, currency), top, "{most}");
        }
    }

    #[test]
    fn bars_stay_inside_and_do_not_overlap() {
        let scale = Scale::new(1_000, Currency::parse("EUR").unwrap());
        for count in [1, 7, 24, 90, 366] {
            let bars: Vec<Shape> = (0..count).map(|index| scale.shape(index, count, 1_000, String::new())).collect();
            assert!(bars.iter().all(|bar| bar.x >= LEFT && bar.x + bar.width <= WIDTH && bar.y >= ABOVE));
            assert!(bars.windows(2).all(|pair| pair[0].x + pair[0].width <= pair[1].x), "{count}");
        }
    }
}
