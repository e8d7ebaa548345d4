//! The table of figures in docs/BENCHMARKS.md: written between its markers, line by line, so that a run of some rows leaves
//! the others as they were, and what people wrote around it stays.
//! It does not measure.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::reach::Reach;
use super::run::Run;
use super::{Error, io, text};

const FILE: &str = "docs/BENCHMARKS.md";
const MACHINE: &str = "machine";
const FIGURES: &str = "figures";

pub const SYNCS: &str = "append 4 KiB + fdatasync, per second";
pub const PRODUCT_JSON: &str = "product JSON, per second, 64 connections";
pub const PRODUCT_PAGE: &str = "product page (HTML), per second, 64 connections";
pub const SEARCH: &str = "search with facets, 10,000 products, per second";
pub const ORDERS: &str = "confirmed orders, 50 SKUs, per second, 64 connections";
pub const ORDERS_ONE_SKU: &str = "the same, all on one SKU";
pub const RESERVATIONS: &str = "reservations of one SKU at the executor, per second";
pub const RESERVATIONS_DOCUMENTS: &str = "the same, with the documents that follow the log";
pub const GROWTH_EMPTY: &str = "orders per second, no orders in the log";
pub const GROWTH_10K: &str = "orders per second, 10 thousand in the log";
pub const GROWTH_100K: &str = "orders per second, 100 thousand in the log";
pub const GROWTH_1M: &str = "orders per second, 1 million in the log";
pub const MEMORY_SAMPLE: &str = "memory at rest, sample shop (RSS)";
pub const MEMORY_1M: &str = "memory after 1 million orders (RSS)";
pub const START_EMPTY: &str = "first start of an empty shop, to the first answer";
pub const START_SAMPLE: &str = "start of the sample shop, to the first answer";
pub const START_1M: &str = "start with 1 million orders after kill -9, to the first answer";
pub const CART: &str = "cart: add a line, p99 at 1,000 per second";
pub const IMPORT: &str = "import of 100,000 products";
pub const IMPORT_MEMORY: &str = "its memory at most (RSS)";
pub const CLUSTER_ORDERS: &str = "PostgreSQL, one node: confirmed orders, 50 SKUs, per second, 64 connections";
pub const CLUSTER_TWO_NODES: &str = "the same, two nodes with Redis";
pub const CLUSTER_ONE_SKU: &str = "the same, two nodes, all on one SKU";
pub const CLUSTER_READS: &str = "product JSON out of Redis, nothing at hand, per second";

/// Every figure in the order of the table, with what it should reach, and what lies beyond.
const ORDER: [(&str, &str); 24] = [
    (PRODUCT_JSON, "0.9 × nginx (1.2)"),
    (PRODUCT_PAGE, "0.7 × nginx (1.0)"),
    (SEARCH, "3,000 (10,000)"),
    (ORDERS, "0.8 × pgbench, 5,000, p99 30 ms (12,000)"),
    (ORDERS_ONE_SKU, "0.9 × the row above (1.0)"),
    (RESERVATIONS, "60,000 (300,000)"),
    (RESERVATIONS_DOCUMENTS, ""),
    (GROWTH_EMPTY, ""),
    (GROWTH_10K, ""),
    (GROWTH_100K, ""),
    (GROWTH_1M, "0.9 × of an empty log (1.0)"),
    (MEMORY_SAMPLE, "80 MB"),
    (MEMORY_1M, "400 MB"),
    (START_EMPTY, ""),
    (START_SAMPLE, ""),
    (START_1M, "1 s (0.2 s)"),
    (CART, "5 ms (1 ms)"),
    (IMPORT, "60 s (20 s)"),
    (IMPORT_MEMORY, "500 MB"),
    (CLUSTER_ORDERS, "0.8 × pgbench, p99 60 ms (1.5)"),
    (CLUSTER_TWO_NODES, "0.8 × one node (1.0)"),
    (CLUSTER_ONE_SKU, "0.5 × the row above (0.9)"),
    (CLUSTER_READS, "10,000 (40,000)"),
    (SYNCS, "5,400, else ratios decide"),
];

const HEAD: &str = "| figure | ratio | ours | p99 | beside it | reach (beyond) | reached | measured | |\n\
                    |---|--:|--:|--:|---|---|---|---|---|\n";

/// What was measured of one figure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cells {
    pub figure: &'static str,
    pub ratio: String,
    pub ours: String,
    pub p99: String,
    pub beside: String,
    pub reach: Reach,
    pub note: String,
}

