//! As much of a browser as forms and cookies need.
//! It does not know the shop.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, header};
use platform::http::Site;

/// Remembers cookies by name and path.
pub struct Browser {
    site: Site,
    pub cookies: BTreeMap<(String, String), String>,
    /// Sent with every request.
    pub headers: Vec<(&'static str, String)>,
    pub address: SocketAddr,
}

/// What came back.
pub struct Page {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Page {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub fn location(&self) -> &str {
        self.header("location")
    }

    /// The value of the field with this name.
    pub fn field(&self, name: &str) -> &str {
        let at = self.text.find(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("no field {name}"));
        let rest = &self.text[at..self.text[at..].find('>').map_or(self.text.len(), |end| at + end)];
        let value = rest.split_once("value=\"").unwrap_or_else(|| panic!("no value in {rest}")).1;
        value.split('"').next().unwrap()
    }

    #[track_caller]
    pub fn shows(&self, text: &str) {
        assert!(self.text.contains(text), "{text} is not in\n{}", self.text);
    }

    #[track_caller]
    pub fn hides(&self, text: &str) {
        assert!(!self.text.contains(text), "{text} is in\n{}", self.text);
    }
}

impl Browser {
    pub fn new(site: Site) -> Self {
        let address = SocketAddr::from(([203, 0, 113, 7], 5_000));
        Self { site, cookies: BTreeMap::new(), headers: Vec::new(), address }
    }

    /// Another window of the same browser.
    pub fn tab(&self) -> Browser {
        let (site, cookies) = (self.site.clone(), self.cookies.clone());
        Browser { site, cookies, headers: self.headers.clone(), address: self.address }
    }

    pub async fn get(&mut self, path: &str) -> Page {
        self.send(Request::get(path), path, Body::empty()).await
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin");
        self.send(request, path, Body::from(body)).await
    }

    /// Sends a form and goes where it leads.
    pub async fn follow(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let sent = self.post(path, fields).await;
        assert_eq!(sent.status, 303, "{}", sent.text);
        let to = sent.location().to_owned();
        self.get(&to).await
    }

    async fn send(&mut self, mut request: axum::http::request::Builder, path: &str, body: Body) -> Page {
        let path = path.split('?').next().unwrap();
        let covers = |of: &str| path == of || of == "/" || path.starts_with(&format!("{of}/"));
        let own = self.cookies.iter().filter(|((_, of), _)| covers(of));
        let line: Vec<String> = own.map(|((name, _), value)| format!("{name}={value}")).collect();
        if !line.is_empty() {
            request = request.header(header::COOKIE, line.join("; "));
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.header(header::HOST, "shop.test").header(header::ACCEPT, "text/html");
        let request = request.extension(ConnectInfo(self.address)).body(body).unwrap();
        let response = self.site.answer(request).await;
        let (parts, body) = response.into_parts();
        for line in parts.headers.get_all(header::SET_COOKIE) {
            self.remember(line.to_str().unwrap());
        }
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Page { status: parts.status.as_u16(), headers: parts.headers, text }
    }

    fn remember(&mut self, line: &str) {
        let mut parts = line.split("; ");
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let path = parts.find_map(|part| part.strip_prefix("Path=")).unwrap();
        self.cookies.insert((name.to_owned(), path.to_owned()), value.to_owned());
    }
}
