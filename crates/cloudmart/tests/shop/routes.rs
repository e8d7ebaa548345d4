//! Every route answers as the OpenAPI document says, at least to those who have no key.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::mart::{Answer, Mart, Plan};

use crate::CLOUDMART;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// An operation of the document.
struct Operation {
    method: Method,
    path: String,
    described: Value,
}

impl Operation {
    /// The path with something in its places that is not there.
    fn nowhere(&self) -> String {
        let mut path = String::new();
        for piece in self.path.split('/').skip(1) {
            path.push('/');
            path.push_str(if piece.starts_with('{') { "nothing-of-that-name" } else { piece });
        }
        path
    }

    fn is_staffs(&self) -> bool {
        self.path.starts_with("/api/admin/")
    }

    fn is_documented(&self, status: u16) -> bool {
        let status = status.to_string();
        let class = format!("{}XX", &status[..1]);
        [status.as_str(), class.as_str(), "default"].iter().any(|code| !self.described["responses"][*code].is_null())
    }
}

async fn operations(mart: &Mart) -> (Answer, Vec<Operation>) {
    let document = mart.get("/openapi.json").send().await.expect(200);
    assert!(document.body["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{document}");
    let mut operations = Vec::new();
    for (path, item) in document.body["paths"].as_object().expect("paths") {
        for method in METHODS {
            let described = item[method].clone();
            if described.is_object() {
                let method = method.to_uppercase().parse().expect("a method");
                operations.push(Operation { method, path: path.clone(), described });
            }
        }
    }
    (document, operations)
}

#[tokio::test]
async fn every_operation_is_documented_and_answers_as_documented() {
    let mart = Mart::open(CLOUDMART).await;
    let (_, operations) = operations(&mart).await;
    assert!(operations.len() > 40, "only {} operations", operations.len());
    for operation in &operations {
        let Operation { method, path, .. } = operation;
        let nowhere = operation.nowhere();
        let ask = || mart.ask(method.clone(), &nowhere);
        let without = if *method == Method::GET { ask() } else { ask().key("walk").if_match("\"0\"").json(&json!({})) };
        let without = without.send().await;
        let is_sign_in = path == "/api/admin/sessions";
        if operation.is_staffs() && !is_sign_in {
            without.problem(401, "unauthenticated");
            let with_key = mart.staff(method.clone(), &nowhere);
            let with_key =
                if *method == Method::GET { with_key } else { with_key.key("walk").if_match("\"0\"").json(&json!({})) };
            documented(operation, &with_key.send().await);
        } else {
            documented(operation, &without);
        }
    }
}

#[track_caller]
fn documented(operation: &Operation, answer: &Answer) {
    assert!(answer.status < 500, "{answer}");
    assert!(operation.is_documented(answer.status), "{} is not documented for {answer}", answer.status);
    if answer.status >= 400 {
        answer.clone().any_problem();
    }
}

#[tokio::test]
async fn what_is_not_served_is_a_problem() {
    let mart = Mart::open(CLOUDMART).await;
    let (_, operations) = operations(&mart).await;
    let paths: BTreeSet<&str> = operations.iter().map(|operation| operation.path.as_str()).collect();
    for path in paths {
        let here: Vec<&Operation> = operations.iter().filter(|operation| operation.path == path).collect();
        let missing =
            METHODS.iter().find(|method| here.iter().all(|known| known.method.as_str() != method.to_uppercase()));
        let Some(missing) = missing else { continue };
        let method: Method = missing.to_uppercase().parse().expect("a method");
        let answer = mart.staff(method, &here[0].nowhere()).send().await.problem(405, "method_not_allowed");
        let allowed = answer.header("allow").unwrap_or_else(|| panic!("no Allow: {answer}"));
        for known in &here {
            assert!(allowed.contains(known.method.as_str()), "{allowed}: {answer}");
        }
    }
    for path in ["/api", "/api/", "/api/nothing", "/api/admin/nothing", "/api/orders/a/b/c"] {
        let answer = mart.get(path).send().await.problem(404, "not_found");
        assert_eq!(answer.body["instance"], path);
    }
}

#[tokio::test]
async fn the_issues_routes_are_all_there() {
    let mart = Mart::open(CLOUDMART).await;
    let (_, operations) = operations(&mart).await;
    let known: BTreeSet<String> =
        operations.iter().map(|known| format!("{} {}", known.method, without_names(&known.path))).collect();
    for wanted in [
        "GET /api/products",
        "GET /api/products/{}",
        "GET /api/categories",
        "POST /api/carts",
        "GET /api/carts/{}",
        "POST /api/quotes",
        "POST /api/orders",
        "GET /api/orders/{}",
        "GET /api/admin/settings",
        "PUT /api/admin/settings",
        "POST /api/admin/products",
        "PUT /api/admin/products/{}",
        "PATCH /api/admin/products/{}",
        "POST /api/admin/media",
        "GET /api/admin/stock/{}",
        "POST /api/admin/stock/{}/adjustments",
        "GET /api/admin/orders",
        "GET /api/admin/orders/{}",
        "GET /api/admin/orders/{}/events",
        "POST /api/admin/orders/{}/capture",
        "POST /api/admin/orders/{}/cancel",
        "POST /api/admin/orders/{}/ship",
        "POST /api/admin/orders/{}/deliver",
        "POST /api/admin/orders/{}/refund",
        "POST /api/admin/orders/{}/mark-paid",
        "POST /api/admin/orders/{}/erase",
        "GET /api/admin/draft-orders",
        "POST /api/admin/draft-orders",
        "POST /api/admin/draft-orders/{}/complete",
        "GET /api/admin/processes",
        "GET /api/admin/ledger/trial-balance",
        "GET /api/admin/events",
    ] {
        assert!(known.contains(wanted), "{wanted} is not in {known:#?}");
    }
}

/// `/api/carts/{id}` as `/api/carts/{}`.
fn without_names(path: &str) -> String {
    let pieces = path.split('/').map(|piece| if piece.starts_with('{') { "{}" } else { piece });
    pieces.collect::<Vec<_>>().join("/")
}

/// References that lead nowhere break every generator of clients.
#[tokio::test]
async fn the_document_holds_together() {
    let mart = Mart::open(CLOUDMART).await;
    let (document, operations) = operations(&mart).await;
    let mut waiting = vec![&document.body];
    let mut references = BTreeSet::new();
    while let Some(value) = waiting.pop() {
        match value {
            Value::Array(items) => waiting.extend(items),
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    references.insert(reference.clone());
                }
                waiting.extend(members.values());
            }
            _ => {}
        }
    }
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} leads elsewhere"));
        assert!(document.body.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    let mut ids = BTreeSet::new();
    for operation in &operations {
        let id = operation.described["operationId"].as_str().unwrap_or_else(|| panic!("{} has no id", operation.path));
        assert!(ids.insert(id.to_owned()), "two operations are called {id}");
        let names = operation.path.split('/').filter_map(|piece| piece.strip_prefix('{')?.strip_suffix('}'));
        for name in names {
            let parameters = operation.described["parameters"].as_array().cloned().unwrap_or_default();
            let is_told = parameters.iter().any(|parameter| parameter["name"] == name && parameter["in"] == "path");
            assert!(is_told, "{} {}: {name} is not described", operation.method, operation.path);
        }
        let security = &operation.described["security"];
        if operation.is_staffs() && operation.path != "/api/admin/sessions" && !document.body["security"].is_array() {
            let is_guarded = security.as_array().is_some_and(|ways| !ways.is_empty());
            assert!(is_guarded, "{} {} does not say that it needs a key", operation.method, operation.path);
        }
        for scheme in security.as_array().into_iter().flatten().filter_map(Value::as_object).flat_map(|way| way.keys())
        {
            let pointer = format!("/components/securitySchemes/{scheme}");
            assert!(document.body.pointer(&pointer).is_some(), "{}: no security scheme {scheme}", operation.path);
        }
    }
}

#[tokio::test]
async fn probes_documents_and_pages() {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let health = mart.get("/health").send().await.expect(200);
    assert_eq!(health.body, json!({"status": "healthy"}));
    for path in ["/health/live", "/health/ready", "/metrics", "/docs", "/openapi.json"] {
        mart.get(path).send().await.expect(200);
    }
    let docs = String::from_utf8(mart.get("/docs").send().await.bytes).expect("text");
    assert!(!docs.contains("src=\"http") && !docs.contains("href=\"http"), "the documentation works offline");
    let cards = mart.get("/api/products?limit=100").send().await.expect(200);
    let front = mart.get("/").send().await.expect(200);
    let front = String::from_utf8(front.bytes).expect("text");
    let card = &cards.items()[0];
    let slug = card["slug"].as_str().expect("a slug");
    assert!(front.contains("/p/"), "the front page shows products");
    let page = mart.get(&format!("/p/{slug}")).send().await.expect(200);
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{page}");
    let text = String::from_utf8(page.bytes).expect("text");
    assert!(text.contains(card["title"].as_str().expect("a title")), "the page shows its product");
    mart.get("/p/nothing-of-that-name").send().await.expect(404);
}