impl Cells {
    pub fn of(figure: &'static str) -> Self {
        Self { figure, ..Self::default() }
    }

    /// With its rate and its p99.
    pub fn of_run(figure: &'static str, run: Run) -> Self {
        Self { ours: text::whole(run.per_second), p99: text::ms(run.p99_ms), ..Self::of(figure) }
    }
}

/// The table's lines by their figures.
#[derive(Debug, Default)]
pub struct Table {
    lines: BTreeMap<String, String>,
    /// When, and what, this run measures: each of its lines says so, for the others are of other runs.
    stamp: String,
}

impl Table {
    /// As it stands in the file.
    pub fn read(root: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(root.join(FILE)).map_err(io(format!("cannot read {FILE}")))?;
        let (_, between, _) = split(&text, FIGURES)?;
        Ok(Self { lines: lines_of(between), stamp: stamp(root) })
    }

    /// Puts lines in the place of those that were there. Beside each stands what the disk did just then.
    pub fn take(&mut self, cells: Vec<Cells>, syncs_per_second: f64) {
        let syncs = text::whole(syncs_per_second);
        for cells in cells {
            let Cells { figure, ratio, ours, p99, beside, reach: reached, note } = cells;
            let reach = ORDER.iter().find(|(name, _)| *name == figure).map_or("", |(_, reach)| reach);
            let reached = reached.verdict(syncs_per_second);
            let ratio = if ratio.is_empty() { ratio } else { format!("**{ratio}**") };
            let measured = format!("{}, {syncs} syncs/s", self.stamp);
            let line = format!(
                "| {figure} | {ratio} | {ours} | {p99} | {beside} | {reach} | {reached} | {measured} | {note} |"
            );
            self.lines.insert(figure.to_owned(), line);
        }
    }

    pub fn to_markdown(&self) -> String {
        let lines = ORDER.iter().filter_map(|(figure, _)| self.lines.get(*figure));
        lines.fold(HEAD.to_owned(), |text, line| text + line + "\n")
    }

    /// Writes machine and figures between their markers.
    pub fn write(&self, root: &Path) -> Result<(), Error> {
        let path = root.join(FILE);
        let text = fs::read_to_string(&path).map_err(io(format!("cannot read {FILE}")))?;
        let text = replaced(&text, MACHINE, &machine())?;
        let text = replaced(&text, FIGURES, &self.to_markdown())?;
        fs::write(&path, text).map_err(io(format!("cannot write {FILE}")))
    }
}

fn lines_of(table: &str) -> BTreeMap<String, String> {
    let figure = |line: &str| line.split('|').nth(1).map(|cell| cell.trim().to_owned());
    table.lines().skip(2).filter_map(|line| Some((figure(line)?, line.to_owned()))).collect()
}

fn replaced(text: &str, name: &'static str, with: &str) -> Result<String, Error> {
    let (before, _, after) = split(text, name)?;
    Ok(format!("{before}{with}{after}"))
}

/// What lies before, between and after the markers of a name.
fn split<'a>(text: &'a str, name: &'static str) -> Result<(&'a str, &'a str, &'a str), Error> {
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
    let from = text.find(&begin).map(|at| at + begin.len()).ok_or(Error::NoMarkers(name))?;
    let until = text[from..].find(&end).map(|at| from + at).ok_or(Error::NoMarkers(name))?;
    Ok((&text[..from], &text[from..until], &text[until..]))
}

/// The date and the commit, and whether anything differs from it: anything but this table, which a run itself writes.
fn stamp(root: &Path) -> String {
    let git = |arguments: &[&str]| said(Command::new("git").args(arguments).current_dir(root));
    let but_this = format!(":(exclude){FILE}");
    let is_changed = !git(&["status", "--porcelain", "--untracked-files=no", "--", ".", &but_this]).is_empty();
    let (today, commit) = (said(Command::new("date").args(["-u", "+%F"])), git(&["rev-parse", "--short", "HEAD"]));
    format!("{today} at {commit}{}", if is_changed { " with changes" } else { "" })
}

