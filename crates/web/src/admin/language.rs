//! In which language a member of staff reads: what was chosen, else what the browser prefers.
//! It does not know the shop's own languages; staff may speak another one than shoppers.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use cookie::time::Duration;

use super::answer::{self, Answer};
use super::form::Form;
use super::words::Words;
use super::{Admin, session};

const COOKIE: &str = "admin_locale";
const KEPT: Duration = Duration::days(400);

pub fn of(headers: &HeaderMap) -> &'static Words {
    let chosen = session::cookie_of(headers, COOKIE);
    let preferred = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let mut wanted = chosen.iter().map(String::as_str).chain(preferred.into_iter().flat_map(|list| list.split(',')));
    wanted.find_map(Words::in_language).unwrap_or_else(Words::default_language)
}

pub async fn choose(State(admin): State<Admin>, form: Form) -> Answer {
    let words = Words::in_language(form.value("locale")).unwrap_or_else(Words::default_language);
    let mut response: Response = answer::see_other(&local(form.value("to")));
    let mut cookie = session::cookie(COOKIE, words.lang.to_owned(), admin.secure);
    cookie.set_max_age(KEPT);
    answer::set_cookie(&mut response, &cookie);
    Ok(response)
}

/// A page of staff's, or the first one: nobody is led elsewhere by a link that they were given.
pub fn local(to: &str) -> String {
    let below = to.strip_prefix(super::ROOT);
    let is_below = below.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    let is_plain = to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_below && is_plain && !to.contains("//") { to.to_owned() } else { super::ROOT.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_staff_are_led_to() {
        for good in ["/admin", "/admin/orders?status=pending", "/admin?to=x"] {
            assert_eq!(local(good), good);
        }
        for bad in [
            "",
            "/",
            "//evil.example",
            "/adminx",
            "https://evil.example/admin",
            "/admin\\..",
            "/admin//evil",
            "/admin/\r\nx",
        ] {
            assert_eq!(local(bad), "/admin", "{bad}");
        }
    }

    #[test]
    fn the_browsers_language_counts_until_another_is_chosen() {
        let words = |headers: &[(header::HeaderName, &str)]| {
            let pairs = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
            of(&pairs.collect()).lang
        };
        assert_eq!(words(&[]), "en");
        assert_eq!(words(&[(header::ACCEPT_LANGUAGE, "fr, ko-KR;q=0.9, en;q=0.8")]), "ko");
        assert_eq!(words(&[(header::ACCEPT_LANGUAGE, "ko"), (header::COOKIE, "admin_locale=en")]), "en");
    }
}
