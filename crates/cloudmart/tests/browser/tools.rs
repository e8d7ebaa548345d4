//! That the tools see what they are there to see: a test that cannot fail proves nothing.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use testkit::browser::{Browser, Key, Kind, PATIENCE, Visitor};
use testkit::mart::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Serves the same page for every path, with a strict policy.
async fn serve(body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its number");
    let page = Arc::new(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\
         Content-Security-Policy: default-src 'none'; form-action 'self'; img-src data:\r\n\r\n{body}",
        body.len()
    ));
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let page = page.clone();
            tokio::spawn(async move {
                let mut asked = [0_u8; 4_096];
                if connection.read(&mut asked).await.is_ok() {
                    connection.write_all(page.as_bytes()).await.ok();
                }
            });
        }
    });
    format!("http://{address}")
}

/// What a page complains of.
async fn complaints(body: &'static str) -> String {
    let browser = Browser::open_at(serve(body).await, Visitor::at_desk()).await;
    browser.visit("/").await;
    browser.complaints().await.join("\n")
}

#[tokio::test]
async fn what_the_policy_forbids_is_a_complaint() {
    let told = complaints("<!doctype html><title>t</title><p style='color:red'>red</p>").await;
    assert!(told.contains("Content Security Policy"), "{told}");
}

#[tokio::test]
async fn what_is_not_there_is_a_complaint() {
    let told =
        complaints("<!doctype html><title>t</title><img alt='' src='data:image/png;base64,'><img alt='' src='/x'>")
            .await;
    assert!(told.contains("Content Security Policy") || told.contains("Failed to load"), "{told}");
}

#[tokio::test]
async fn axe_sees_and_widths_are_measured() {
    let page = "<!doctype html><html><head><title>t</title></head><body><main><h1>h</h1>\
        <form><input name=q><button>Go</button></form><pre>xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
        xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
        xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx</pre>";
    let base = serve(page).await;
    let browser = Browser::open_at(base, Visitor::at_desk()).await;
    browser.visit("/").await;
    let found = browser.violations().await.join("\n");
    assert!(found.contains("html-has-lang") && found.contains("label (critical)"), "{found}");
    let wider = browser.wider().await.join("\n");
    assert!(wider.contains("<pre>"), "{wider}");
    browser.close().await;
}

/// What stands in `noscript` is shown, what scripts do is not done, and forms are sent.
#[tokio::test]
async fn a_visitor_without_scripts_has_none() {
    let base = serve(
        "<!doctype html><html lang=en><title>plain</title><form action='/sent'><label>Name <input name=q></label>\
         <button>Send</button></form><noscript>no scripts here</noscript>",
    )
    .await;
    let browser = Browser::open_at(base, Visitor::at_desk().on_phone().without_scripts()).await;
    browser.visit("/").await;
    browser.reads("no scripts here").await;
    browser.fill("Name", "Ada").await;
    assert_eq!(browser.value("Name").await, "Ada");
    browser.press_a(Kind::Button, "Send").await;
    browser.arrives("^/sent$").await;
    assert_eq!(browser.path().await, "/sent?q=Ada");
    browser.close().await;
}

/// A form can be filled in and sent by someone who has no mouse.
#[tokio::test]
async fn the_keyboard_alone_is_enough() {
    let base = serve(
        "<!doctype html><html lang=en><title>keys</title><a href='/else'>Elsewhere</a><form action='/sent'>\
         <label>Name <input name=q></label><button>Send</button></form>",
    )
    .await;
    let browser = Browser::open_at(base, Visitor::at_desk()).await;
    browser.visit("/").await;
    assert_eq!(browser.tab_to("Name").await.tag, "input");
    browser.keys("Ada").await;
    browser.tab_to("Send").await;
    browser.key(Key::Enter).await;
    browser.arrives("^/sent$").await;
    assert_eq!(browser.path().await, "/sent?q=Ada");
    browser.close().await;
}

/// Nothing is left behind when a test fails.
#[tokio::test]
async fn a_browser_ends_with_its_test() {
    let process = std::cell::Cell::new(None);
    let failing = AssertUnwindSafe(async {
        let browser = Browser::open_at("http://127.0.0.1:9".to_owned(), Visitor::at_desk()).await;
        process.set(browser.process());
        panic!("as a test may");
    });
    failing.catch_unwind().await.expect_err("it fails");
    let id = process.get().expect("chromium told its process");
    // What has ended and was not yet waited for has no command line any more.
    let line = format!("/proc/{id}/cmdline");
    eventually("chromium has ended", PATIENCE, async || {
        std::fs::read(&line).map_or(true, |line| line.is_empty()).then_some(())
    })
    .await;
}
