//! `cloudmart bench` as an operator runs it: against a shop that keeps its word, and against one that does not.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, Response, StatusCode};
use parking_lot::Mutex;
use serde_json::Value;
use testkit::mart::{Mart, Output, Plan, Running, Signal, eventually, run_to_its_end};
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

/// Programs are told that there are no figures, other than that the shop did not keep its word.
fn is_unmeasured(told: &Output) -> bool {
    told.status.code() == Some(2)
}

fn has_lied(told: &Output) -> bool {
    told.status.code() == Some(1)
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
    assert!(is_unmeasured(&told) && told.err.contains("CLOUDMART_ADMIN_TOKEN"), "{told}");
    mart.use_admin_token("a-key-that-this-shop-never-made");
    let told = bench(&mart, &mart.url(""), &[&["checkout"], &BRIEF[..]].concat()).await;
    assert!(is_unmeasured(&told) && told.err.contains("does not accept this staff key"), "{told}");
    mart.use_admin_token(&token.expect("a key"));
    assert_eq!(mart.staff_list("/api/admin/events").await.len(), facts);
}

#[tokio::test]
async fn a_day_at_a_rate_is_measured_into_a_file() {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let file = mart.beside("figures.json");
    let json = format!("--json={}", file.display());
    let arguments = ["mixed", "--rate", "40", "--connections", "4", "--duration", "3s", "--no-doctor", &json];
    let told = bench(&mart, &mart.url(""), &arguments).await;
    assert!(told.out.contains("product page"), "{told}{}", mart.log());
    let report: Value = serde_json::from_slice(&std::fs::read(file).expect("the file")).expect("JSON");
    assert_eq!(report["press"]["per_second"], 40.0);
    // A machine that is busy otherwise need not keep up; then that is what must be told.
    let is_good = report["verdict"]["is_good"].as_bool().expect("a verdict");
    assert_eq!(told.status.code(), Some(if is_good { 0 } else { 1 }), "{told}");
    let is_told = |name| !check(&report, name)["problems"].as_array().expect("problems").is_empty();
    assert!(is_good || is_told("answers") || is_told("an answer for each request"), "{report}");
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
        (&["browse", "--json", "figures.json"], "figures.json"),
        (&["browse", "--also", &url], "are the same node"),
        (&["browse", "--also", &url.replace("127.0.0.1", "localhost")], "are the same node"),
        (&["browse", "--also", "http://127.0.0.1:1", "--also", "http://127.0.0.1:1/"], "no shop answers at"),
    ] {
        let told = bench(&mart, &url, arguments).await;
        assert!(is_unmeasured(&told) && told.err.contains(wanted), "{wanted}: {told}");
    }
    let told = mart.command(&["bench", "browse", "--url", "http://127.0.0.1:1"]).await;
    assert!(is_unmeasured(&told) && told.err.contains("no shop answers at"), "{told}");
}

#[tokio::test]
async fn figures_that_could_not_be_written_are_not_measured() {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let json = format!("--json={}", mart.beside("no-such-folder/figures.json").display());
    let told = bench(&mart, &mart.url(""), &[&["checkout", &json], &BRIEF[..]].concat()).await;
    assert!(is_unmeasured(&told) && told.err.contains("figures.json cannot be written"), "{told}");
    assert!(mart.staff_list("/api/admin/orders").await.is_empty(), "before anything is ordered");
    let file = mart.beside("figures.json");
    let nobody = ["bench", "browse", "--url", "http://127.0.0.1:1", &format!("--json={}", file.display())];
    let told = mart.command(&nobody).await;
    assert!(is_unmeasured(&told) && !file.exists(), "{told}");
}

#[tokio::test]
async fn figures_that_nobody_could_be_told_are_not_measured() {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    for json in [&["--json"][..], &[]] {
        let mut full = Command::new("sh");
        full.args(["-c", "exec \"$0\" \"$@\" >/dev/full", CLOUDMART, "bench", "browse", "--url", &mart.url("")]);
        full.args(BRIEF).args(json);
        let told = run_to_its_end(full, LIMIT).await;
        assert!(is_unmeasured(&told) && told.err.contains("standard output cannot be written"), "{told}");
    }
}

