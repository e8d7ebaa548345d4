//! `cloudmart bench` as an operator runs it: against a shop that keeps its word, and against one that does not.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, Response};
use parking_lot::Mutex;
use serde_json::Value;
use testkit::mart::{Mart, Output, Plan, Running, Signal, eventually};
use tokio::net::TcpListener;

use crate::CLOUDMART;

/// Each with so little load that a busy machine has time for it.
const BRIEF: [&str; 6] = ["--concurrency", "4", "--duration", "1s", "--warm-up", "0.2"];

async fn bench(mart: &Mart, url: &str, arguments: &[&str]) -> Output {
    mart.command(&[&["bench"], arguments, &["--url", url]].concat()).await
}

fn json(told: &Output) -> Value {
    serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("no JSON ({error}): {told}"))
}

fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let checks = report["verdict"]["checks"].as_array().expect("checks");
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no check {name}: {report}"))
}

#[tokio::test]
async fn a_flash_sale_is_measured_and_found_honest() {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let arguments =
        ["flash-sale", "--stock", "8", "--concurrency", "4", "--duration", "2s", "--warm-up", "0.1", "--json"];
    let told = bench(&mart, &mart.url(""), &arguments).await;
    assert!(told.status.success(), "{told}{}", mart.log());
    assert!(told.err.contains("The shop kept its word."), "the table goes to where the JSON does not: {told}");

    let report = json(&told);
    assert_eq!((&report["scenario"], &report["verdict"]["is_good"]), (&"flash-sale".into(), &true.into()));
    assert_eq!(check(&report, "accepted = stock sold")["looked_at"], "8 accepted, 8 sold");
    assert!(report["verdict"]["checks"].as_array().expect("checks").len() > 6, "the shop's doctor was asked: {report}");
    let order = &report["kinds"]["order"];
    assert!(order["answered"].as_u64() > Some(8) && order["statuses"]["409"].as_u64() > Some(0), "{order}");
    for quantile in ["p50", "p90", "p99", "p999", "max"] {
        assert!(order["latency_ms"][quantile].as_f64() > Some(0.0), "{quantile} of {order}");
    }
    assert!(report["cpu"]["generator"].as_f64() < report["cpu"]["shop"].as_f64(), "it costs little: {}", report["cpu"]);

    // What it made is put away; the orders stay.
    assert_eq!(mart.staff_list("/api/admin/orders?status=confirmed").await.len(), 8);
    let mut products = mart.staff_list("/api/admin/products?status=archived").await;
    products.retain(|product| product["slug"].as_str().is_some_and(|slug| slug.starts_with("bench-")));
    assert_eq!(products.len(), 1);
}

#[tokio::test]
async fn looking_around_needs_no_key_and_makes_nothing() {
    let mut mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let facts = mart.staff_list("/api/admin/events").await.len();
    let token = mart.admin_token().map(ToOwned::to_owned);
    mart.forget_admin_token();
    for scenario in ["browse", "search", "carts"] {
        let told = bench(&mart, &mart.url(""), &[&[scenario], &BRIEF[..]].concat()).await;
        assert!(told.status.success() && told.out.contains("The shop kept its word."), "{scenario}: {told}");
    }
    let told = bench(&mart, &mart.url(""), &[&["checkout"], &BRIEF[..]].concat()).await;
    assert!(!told.status.success() && told.err.contains("CLOUDMART_ADMIN_TOKEN"), "{told}");
    mart.use_admin_token(&token.expect("a key"));
    assert_eq!(mart.staff_list("/api/admin/events").await.len(), facts);
}

#[tokio::test]
async fn a_day_at_a_rate_is_measured_into_a_file() {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let file = mart.beside("figures.json");
    let path = file.to_string_lossy().into_owned();
    let arguments = ["mixed", "--rate", "40", "--connections", "4", "--duration", "3s", "--no-doctor", "--json", &path];
    let told = bench(&mart, &mart.url(""), &arguments).await;
    assert!(told.status.success() && told.out.contains("product page"), "{told}{}", mart.log());
    let report: Value = serde_json::from_slice(&std::fs::read(file).expect("the file")).expect("JSON");
    assert_eq!(report["press"]["per_second"], 40.0);
    let answered = report["all"]["answered"].as_u64().expect("a count");
    assert_eq!(answered + report["unsent"].as_u64().expect("a count"), 120, "{report}");
}

#[tokio::test]
async fn who_asks_wrongly_is_told() {
    let mart = Mart::open(CLOUDMART).await;
    let url = mart.url("");
    for (arguments, wanted) in [
        (&["browse", "--rate", "0"][..], "--rate must be above 0"),
        (&["browse", "--duration", "0"], "--duration must be above 0"),
        (&["browse"], "has nothing to look at"),
        (&["dance"], "possible values"),
    ] {
        let told = bench(&mart, &url, arguments).await;
        assert!(!told.status.success() && told.err.contains(wanted), "{wanted}: {told}");
    }
    let told = mart.command(&["bench", "browse", "--url", "http://127.0.0.1:1"]).await;
    assert!(!told.status.success() && told.err.contains("no shop answers at"), "{told}");
}

