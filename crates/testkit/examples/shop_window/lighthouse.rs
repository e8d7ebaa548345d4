//! The pages that must be fast and findable, the points that they must reach, and the table that tells.
//! It does not know how Lighthouse counts.

use std::collections::BTreeMap;

use testkit::browser::Visitor;
use testkit::browser::lighthouse::{Report, look};
use testkit::browser::pages::{PAGES, Places, Tour};
use testkit::mart::{Mart, Plan};

use crate::Wanted;

/// Medians are of this many looks.
const LOOKS: usize = 3;
const LEAST_POINTS: u32 = 95;
/// HTML, CSS and JavaScript of a first view, compressed.
const MOST_BYTES: u64 = 60_000;
const FOUND: &[&str] = &["performance", "accessibility", "best-practices", "seo"];
/// Nobody should find a checkout by searching.
const NOT_FOUND: &[&str] = &["performance", "accessibility", "best-practices"];
const TARGETS: &[(&str, &[&str])] = &[("home", FOUND), ("product", FOUND), ("checkout", NOT_FOUND)];

/// Whether every page that is wanted reaches its points.
pub async fn run(wanted: &Wanted) -> bool {
    let mart = Mart::start(Plan::sample(&wanted.binary)).await;
    let places = Places::of(&mart, None).await;
    let mut is_fine = true;
    for (name, categories) in TARGETS.iter().filter(|(name, _)| wanted.has(name)) {
        let Some(page) = PAGES.iter().find(|page| page.name == *name) else {
            println!("{name}: there is no such page");
            is_fine = false;
            continue;
        };
        let mut tour = Tour::begin(&mart, Visitor::at_desk().on_phone(), places.clone()).await;
        tour.visit(page).await;
        let (path, cookies) = (tour.browser.path().await, tour.browser.cookies().await);
        // What pages complain of is the tests' matter, and Lighthouse tells it, too.
        tour.browser.complaints().await;
        let mut reports = Vec::new();
        for _ in 0..LOOKS {
            reports.push(look(&wanted.path, &mart.url(&path), &cookies, categories).await);
        }
        is_fine &= tell(name, &reports);
    }
    is_fine
}

fn tell(name: &str, reports: &[Report]) -> bool {
    let mut all: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for (category, points) in reports.iter().flat_map(|report| &report.scores) {
        all.entry(category).or_default().push(*points);
    }
    let medians: Vec<(&str, u32)> = all.into_iter().map(|(category, points)| (category, median(points))).collect();
    let bytes = reports.iter().map(|report| report.first_view_bytes).max().unwrap_or_default();
    let told: Vec<String> = medians.iter().map(|(category, points)| format!("{category} {points}")).collect();
    println!("{name:10} {}   first view {bytes} bytes", told.join("   "));
    let mut losses: Vec<&String> = reports.iter().flat_map(|report| &report.losses).collect();
    losses.sort();
    losses.dedup_by_key(|loss| loss.split(" (").next().map(ToOwned::to_owned));
    for loss in losses {
        println!("           - {loss}");
    }
    let others: Vec<&String> = reports.iter().flat_map(|report| &report.third_parties).collect();
    if !others.is_empty() {
        println!("           - asked others: {others:?}");
    }
    let too_few = medians.iter().any(|(_, points)| *points < LEAST_POINTS) || medians.is_empty();
    if too_few || bytes > MOST_BYTES {
        println!("           below {LEAST_POINTS} points, or above {MOST_BYTES} bytes");
    }
    !too_few && bytes <= MOST_BYTES && others.is_empty()
}

fn median(mut points: Vec<u32>) -> u32 {
    points.sort_unstable();
    points[points.len() / 2]
}
