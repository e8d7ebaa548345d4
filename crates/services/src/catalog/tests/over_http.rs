//! The catalogue as programs see it: statuses, headers, bodies.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use tower::ServiceExt;

use super::*;

struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Bytes,
}

impl Answered {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    fn pointers(&self) -> Vec<String> {
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["pointer"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

async fn send(mart: &Mart, request: Request<Body>) -> Answered {
    let response = mart.router().oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    Answered { status, headers, bytes }
}

async fn get(mart: &Mart, path: &str, headers: &[(&str, &str)]) -> Answered {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(mart, request.extension(staff()).body(Body::empty()).unwrap()).await
}

async fn write(mart: &Mart, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answered {
    let mut request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(mart, request.extension(staff()).body(Body::from(body.to_owned())).unwrap()).await
}

async fn post(mart: &Mart, input: &Value) -> Answered {
    write(mart, Method::POST, "/api/admin/products", &[], &input.to_string()).await
}

#[tokio::test(start_paused = true)]
async fn a_product_is_created_read_and_known() {
    let mart = mart().await;
    let made = post(&mart, &simple("Mug", "A", 1200)).await;
    assert_eq!((made.status, made.header("etag")), (StatusCode::CREATED, "\"1\""));
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location"), format!("/api/admin/products/{id}"));

    let read = get(&mart, "/api/products/mug", &[]).await;
    assert_eq!(read.status, StatusCode::OK);
    assert_eq!(
        (read.json()["id"].as_str(), read.json()["variants"][0]["sku"].as_str()),
        (Some(id.as_str()), Some("A"))
    );
    assert!(read.header("cache-control").contains("stale-while-revalidate"));
    let tag = read.header("etag").to_owned();
    let known = get(&mart, "/api/products/mug", &[("if-none-match", &tag)]).await;
    assert_eq!((known.status, known.bytes.len(), known.header("etag")), (StatusCode::NOT_MODIFIED, 0, tag.as_str()));
    assert_eq!(known.header("cache-control"), read.header("cache-control"));
    assert_eq!(get(&mart, &format!("/api/products/{id}"), &[("if-none-match", &tag)]).await.status, 304);

    let read = get(&mart, &format!("/api/admin/products/{id}"), &[]).await;
    assert_eq!((read.status, read.header("etag")), (StatusCode::OK, "\"1\""));
    assert_eq!(get(&mart, &format!("/api/admin/products/{id}"), &[("if-none-match", "\"1\"")]).await.status, 304);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_or_not_understood() {
    let mart = mart().await;
    mart.create(simple("Mug", "A", 1)).await.unwrap();
    for (path, status, code) in [
        ("/api/products/nope", 404, "not_found"),
        ("/api/products/NOPE!", 404, "not_found"),
        ("/api/products/prd_00000000000000000000000000", 404, "not_found"),
        ("/api/products/mug?currency=EUR", 400, "unknown_currency"),
        ("/api/products/mug?currency=euro", 400, "unknown_currency"),
        ("/api/products/mug?locale=xx-yy-zz", 400, "unknown_locale"),
        ("/api/categories?locale=zz", 400, "unknown_locale"),
        ("/api/admin/products/prd_1", 404, "not_found"),
        ("/api/admin/products?status=new", 400, "malformed_query"),
        ("/media/nope.png", 404, "not_found"),
        ("/media/med_00000000000000000000000001.png", 404, "not_found"),
    ] {
        let answered = get(&mart, path, &[]).await;
        assert_eq!((answered.status.as_u16(), answered.code().as_str()), (status, code), "{path}");
        assert_eq!(answered.header("content-type"), "application/problem+json", "{path}");
    }
    let request = Request::get("/api/admin/products").body(Body::empty()).unwrap();
    assert_eq!(send(&mart, request).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(start_paused = true)]
async fn wrong_types_are_400_and_wrong_values_422() {
    let mart = mart().await;
    let huge = "x".repeat(1 << 20);
    for (input, status, pointer) in [
        (json!({"title": 7, "variants": []}), 400, "/title"),
        (json!({"variants": []}), 400, "/title"),
        (json!({"title": "a", "colour": 1}), 400, "/colour"),
        (
            with(
                simple("a", "A", 1),
                "variants",
                json!([{"sku": "A", "prices": [{"amount": 1.5, "currency": "USD"}]}]),
            ),
            400,
            "/variants/0/prices/0/amount",
        ),
        (json!({"title": "a\u{0}", "variants": []}), 400, "/title"),
        (json!({"title": "", "variants": []}), 422, "/title"),
        (json!({"title": huge, "variants": []}), 422, "/title"),
        (simple("a", &huge, 1), 422, "/variants/0/sku"),
        (with(simple("a", "A", 1), "status", json!("new")), 422, "/status"),
        (with(simple("a", "A", 1), "slug", json!("A B")), 422, "/slug"),
        (simple("a", "A", -1), 422, "/variants/0/prices/0/amount"),
        (
            with(simple("a", "A", 1), "images", json!([{"media": "med_00000000000000000000000000"}])),
            422,
            "/images/0/media",
        ),
        (
            json!({"title": "a", "variants": (0..2_001).map(|n| json!({"sku": n.to_string()})).collect::<Vec<_>>()}),
            422,
            "/variants",
        ),
        (with(simple("🫖", "A", 1), "brand", json!("\u{7}")), 422, "/brand"),
    ] {
        let answered = post(&mart, &input).await;
        assert_eq!(answered.status.as_u16(), status, "{pointer}: {}", answered.json()["detail"]);
        assert!(answered.pointers().iter().any(|told| told == pointer), "{pointer}: {:?}", answered.pointers());
    }
    // No letters for a slug in an emoji alone; with one, it is a title like any other.
    assert_eq!(post(&mart, &simple("🫖", "A", 1)).await.pointers(), ["/slug"]);
    assert_eq!(post(&mart, &with(simple("🫖", "🫖", 1), "slug", json!("pot"))).await.status, StatusCode::CREATED);
    let many: Vec<Value> = (0..2_000).map(|_| json!({"sku": " ", "gtin": "1"})).collect();
    let answered = post(&mart, &json!({"title": "a", "variants": many})).await;
    assert_eq!((answered.status.as_u16(), answered.pointers().len()), (422, 100));
    let answered = write(&mart, Method::POST, "/api/admin/products", &[], "{").await;
    assert_eq!((answered.status.as_u16(), answered.code().as_str()), (400, "malformed_body"));
    let answered = write(&mart, Method::POST, "/api/admin/products", &[], &" ".repeat(9 << 20)).await;
    assert_eq!((answered.status.as_u16(), answered.code().as_str()), (413, "too_large"));
    let request = Request::post("/api/admin/products").extension(staff()).body(Body::from("{}")).unwrap();
    assert_eq!(send(&mart, request).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test(start_paused = true)]
async fn a_change_names_the_version_it_rests_on() {
    let mart = mart().await;
    let id = post(&mart, &simple("Mug", "A", 1)).await.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/admin/products/{id}");
    let body = simple("Cup", "A", 1).to_string();
    for (method, path) in [
        (Method::PUT, path.clone()),
        (Method::PATCH, path.clone()),
        (Method::POST, format!("{path}/archive")),
        (Method::POST, format!("{path}/restore")),
        (Method::PUT, "/api/admin/categories".to_owned()),
    ] {
        let body = if path.ends_with("categories") {
            r#"{"items": []}"#
        } else if path.ends_with('e') {
            ""
        } else {
            &body
        };
        let missing = write(&mart, method.clone(), &path, &[], body).await;
        assert_eq!(missing.status, StatusCode::PRECONDITION_REQUIRED, "{method} {path}");
        let stale = write(&mart, method.clone(), &path, &[("if-match", "\"99\"")], body).await;
        assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED, "{method} {path}");
    }
    let done = write(&mart, Method::PUT, &path, &[("if-match", "\"1-gzip\"")], &body).await;
    assert_eq!(
        (done.status, done.header("etag"), done.json()["title"].as_str()),
        (StatusCode::OK, "\"2\"", Some("Cup"))
    );
    let stale = write(&mart, Method::PUT, &path, &[("if-match", "\"1\"")], &body).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    let done = write(&mart, Method::POST, &format!("{path}/archive"), &[("if-match", "\"2\"")], "").await;
    assert_eq!((done.status, done.json()["status"].as_str()), (StatusCode::OK, Some("archived")));
    let restore = format!("{path}/restore");
    let wrong = write(&mart, Method::POST, &restore, &[("if-match", "*")], r#"{"status": "archived"}"#).await;
    assert_eq!((wrong.status.as_u16(), wrong.pointers()), (422, vec!["/status".to_owned()]));
    let done = write(&mart, Method::POST, &restore, &[("if-match", "*")], "").await;
    assert_eq!(done.json()["status"].as_str(), Some("draft"));
    let missing = "/api/admin/products/prd_00000000000000000000000000";
    assert_eq!(write(&mart, Method::PUT, missing, &[("if-match", "*")], &body).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn what_is_shown_to_staff_can_be_sent_back() {
    let mart = mart().await;
    let picture = upload(&mart, "image/png", PNG).await.json()["id"].clone();
    let input = json!({
        "title": "Tea", "description": "Fine.", "brand": "Low Lamp", "categories": ["tea"], "attributes": {"origin": "Hadong"},
        "options": [{"name": "Weight", "values": ["50 g"]}], "images": [{"media": picture, "alt": "A bag"}],
        "variants": [{"sku": "T", "gtin": "2000470001079", "options": {"Weight": "50 g"}, "image": picture,
            "prices": [{"amount": 1, "currency": "USD"}], "compare_at_prices": [{"amount": 2, "currency": "USD"}]}],
        "translations": {"ko": {"title": "차", "options": {"Weight": {"name": "중량", "values": {"50 g": "50그램"}}}}},
    });
    let made = post(&mart, &input).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.json());
    let path = format!("/api/admin/products/{}", made.json()["id"].as_str().unwrap());
    let again = write(&mart, Method::PUT, &path, &[("if-match", "\"1\"")], &made.json().to_string()).await;
    assert_eq!((again.status, again.json()), (StatusCode::OK, made.json()));
    let patched = write(&mart, Method::PATCH, &path, &[("if-match", "\"1\"")], "{}").await;
    assert_eq!((patched.status, patched.json()), (StatusCode::OK, made.json()));
    let tree = write(
        &mart,
        Method::PUT,
        "/api/admin/categories",
        &[("if-match", "\"0\"")],
        r#"{"items": [{"title": "Tea"}]}"#,
    )
    .await;
    assert_eq!((tree.status, tree.header("etag")), (StatusCode::OK, "\"1\""));
    let again =
        write(&mart, Method::PUT, "/api/admin/categories", &[("if-match", "\"1\"")], &tree.json().to_string()).await;
    assert_eq!((again.json(), again.header("etag")), (tree.json(), "\"1\""));
    let wrong =
        write(&mart, Method::PUT, "/api/admin/categories", &[("if-match", "*")], r#"{"items": [{"title": ""}]}"#).await;
    assert_eq!(wrong.pointers(), ["/items/0/title"]);
}

#[tokio::test(start_paused = true)]
async fn a_patch_changes_what_it_names() {
    let mart = mart().await;
    let input = with(simple("Mug", "A", 1), "attributes", json!({"colour": "Blue", "origin": "Icheon"}));
    let input = with(input, "translations", json!({"ko": {"title": "머그"}, "de": {"title": "Becher"}}));
    let id = post(&mart, &input).await.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/admin/products/{id}");
    let any = [("if-match", "*")];
    let patch = json!({"brand": "Low Lamp", "attributes": {"colour": null, "size": "L"}, "translations": {"de": null}});
    let patched = write(&mart, Method::PATCH, &path, &any, &patch.to_string()).await.json();
    assert_eq!(
        (&patched["title"], &patched["brand"], &patched["slug"]),
        (&json!("Mug"), &json!("Low Lamp"), &json!("mug"))
    );
    assert_eq!(patched["attributes"], json!({"origin": "Icheon", "size": "L"}));
    assert_eq!(patched["translations"].as_object().unwrap().keys().collect::<Vec<_>>(), ["ko"]);
    assert_eq!(patched["variants"][0]["sku"], "A");
    let patched = write(&mart, Method::PATCH, &path, &any, r#"{"brand": null, "slug": null}"#).await.json();
    assert_eq!((&patched["brand"], &patched["slug"]), (&Value::Null, &json!("mug")));
    for (patch, status, pointer) in [
        (json!({"title": null}), 422, "/title"),
        (json!({"title": ""}), 422, "/title"),
        (json!({"variants": null}), 422, "/variants"),
        (json!({"variants": [{"id": "var_00000000000000000000000000", "sku": "A"}]}), 422, "/variants/0/id"),
        (json!({"attributes": {"Size": "L"}}), 422, "/attributes/Size"),
        (json!({"title": 7}), 400, "/title"),
        (json!({"nope": 7}), 400, "/nope"),
        (json!({"translations": {"ko": []}}), 400, "/translations/ko"),
        (json!({"variants": [["A"]]}), 400, "/variants/0"),
        (json!([]), 400, ""),
    ] {
        let answered = write(&mart, Method::PATCH, &path, &any, &patch.to_string()).await;
        assert_eq!((answered.status.as_u16(), answered.pointers()), (status, vec![pointer.to_owned()]), "{patch}");
    }
    let other = post(&mart, &simple("Other", "B", 1)).await;
    let path = format!("/api/admin/products/{}", other.json()["id"].as_str().unwrap());
    let taken = write(&mart, Method::PATCH, &path, &any, r#"{"slug": "mug"}"#).await;
    assert_eq!(
        (taken.status.as_u16(), taken.code().as_str(), taken.pointers()),
        (409, "slug_taken", vec!["/slug".to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn a_repeated_request_is_done_once() {
    let mart = mart().await;
    let key = [("idempotency-key", "k1")];
    let body = simple("Mug", "A", 1).to_string();
    let router = mart.router();
    let ask = |body: &str, headers: &[(&str, &str)]| {
        let mut request = Request::post("/api/admin/products").header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        router.clone().oneshot(request.extension(staff()).body(Body::from(body.to_owned())).unwrap())
    };
    let (first, second) = tokio::join!(ask(&body, &key), ask(&body, &key));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!((first.status(), second.status()), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!(second.headers()["idempotent-replayed"], "true");
    assert_eq!(first.headers()["location"], second.headers()["location"]);
    assert_eq!(first.headers()["etag"], second.headers()["etag"]);
    let other = ask(&simple("Cup", "B", 1).to_string(), &key).await.unwrap();
    assert_eq!(other.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(ask(&body, &[]).await.unwrap().status(), StatusCode::CONFLICT);
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and so on";
const SVG: &[u8] = b"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"><script>1</script></svg>";

async fn upload(mart: &Mart, content_type: &str, bytes: &'static [u8]) -> Answered {
    let request = Request::post("/api/admin/media").header(header::CONTENT_TYPE, content_type).extension(staff());
    send(mart, request.body(Body::from(bytes)).unwrap()).await
}

fn form(field: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!("--b\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"a.svg\"\r\n\r\n");
    [head.as_bytes(), bytes, b"\r\n--b--\r\n"].concat()
}

#[tokio::test(start_paused = true)]
async fn a_picture_is_what_its_bytes_are() {
    let mart = mart().await;
    let stored = upload(&mart, "image/jpeg", PNG).await;
    assert_eq!((stored.status, stored.json()["content_type"].as_str()), (StatusCode::CREATED, Some("image/png")));
    let url = stored.json()["url"].as_str().unwrap().to_owned();
    assert_eq!(stored.header("location"), url);
    assert_eq!(upload(&mart, "application/octet-stream", PNG).await.json(), stored.json());
    for (bytes, content_type) in
        [(&b"\xff\xd8\xff\xe0 jpeg"[..], "image/jpeg"), (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp")]
    {
        assert_eq!(upload(&mart, "image/png", bytes).await.json()["content_type"], content_type);
    }
    for (content_type, bytes, status) in [
        ("image/svg+xml", SVG, 415),
        ("text/html", PNG, 415),
        ("image/png", SVG, 422),
        ("image/png", b"GIF89a", 422),
        ("image/png", b"", 422),
        ("multipart/form-data", PNG, 400),
    ] {
        assert_eq!(upload(&mart, content_type, bytes).await.status.as_u16(), status, "{content_type} {bytes:?}");
    }
    let multipart = async |field: &str, bytes: &[u8]| {
        let request = Request::post("/api/admin/media").header(header::CONTENT_TYPE, "multipart/form-data; boundary=b");
        send(&mart, request.extension(staff()).body(Body::from(form(field, bytes))).unwrap()).await
    };
    assert_eq!(multipart("file", PNG).await.json(), stored.json());
    assert_eq!(multipart("other", PNG).await.status.as_u16(), 422);
    assert_eq!(multipart("file", SVG).await.status.as_u16(), 422);
    assert_eq!(multipart("file", &vec![0; 21 << 20]).await.status.as_u16(), 413);
    let request = Request::post("/api/admin/media").body(Body::from(PNG)).unwrap();
    assert_eq!(send(&mart, request).await.status, StatusCode::UNAUTHORIZED);

    let served = get(&mart, &url, &[]).await;
    assert_eq!((served.status, &served.bytes[..]), (StatusCode::OK, PNG));
    assert_eq!(served.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!((served.header("content-type"), served.header("x-content-type-options")), ("image/png", "nosniff"));
    assert_eq!((stored.json()["width"].as_u64(), stored.json()["height"].as_u64()), (Some(1_000), Some(500)));
    let size = &stored.json()["sizes"][0];
    assert_eq!(
        (size["width"].as_u64(), size["url"].as_str()),
        (Some(320), Some(url.replace(".png", "-320.jpg").as_str()))
    );
    let smaller = get(&mart, &url.replace(".png", "-320.jpg"), &[]).await;
    assert_eq!((smaller.header("content-type"), &smaller.bytes[..]), ("image/jpeg", &b"smaller"[..]));
    assert_ne!(smaller.header("etag"), served.header("etag"));
    for nothing in ["-640.jpg", "-320.png", "-320.svg", "-0320.jpg", "-320"] {
        assert_eq!(get(&mart, &url.replace(".png", nothing), &[]).await.status, StatusCode::NOT_FOUND, "{nothing}");
    }
    let tag = served.header("etag").to_owned();
    assert_eq!(get(&mart, &url, &[("if-none-match", &tag)]).await.status, StatusCode::NOT_MODIFIED);
    assert_eq!(get(&mart, &url.replace(".png", ".jpg"), &[]).await.status, StatusCode::NOT_FOUND);
    let head = send(&mart, Request::head(&url).body(Body::empty()).unwrap()).await;
    assert_eq!((head.status, head.bytes.len(), head.header("content-length")), (StatusCode::OK, 0, "18"));
}

#[tokio::test(start_paused = true)]
async fn the_shop_itself_may_store_an_svg_and_it_is_served_harmless() {
    use contracts::catalog::Catalog as _;
    let mart = mart().await;
    let media = mart.catalog.store_media("image/svg+xml", SVG.into(), &Caller::system()).await.unwrap();
    assert!(media.url.ends_with(".svg"));
    let served = get(&mart, &media.url, &[]).await;
    assert_eq!(served.header("content-type"), "image/svg+xml");
    assert_eq!(served.header("content-security-policy"), "sandbox; default-src 'none'; style-src 'unsafe-inline'");
    assert!(mart.catalog.store_media("image/png", SVG.into(), &staff()).await.is_err());
}

/// Every answer has a description, and every reference an end.
#[tokio::test(start_paused = true)]
async fn the_description_is_whole() {
    let mart = mart().await;
    let repeats = Repeats::new(Arc::new(Idempotency::new(
        mart.machinery.documents.clone(),
        mart.machinery.clock.clone(),
        b"secret",
    )));
    let (_, openapi) = router(mart.catalog.clone(), repeats).split_for_parts();
    let text = serde_json::to_string(&openapi).unwrap();
    let described: Value = serde_json::from_str(&text).unwrap();
    let schemas = described["components"]["schemas"].as_object().unwrap();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name} is referred to, but not described");
    }
    assert_eq!(described["paths"].as_object().unwrap().len(), 8);
}