#[tokio::test]
async fn who_is_limited_is_told_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("limited.toml");
    let limits = "[http]\nrate_limit_per_minute = 4\nrate_limit_on_loopback = true\n";
    std::fs::write(&settings, limits).expect("settings");
    let plan = Plan::empty(CLOUDMART).alone().argument("--config").argument(settings.to_string_lossy());
    let mart = Mart::start(plan).await;
    while mart.get("/api/shop").send().await.status != 429 {}
    let told = bench(&mart, &mart.url(""), &["browse"]).await;
    assert!(is_unmeasured(&told) && told.err.contains("limits how often one address may ask"), "{told}");
    assert!(told.err.contains("http.rate_limit_per_minute"), "{told}");
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
    assert!(is_unmeasured(&told) && told.err.contains("told to stop before the end"), "{told}");
    let products = mart.staff_list("/api/admin/products").await;
    let mut own =
        products.iter().filter(|product| product["slug"].as_str().is_some_and(|slug| slug.starts_with("bench-")));
    assert!(own.all(|product| product["status"] == "archived"), "{products:?}");
}

#[tokio::test]
async fn what_somebody_else_buys_meanwhile_is_not_held_against_the_shop() {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let arguments = ["checkout", "--skus", "1", "--concurrency", "2", "--duration", "8s", "--warm-up", "0", "--json"];
    let load = begun(&mart, &arguments).await;
    assert!(load.said().contains("1 SKU with 100,000,000 pieces;"), "{}", load.said());
    let products = mart.staff_list("/api/admin/products").await;
    let mut slugs = products.iter().filter_map(|product| product["slug"].as_str());
    let run = slugs.find_map(|slug| slug.strip_prefix("bench-")).expect("the load's own product");
    mart.buy(&format!("BENCH-{run}-00"), 2).await;
    let told = load.to_its_end(LIMIT).await;
    assert!(told.status.success(), "{told}");
    let report = json(&told);
    let sold = &check(&report, "accepted = stock sold")["looked_at"];
    assert!(sold.as_str().is_some_and(|sold| sold.ends_with(", 2 ordered by others")), "{sold}");
    let notes = report["verdict"]["notes"].to_string();
    assert!(notes.contains("1 order was not this load's own; 2 pieces were ordered by somebody else"), "{notes}");
}

/// It may have done all that it said; nobody can tell any more.
#[tokio::test]
async fn a_shop_that_dies_is_not_judged_and_told_with_what_it_did_before() {
    for scenario in ["checkout", "mixed"] {
        let mut mart = Mart::start(Plan::sample(CLOUDMART)).await;
        let load =
            begun(&mart, &[scenario, "--concurrency", "4", "--duration", "8s", "--warm-up", "0", "--json"]).await;
        mart.kill9();
        let told = load.to_its_end(LIMIT).await;
        assert!(is_unmeasured(&told), "{told}");
        assert!(told.err.contains("Whether the shop kept its word is not known."), "{told}");
        let report = json(&told);
        assert_eq!(report["verdict"]["is_good"], Value::Null, "{report}");
        assert!(report["kinds"]["order"]["statuses"]["201"].as_u64() > Some(0), "{report}");
        let problems = |name| check(&report, name)["problems"].to_string();
        assert!(problems("the shop's books").contains("no shop answers at"), "{report}");
        let is_looked_at = scenario == "mixed";
        assert_eq!(problems("an answer for each request").contains("no shop answers at"), is_looked_at, "{report}");
    }
}

/// What a proxy in front of a shop makes of the shop's answers.
enum Lie {
    /// Who is told "sold out" by the shop hears instead what another buyer was told.
    Promises(Mutex<Option<Bytes>>),
    /// Its doctor is not to be spoken to.
    NoDoctor,
    /// As right after a start: so many times it is not ready.
    NotReadyYet(AtomicU32),
    /// So many times it does not know a cart that is there: as a node that hears of it late, or never, as another shop.
    NoCartYet(AtomicU32),
}

struct Liar {
    shop: String,
    client: reqwest::Client,
    lie: Lie,
}

