//! Pictures of every page: the main ones on every device, in both lights and both languages, the others by day.
//! It does not know the pages; the table does.

use std::path::Path;

use testkit::browser::bustle;
use testkit::browser::pages::{PAGES, Page, Places, Tour};
use testkit::browser::{Device, Scheme, Visitor};
use testkit::mart::{Mart, Plan};

use crate::Wanted;

const LANGUAGES: [&str; 2] = ["en", "ko"];
/// Enough for lists of several pages to have something on each.
const ORDERS: usize = 36;

pub async fn run(wanted: &Wanted) -> bool {
    std::fs::create_dir_all(&wanted.path).expect("a folder for the pictures");
    let mart = Mart::start(Plan::sample(&wanted.binary)).await;
    let order = bustle::fill(&mart, ORDERS).await;
    let places = Places::of(&mart, Some(&order)).await;
    let mut count = 0;
    for visitor in visitors() {
        let pages: Vec<&Page> =
            PAGES.iter().filter(|page| wanted.has(page.name) && (page.is_main || is_plain(&visitor))).collect();
        if !pages.is_empty() {
            count += walk(Tour::begin(&mart, visitor, places.clone()).await, &pages, &wanted.path).await;
        }
    }
    println!("{count} pictures in {}", wanted.path.display());
    count > 0
}

async fn walk(mut tour: Tour, pages: &[&Page], folder: &Path) -> usize {
    let looks = tour.browser.visitor().name();
    for page in pages {
        tour.visit(page).await;
        let save = |suffix: &str, picture: Vec<u8>| {
            let path = folder.join(format!("{}-{looks}{suffix}.png", page.name));
            std::fs::write(&path, picture).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        };
        save("", tour.browser.picture().await);
        save("-whole", tour.browser.whole_picture().await);
    }
    println!("{looks}: {}", pages.iter().map(|page| page.name).collect::<Vec<_>>().join(" "));
    // What pages complain of is the tests' matter; here only pictures are taken.
    tour.browser.complaints().await;
    pages.len() * 2
}

fn visitors() -> Vec<Visitor> {
    let mut all = Vec::new();
    for language in LANGUAGES {
        for scheme in [Scheme::Light, Scheme::Dark] {
            for device in [Device::Desktop, Device::Phone] {
                all.push(Visitor { device, scheme, language, has_scripts: true });
            }
        }
    }
    all
}

/// As most people would see it.
fn is_plain(visitor: &Visitor) -> bool {
    visitor.scheme == Scheme::Light && visitor.language == LANGUAGES[0]
}
