//! Product JSON and product page beside nginx, which serves the same bytes from a file.
//! It does not look at what the bytes are.

use super::nginx::Nginx;
use super::reach::Reach;
use super::run::{Run, medians};
use super::table::{Cells, PRODUCT_JSON, PRODUCT_PAGE};
use super::{Bench, Error, shop, text, wrk};

/// A product of the sample shop with several variants.
const SLUG: &str = "sejak-green-tea";
/// At least so much of what nginx does.
const JSON_REACH: f64 = 0.9;
const PAGE_REACH: f64 = 0.7;

pub fn measure(bench: &Bench) -> Result<Vec<Cells>, Error> {
    let folder = shop::copy(bench, &shop::sample(bench)?, "reads")?;
    let server = shop::start(bench, &folder)?;
    let paths = [format!("/api/products/{SLUG}"), format!("/p/{SLUG}")];
    let [json, page] = [&paths[0], &paths[1]].map(|path| shop::body_of(server.address, path));
    let (json, page) = (json?, page?);
    let files: [(&str, &str, &[u8]); 2] =
        [("product.json", "application/json", &json), ("product.html", "text/html; charset=utf-8", &page)];
    let nginx = Nginx::start(bench, &files)?;
    let mut runs: [[Vec<Run>; 2]; 2] = Default::default();
    for _ in 0..bench.runs {
        for (at, (path, (name, ..))) in paths.iter().zip(&files).enumerate() {
            runs[at][0].push(wrk::run(bench, &format!("http://{}{path}", server.address), &folder)?);
            runs[at][1].push(wrk::run(bench, &nginx.url(name), &folder)?);
        }
    }
    drop(nginx);
    server.stop()?;
    let [json_runs, page_runs] = runs;
    Ok(vec![
        beside(PRODUCT_JSON, &json_runs, JSON_REACH, json.len()),
        beside(PRODUCT_PAGE, &page_runs, PAGE_REACH, page.len()),
    ])
}

fn beside(figure: &'static str, [ours, theirs]: &[Vec<Run>; 2], reach: f64, bytes: usize) -> Cells {
    let (ours, theirs) = (medians(ours), medians(theirs));
    Cells {
        ratio: text::ratio(ours.per_second, theirs.per_second),
        beside: format!("nginx {}, p99 {}", text::whole(theirs.per_second), text::ms(theirs.p99_ms)),
        reach: Reach::ratio(ours.per_second >= reach * theirs.per_second),
        note: format!("{bytes} bytes; wrk used {:.2} processors", ours.generator),
        ..Cells::of_run(figure, ours)
    }
}