/// The machine and the versions of everything that takes part, as the last run found them.
fn machine() -> String {
    let cpu = first_line("/proc/cpuinfo", "model name");
    let memory = first_line("/proc/meminfo", "MemTotal");
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let lines = [
        format!("{processors} processors ({cpu}), {memory}, Linux {}", said(Command::new("uname").arg("-r"))),
        [
            said(Command::new("rustc").arg("--version")),
            said(Command::new("sh").args(["-c", "nginx -v 2>&1"])),
            said(Command::new("/usr/lib/postgresql/15/bin/postgres").arg("--version")),
            said(Command::new("sh").args(["-c", "redis-server --version | cut -d' ' -f1-3"])),
            said(Command::new("sh").args(["-c", "wrk -v 2>&1 | head -1 | cut -d' ' -f1,2"])),
        ]
        .join(", "),
    ];
    lines.map(|line| format!("- {line}\n")).concat()
}

fn first_line(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name)).and_then(|line| line.split_once(':'));
    line.map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
}

/// The first line that a program prints.
fn said(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_run(stamp: &str, lines: BTreeMap<String, String>) -> Table {
        Table { lines, stamp: stamp.to_owned() }
    }

    fn table() -> Table {
        let mut table = of_run("2026-11-21 at 86653ec", BTreeMap::new());
        let (json, memory) = (Reach::ratio(true), Reach::absolute(false));
        let json = Cells { ratio: "1.07 ×".into(), ours: "9".into(), reach: json, ..Cells::of(PRODUCT_JSON) };
        let memory = Cells { ours: "80 MB".into(), reach: memory, ..Cells::of(MEMORY_SAMPLE) };
        table.take(vec![json, memory], 5_812.4);
        table
    }

    /// So that nobody takes the figures of one commit for those of another.
    #[test]
    fn what_was_written_is_read_and_only_what_was_measured_says_so() {
        let first = table();
        let mut again = of_run("2026-11-22 at ea9eb38 with changes", lines_of(&first.to_markdown()));
        assert_eq!(again.lines, first.lines);
        again.take(vec![Cells { ours: "10".into(), ..Cells::of(PRODUCT_JSON) }], 4_000.0);
        let text = again.to_markdown();
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(lines.len(), 2);
        let now = "| 2026-11-22 at ea9eb38 with changes, 4,000 syncs/s |";
        assert!(lines[0].contains("| 10 |") && lines[0].contains(now), "{text}");
        assert_eq!(lines[1], first.lines[MEMORY_SAMPLE]);
        let before = "| 80 MB |  |  | 80 MB | **no** (absolute) | 2026-11-21 at 86653ec, 5,812 syncs/s |";
        assert!(lines[1].contains(before), "{text}");
        assert!(!machine().contains("CloudMart"), "a page is of no one commit");
    }

    #[test]
    fn the_table_itself_changes_nothing_that_is_measured() {
        let root = std::env::temp_dir().join(format!("stamped-{}", std::process::id()));
        fs::create_dir_all(root.join("docs")).unwrap();
        let git = |arguments: &[&str]| {
            let mut git = Command::new("git");
            git.args(["-c", "user.name=A", "-c", "user.email=a@example.com"]).args(arguments).current_dir(&root);
            assert!(git.output().unwrap().status.success(), "{arguments:?}");
        };
        let write = |name: &str, text: &str| fs::write(root.join(name), text).unwrap();
        git(&["init", "--quiet"]);
        write(FILE, "before");
        write("code", "before");
        git(&["add", "."]);
        git(&["commit", "--quiet", "--message", "first"]);
        write(FILE, "after the first row");
        assert!(!stamp(&root).contains("with changes"), "{}", stamp(&root));
        write("code", "after");
        assert!(stamp(&root).ends_with(" with changes"), "{}", stamp(&root));
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn what_people_wrote_around_it_stays() {
        let text = "# Title\n<!-- figures: begin -->\nold\n<!-- figures: end -->\nby hand\n";
        let new = replaced(text, FIGURES, &table().to_markdown()).unwrap();
        assert!(
            new.starts_with("# Title\n") && new.ends_with("<!-- figures: end -->\nby hand\n") && !new.contains("old")
        );
        assert_eq!(replaced(&new, FIGURES, "old\n").unwrap(), text);
        assert!(matches!(replaced("nothing", FIGURES, ""), Err(Error::NoMarkers(FIGURES))));
    }

    #[test]
    fn every_figure_stands_once_in_the_order() {
        let names: std::collections::BTreeSet<&str> = ORDER.iter().map(|(figure, _)| *figure).collect();
        assert_eq!(names.len(), ORDER.len());
    }
}