const LIMIT: Duration = Duration::from_secs(120);

/// A load under way that has sold something.
async fn begun(mart: &Mart, arguments: &[&str]) -> Running {
    let load = mart.command_begun(&[&["bench"], arguments, &["--no-doctor", "--url", &mart.url("")]].concat());
    let has_sold = async || (mart.staff_list("/api/admin/orders?status=confirmed").await.len() >= 5).then_some(());
    eventually("the load places orders", Duration::from_secs(60), has_sold).await;
    load
}

#[tokio::test]
async fn who_breaks_it_off_leaves_nothing_on_sale() {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let load = begun(&mart, &["checkout", "--concurrency", "4", "--duration", "10m"]).await;
    load.signal(Signal::Interrupt);
    let told = load.to_its_end(LIMIT).await;
    assert!(!told.status.success() && told.err.contains("told to stop before the end"), "{told}");
    let products = mart.staff_list("/api/admin/products").await;
    let mut own =
        products.iter().filter(|product| product["slug"].as_str().is_some_and(|slug| slug.starts_with("bench-")));
    assert!(own.all(|product| product["status"] == "archived"), "{products:?}");
}

#[tokio::test]
async fn a_shop_that_dies_is_told_with_what_it_did_before() {
    let mut mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let load = begun(&mart, &["checkout", "--concurrency", "4", "--duration", "5s", "--warm-up", "0", "--json"]).await;
    mart.kill9();
    let told = load.to_its_end(LIMIT).await;
    assert!(!told.status.success(), "{told}");
    let report = json(&told);
    assert_eq!(report["verdict"]["is_good"], false, "{report}");
    assert!(report["kinds"]["order"]["statuses"]["201"].as_u64() > Some(0), "{report}");
    assert!(
        !check(&report, "an answer for each order")["problems"].as_array().expect("problems").is_empty(),
        "{report}"
    );
    assert!(!check(&report, "the shop's books")["problems"].as_array().expect("problems").is_empty(), "{report}");
}

/// A proxy that lies: who is told "sold out" by the shop hears instead what another buyer was told.
struct Liar {
    shop: String,
    client: reqwest::Client,
    last_order: Mutex<Option<Bytes>>,
}

async fn lie(State(liar): State<Arc<Liar>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.expect("a body");
    let is_order = parts.method == Method::POST && parts.uri.path() == "/api/orders";
    let mut headers = parts.headers;
    headers.remove("host");
    let asked = liar.client.request(parts.method, format!("{}{}", liar.shop, parts.uri)).headers(headers).body(body);
    let answer = asked.send().await.expect("the shop answers");
    let (status, etag) = (answer.status(), answer.headers().get("etag").cloned());
    let bytes = answer.bytes().await.expect("a whole answer");
    let mut last = liar.last_order.lock();
    let (status, bytes) = match (is_order, status.as_u16(), &*last) {
        (true, 409, Some(order)) => (reqwest::StatusCode::CREATED, order.clone()),
        (true, 201, _) => {
            *last = Some(bytes.clone());
            (status, bytes)
        }
        _ => (status, bytes),
    };
    let mut told = Response::builder().status(status);
    if let Some(etag) = etag {
        told = told.header("etag", etag);
    }
    told.body(Body::from(bytes)).expect("an answer")
}

#[tokio::test]
async fn a_shop_that_promises_what_it_does_not_have_is_found_out() {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let liar = Arc::new(Liar { shop: mart.url(""), client, last_order: Mutex::default() });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its number"));
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(lie).with_state(liar)).await });

    let arguments =
        ["flash-sale", "--stock", "5", "--concurrency", "4", "--duration", "2s", "--warm-up", "0", "--json"];
    let told = bench(&mart, &url, &arguments).await;
    assert!(!told.status.success(), "it must say so to programs: {told}");
    assert!(told.err.contains("did NOT keep its word"), "and to people: {told}");
    let report = json(&told);
    assert_eq!(report["verdict"]["is_good"], false);
    for (name, wanted) in
        [("an order for each buyer", "were told of the same order"), ("accepted = stock sold", "5 pieces were sold")]
    {
        let problem = check(&report, name)["problems"][0].as_str().unwrap_or_default();
        assert!(problem.contains(wanted), "{name}: {problem}");
    }
    assert!(
        check(&report, "nothing oversold")["problems"].as_array().is_some_and(Vec::is_empty),
        "the shop itself is honest"
    );
}