impl Liar {
    fn makes_of(&self, asked: (&Method, &str), status: StatusCode, body: Bytes) -> (StatusCode, Bytes) {
        match (&self.lie, asked) {
            (Lie::Promises(last_order), (&Method::POST, "/api/orders")) => {
                let mut last = last_order.lock();
                match (status, &*last) {
                    (StatusCode::CONFLICT, Some(order)) => return (StatusCode::CREATED, order.clone()),
                    (StatusCode::CREATED, _) => *last = Some(body.clone()),
                    _ => {}
                }
                (status, body)
            }
            (Lie::NoDoctor, (_, "/api/admin/doctor")) => (StatusCode::NOT_FOUND, Bytes::from_static(b"{}")),
            (Lie::NotReadyYet(left), (_, "/health/ready")) if is_left(left) => {
                (StatusCode::SERVICE_UNAVAILABLE, Bytes::from_static(br#"{"missing":["its goods"]}"#))
            }
            (Lie::NoCartYet(left), (&Method::GET, path)) if path.starts_with("/api/carts/") && is_left(left) => {
                (StatusCode::NOT_FOUND, Bytes::from_static(b"{}"))
            }
            _ => (status, body),
        }
    }
}

/// Takes one of what is left.
fn is_left(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

/// The address of a proxy that lies.
async fn behind_a_liar(mart: &Mart, lie: Lie) -> String {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let liar = Arc::new(Liar { shop: mart.url(""), client, lie });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its number"));
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(pass_on).with_state(liar)).await });
    url
}

async fn pass_on(State(liar): State<Arc<Liar>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.expect("a body");
    let asked = (parts.method.clone(), parts.uri.path().to_owned());
    let mut headers = parts.headers;
    headers.remove("host");
    let sent = liar.client.request(parts.method, format!("{}{}", liar.shop, parts.uri)).headers(headers).body(body);
    let answer = sent.send().await.expect("the shop answers");
    let (status, etag) = (answer.status(), answer.headers().get("etag").cloned());
    let bytes = answer.bytes().await.expect("a whole answer");
    let (status, bytes) = liar.makes_of((&asked.0, &asked.1), status, bytes);
    let mut told = Response::builder().status(status);
    if let Some(etag) = etag {
        told = told.header("etag", etag);
    }
    told.body(Body::from(bytes)).expect("an answer")
}

#[tokio::test]
async fn a_shop_that_promises_what_it_does_not_have_is_found_out() {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let url = behind_a_liar(&mart, Lie::Promises(Mutex::default())).await;
    let arguments =
        ["flash-sale", "--stock", "5", "--concurrency", "4", "--duration", "2s", "--warm-up", "0", "--json"];
    let told = bench(&mart, &url, &arguments).await;
    assert!(has_lied(&told), "it must say so to programs: {told}");
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

#[tokio::test]
async fn figures_are_told_also_where_the_shops_doctor_is_not_to_be_spoken_to() {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let url = behind_a_liar(&mart, Lie::NoDoctor).await;
    let told = bench(&mart, &url, &[&["checkout", "--json"], &BRIEF[..]].concat()).await;
    assert!(is_unmeasured(&told), "{told}");
    let report = json(&told);
    assert_eq!(report["verdict"]["is_good"], Value::Null, "{report}");
    assert!(report["kinds"]["order"]["statuses"]["201"].as_u64() > Some(0), "{report}");
    assert!(check(&report, "no order without payment")["problems"].as_array().is_some_and(Vec::is_empty), "{report}");
    let problem = check(&report, "the shop's doctor")["problems"][0].as_str().unwrap_or_default();
    assert!(problem.contains("404"), "{problem}");
}

#[tokio::test]
async fn a_shop_that_was_just_started_is_waited_for() {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    for command in [&["doctor"][..], &[&["bench", "browse"], &BRIEF[..]].concat()] {
        let url = behind_a_liar(&mart, Lie::NotReadyYet(AtomicU32::new(3))).await;
        let told = mart.command(&[command, &["--url", &url]].concat()).await;
        assert!(told.status.success(), "{told}");
        assert!(told.err.contains("not ready yet (its goods); waiting up to 30 s"), "{told}");
    }
}

#[tokio::test]
async fn a_node_may_hear_of_a_cart_late_and_another_shop_never_does() {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let another = behind_a_liar(&mart, Lie::NoCartYet(AtomicU32::new(u32::MAX))).await;
    let told = bench(&mart, &mart.url(""), &[&["checkout", "--also", &another], &BRIEF[..]].concat()).await;
    assert!(is_unmeasured(&told) && told.err.contains("are two different shops"), "{told}");
    assert!(mart.staff_list("/api/admin/orders").await.is_empty(), "before anything is ordered");
    let late = behind_a_liar(&mart, Lie::NoCartYet(AtomicU32::new(3))).await;
    let told = bench(&mart, &mart.url(""), &[&["browse", "--also", &late], &BRIEF[..]].concat()).await;
    assert!(told.status.success() && told.out.contains(&late), "{told}");
}
