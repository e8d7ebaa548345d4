//! Who counts as somebody in the shop: whoever is shown one of its pages and does not say that they are a program.
//! It does not keep anything of them but a mark, and that for five minutes.

use axum::http::{Method, StatusCode, header};
use platform::http::Given;

use super::Presence;

/// What is not for people who buy: pages of staff and of developers, and what stands on a page.
const OTHER_PAGES: [&str; 5] = ["/admin", "/docs", "/api", "/assets", "/media"];
/// As programs that look at everything call themselves.
const PROGRAMS: [&[u8]; 6] = [b"bot", b"crawl", b"spider", b"slurp", b"lighthouse", b"preview"];

impl Presence {
    /// Counts whoever was given this answer, if it is a page and they are people. At once, for each answer.
    pub fn saw(&self, given: &Given<'_>) {
        if is_page(given) {
            let agent = given.agent.as_bytes();
            let mark = self.marker.mark(given.client, agent);
            self.known.came(mark, || !is_program(agent));
        }
    }
}

fn is_page(given: &Given<'_>) -> bool {
    let is_shown = matches!(given.answer.status(), StatusCode::OK | StatusCode::NOT_MODIFIED);
    let kind = given.answer.headers().get(header::CONTENT_TYPE);
    // What the browser has already is not said again.
    let is_html = kind
        .map_or(given.answer.status() == StatusCode::NOT_MODIFIED, |kind| kind.as_bytes().starts_with(b"text/html"));
    let path = given.uri.path();
    let is_elsewhere = OTHER_PAGES.iter().any(|page| path.strip_prefix(page).is_some_and(is_end));
    given.method == Method::GET && is_shown && is_html && !is_elsewhere
}

fn is_end(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

fn is_program(agent: &[u8]) -> bool {
    let calls_itself = |name: &&[u8]| agent.windows(name.len()).any(|part| part.eq_ignore_ascii_case(name));
    PROGRAMS.iter().any(calls_itself)
}
