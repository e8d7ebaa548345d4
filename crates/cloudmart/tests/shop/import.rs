//! Whole catalogues in and out, and the pictures that go with them.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::goods;
use testkit::mart::{Answer, Mart, Plan, Till, eventually, files_under, rounds};

use crate::{CLOUDMART, PATIENCE};

/// Good rows, bad rows, columns that mean nothing here, HTML that would act.
const TEA: &str = "\
Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Variant Compare At Price,Price / EUR,Variant Barcode,Image Src,Image Alt Text,Variant Image,Status,SEO Title
green-tea,Green tea,\"<p onclick=x>Fresh <b>tea</b></p><script>alert(1)</script>\",Low Lamp,Teas,green,TRUE,Size,50 g,TEA-50,50,shopify,10,deny,12.50,15.00,11.00,4006381333931,https://pictures.example/tea.jpg,A tin,,active,x
green-tea,,,,,,,,100 g,TEA-100,100,shopify,5,continue,22.50,,,NO BARCODE,,,,,
green-tea,,,,,,,,200 g,TEA-200,100,shopify,5,deny,a lot,,,,,,,,
mug,Mug,Plain & simple,Low Lamp,Mugs,,FALSE,Title,Default Title,MUG,,shopify,3,deny,8,,,,,,,active,
mug-again,Another mug,,Low Lamp,Mugs,,TRUE,Title,Default Title,MUG,,,,deny,8,,,,,,,active,
,Nameless,,,,,,,,X,,,,,1,,,,,,,,
green-tea,Green tea again,,,,,,,,TEA-300,,,,,1,,,,,,,,
";

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Sends a file, waits until it is imported, and answers with the operation.
async fn imported(mart: &Mart, query: &str, media_type: &str, file: impl Into<Vec<u8>>) -> Answer {
    let path = format!("/api/admin/imports?{query}");
    let begun = mart.staff_post(&path).raw(media_type, file).send().await.expect(202);
    finished(mart, &begun).await
}

async fn finished(mart: &Mart, begun: &Answer) -> Answer {
    let place = begun.header("location").expect("a place to look at").to_owned();
    assert_eq!(place, format!("/api/operations/{}", begun.text("id")));
    mart.staff_get_until(&place, Till(PATIENCE), |answer| answer.body["state"] != "running").await.expect(200)
}

async fn exported(mart: &Mart, format: &str) -> String {
    let answer = mart.staff_get(&format!("/api/admin/exports/products?format={format}")).send().await.expect(200);
    String::from_utf8(answer.bytes).expect("UTF-8")
}

fn counts(operation: &Answer) -> [i64; 4] {
    ["created", "updated", "unchanged", "failed"]
        .map(|name| operation.body["products"][name].as_i64().expect("a count"))
}

/// `line column code` of everything that was wrong.
fn problems(operation: &Answer) -> Vec<String> {
    let all = operation.body["problems"].as_array().expect("problems");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    all.iter().map(|told| format!("{} {} {}", told["line"], text(&told["column"]), text(&told["code"]))).collect()
}

async fn facts(mart: &Mart) -> usize {
    mart.all_events().await.len()
}

#[tokio::test]
async fn good_rows_are_taken_and_bad_ones_are_told() {
    let mart = Mart::open(CLOUDMART).await;
    let before = facts(&mart).await;
    let dry = imported(&mart, "currency=USD&dry_run=true", "text/csv", TEA).await;
    assert_eq!((facts(&mart).await, dry.body["dry_run"].as_bool()), (before, Some(true)), "a dry run changes nothing");
    mart.get("/api/products/green-tea").send().await.problem(404, "not_found");

    let done = imported(&mart, "currency=USD", "text/csv", TEA).await;
    assert_eq!(done.text("state"), "done");
    for operation in [&dry, &done] {
        assert_eq!(counts(operation), [2, 0, 0, 2], "{operation}");
        assert_eq!(operation.body["rows"], 7);
        assert_eq!((&operation.body["errors"], &operation.body["warnings"]), (&json!(4), &json!(1)));
        assert_eq!(
            problems(operation),
            [
                "3 Variant Barcode invalid_gtin",
                "4 Variant Price invalid_price",
                "6 Variant SKU duplicate",
                "7 Handle required",
                "8 Handle duplicate",
            ]
        );
        assert_eq!(operation.body["problems"][1]["value"], "a lot");
        assert_eq!(operation.body["ignored_columns"], json!(["SEO Title"]));
        assert_eq!(operation.body["categories_created"], json!(["mugs", "teas"]));
        assert_eq!(operation.body["progress"]["done"], TEA.len());
    }
    let tea = mart.get("/api/products/green-tea?currency=EUR").send().await.expect(200);
    assert_eq!(tea.body["description_html"], "<p>Fresh <b>tea</b></p>");
    assert_eq!((tea.text("description").as_str(), tea.text("brand").as_str()), ("Fresh tea", "Low Lamp"));
    assert_eq!(tea.body["variants"][0]["price"], 1_100);
    assert_eq!(tea.body["variants"].as_array().map(Vec::len), Some(2), "the row with a bad price is left out");
    let dollars = mart.get("/api/products/green-tea?currency=USD").send().await.expect(200);
    assert_eq!(dollars.body["variants"][0]["compare_at_price"], 1_500);
    assert_eq!(dollars.body["variants"][1]["price"], 2_250);
    // The index follows a moment later.
    let teas = async || mart.get("/api/products?category=teas").send().await.expect(200).items().to_vec();
    let found =
        eventually("the tea in its category", PATIENCE, async || Some(teas().await).filter(|it| !it.is_empty()));
    assert_eq!(found.await.len(), 1);
    mart.get("/api/products/mug").send().await.problem(404, "not_found");
    assert_eq!((mart.stock("TEA-50").await, mart.stock("MUG").await), ((10, 0, 10), (3, 0, 3)));
    let listed = mart.staff_list("/api/admin/operations").await;
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|operation| operation["problems"] == json!([])), "{listed:?}");
    mart.doctor().await;
}

#[tokio::test]
async fn the_same_file_again_changes_nothing() {
    let mut mart = Mart::open(CLOUDMART).await;
    imported(&mart, "currency=USD", "text/csv", TEA).await;
    mart.buy("TEA-50", 4).await;
    let id = mart.staff_get("/api/admin/products?sku=MUG").send().await.expect(200).items()[0]["id"].clone();
    let path = format!("/api/admin/products/{}", id.as_str().expect("an id"));
    let mug = mart.staff_get(&path).send().await.expect(200);
    let korean = json!({"translations": {"ko": {"title": "머그컵"}}, "categories": ["mugs", "kitchen"]});
    let tag = mug.header("etag").expect("a tag");
    mart.staff(Method::PATCH, &path).if_match(tag).json(&korean).send().await.expect(200);
    let before = facts(&mart).await;
    let again = imported(&mart, "currency=USD", "text/csv", TEA).await;
    assert_eq!(counts(&again), [0, 0, 2, 2], "{again}");
    assert_eq!(facts(&mart).await, before);
    assert_eq!(mart.stock("TEA-50").await, (10, 4, 6), "stock counts once");

    // What the file says differently is changed; what it does not say stays.
    let dearer = TEA.replace("mug,Mug,Plain & simple", "mug,Large mug,").replace(",3,deny,8,", ",99,deny,9,");
    let changed = imported(&mart, "currency=USD", "text/csv", dearer).await;
    assert_eq!(counts(&changed), [0, 1, 1, 2], "{changed}");
    let mug = mart.staff_get(&path).send().await.expect(200);
    assert_eq!((mug.text("title").as_str(), mug.text("description").as_str()), ("Large mug", "Plain & simple"));
    assert_eq!(mug.body["variants"][0]["prices"], json!([{"amount": 900, "currency": "USD"}]));
    assert_eq!(mug.body["translations"]["ko"]["title"], "머그컵");
    assert_eq!(mug.body["categories"], json!(["mugs", "kitchen"]));
    assert_eq!(mart.stock("MUG").await, (3, 0, 3));

    // A request that comes twice is one import; the file of another is not.
    let send = |file: &str| mart.staff(Method::POST, "/api/admin/imports").key("one").raw("text/csv", file).send();
    let first = send(TEA).await.expect(202);
    finished(&mart, &first).await;
    let second = send(TEA).await.expect(202);
    assert_eq!((second.text("id"), second.is_replayed()), (first.text("id"), true));
    send("Handle,Title\na,b\n").await.problem(422, "idempotency_key_reused");
    let spool = mart.data().join("imports");
    assert_eq!(files_under(&spool), Vec::<std::path::PathBuf>::new(), "no file stays behind");
    mart.kill9();
    mart.restart().await;
    let kept = mart.staff_get(&format!("/api/operations/{}", first.text("id"))).send().await.expect(200);
    assert_eq!(kept.text("state"), "done");
    mart.doctor().await;
}

#[tokio::test]
async fn an_export_of_a_shop_changes_nothing_in_it() {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let (jsonl, csv) = (exported(&mart, "jsonl").await, exported(&mart, "csv").await);
    assert!(jsonl.lines().count() > 20 && csv.starts_with("Handle,Title,"), "{csv}");
    let before = facts(&mart).await;
    for (media_type, file) in [("application/jsonl", &jsonl), ("text/csv", &csv)] {
        let again = imported(&mart, "", media_type, file.as_str()).await;
        let [created, updated, unchanged, failed] = counts(&again);
        assert_eq!((created, updated, failed), (0, 0, 0), "{again}");
        assert_eq!(usize::try_from(unchanged).ok(), Some(jsonl.lines().count()));
        assert_eq!(again.body["errors"], 0, "{again}");
    }
    assert_eq!(facts(&mart).await, before);
}

#[tokio::test]
async fn an_export_makes_the_same_products_in_an_empty_shop() {
    let mut mart = Mart::open_as(Plan::empty(CLOUDMART).alone()).await;
    imported(&mart, "currency=USD", "text/csv", TEA).await;
    let lamp = json!({
        "title": "등불", "slug": "lamp", "status": "draft", "description_html": "<p>Low &amp; <b>warm</b></p>",
        "attributes": {"material": "brass"}, "options": [{"name": "Size", "values": ["S", "L"]}],
        "variants": [
            {"sku": "=LAMP-S", "options": {"Size": "S"}, "prices": [{"amount": 1, "currency": "KRW"}]},
            {"sku": "LAMP-L", "options": {"Size": "L"}, "compare_at_prices": [{"amount": 9_001, "currency": "KWD"}]},
        ],
        "translations": {"en": {"title": "Lamp", "description_html": "<ul><li>low</li></ul>"}},
    });
    mart.staff_post("/api/admin/products").json(&lamp).send().await.expect(201);
    let jsonl = exported(&mart, "jsonl").await;
    assert_eq!(jsonl.lines().count(), 3);
    assert!(jsonl.contains(r#""description":"• low""#), "{jsonl}");
    assert!(exported(&mart, "csv").await.contains("'=LAMP-S"), "no cell is a formula");

    // By the command line: out of a shop that is stopped, into an empty one, and out again.
    assert!(mart.terminate().await.success());
    let (out, back, empty) = (mart.beside("products.jsonl"), mart.beside("again.jsonl"), mart.beside("empty"));
    let told = mart.command(&["export", "products", &text(&out), "--data", &text(&mart.data())]).await;
    assert!(told.status.success(), "{told}");
    assert_eq!(std::fs::read_to_string(&out).expect("the export"), jsonl);
    let import = ["import", "products", &text(&out), "--data", &text(&empty)];
    let told = mart.command(&import).await;
    assert!(told.status.success() && told.text().contains("3  products created"), "{told}");
    let told = mart.command(&["export", "products", &text(&back), "--data", &text(&empty)]).await;
    assert!(told.status.success(), "{told}");
    assert_eq!(std::fs::read_to_string(&back).expect("the second export"), jsonl, "byte for byte");
    let told = mart.command(&import).await;
    assert!(told.text().contains("3  products unchanged"), "{told}");
}

#[tokio::test]
async fn the_command_line_says_what_was_wrong() {
    let mut mart = Mart::open(CLOUDMART).await;
    let file = mart.beside("tea.csv");
    std::fs::write(&file, TEA).expect("a file");
    let url = mart.url("");
    let told = mart.command(&["import", "products", &text(&file), "--currency", "USD", "--url", &url]).await;
    assert_eq!(told.status.code(), Some(1), "some rows were bad: {told}");
    for said in ["2  products created", "line 4: error: Variant Price: ", "(a lot)", "SEO Title", "line 3: warning"] {
        assert!(told.text().contains(said), "{said}: {told}");
    }
    let out = mart.beside("out.csv");
    let told = mart.command(&["export", "products", &text(&out), "--url", &url]).await;
    assert!(told.status.success() && out.exists(), "{told}");
    let told = mart.command(&["import", "products", &text(&out), "--url", &url]).await;
    assert!(told.status.success() && told.text().contains("2  products unchanged"), "{told}");
    let html = mart.beside("page.csv");
    std::fs::write(&html, "<html><body>no products</body></html>").expect("a file");
    let missing = mart.beside("missing.csv");
    assert!(mart.terminate().await.success());
    let data = text(&mart.data());
    for arguments in [
        &["import", "products", &text(&html), "--data", &data][..],
        &["import", "products", &text(&missing), "--data", &data],
        &["import", "products", &text(&file), "--data", &data, "--currency", "GOLD"],
        &["import", "products", &text(&file), "--data", &data, "--currency", "CHF"],
        &["import", "products", &text(&file), "--url", "http://127.0.0.1:9"],
    ] {
        let told = mart.command(arguments).await;
        assert_eq!(told.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(!told.text().contains("panicked"), "{told}");
    }
}

#[tokio::test]
async fn what_is_no_file_of_products_is_refused() {
    let mart = Mart::open(CLOUDMART).await;
    let post = |query: &str| mart.staff_post(&format!("/api/admin/imports?{query}"));
    mart.post("/api/admin/imports").raw("text/csv", TEA).send().await.problem(401, "unauthenticated");
    mart.get("/api/admin/exports/products").send().await.problem(401, "unauthenticated");
    post("").raw("text/html", TEA).send().await.problem(415, "unsupported_media_type");
    post("").raw("application/octet-stream", TEA).send().await.problem(422, "invalid").at("/format");
    post("currency=CHF").raw("text/csv", TEA).send().await.problem(422, "invalid").at("/currency");
    post("currency=GOLD").raw("text/csv", TEA).send().await.problem(400, "unknown_currency");
    post("format=xml").raw("text/csv", TEA).send().await.problem(400, "malformed_query");
    mart.staff_get("/api/operations/opr_00000000000000000000000000").send().await.problem(404, "not_found");
    for file in ["", "<html></html>", "a,b\n1,2\n"] {
        let failed = imported(&mart, "", "text/csv", file).await;
        assert_eq!(failed.text("state"), "failed", "{failed}");
        assert!(failed.text("failure").contains("Handle"), "{failed}");
    }
    let lines =
        "not json\n[]\n{\"title\":\"T\",\"variants\":[{\"sku\":\"T\"}],\"colour\":\"red\"}\n{\"slug\":\"UPPER\"}\n";
    let told = imported(&mart, "", "application/jsonl", lines).await;
    assert_eq!(problems(&told), ["1  malformed", "2  malformed", "4 /slug invalid_slug"], "{told}");
    assert_eq!((counts(&told), &told.body["ignored_columns"]), ([1, 0, 0, 3], &json!(["colour"])));
}

#[tokio::test]
async fn pictures_are_fetched_when_asked_and_never_from_private_addresses() {
    let photo = goods::photograph(800, 400);
    let site = serve_pictures(photo);
    let csv = format!(
        "Handle,Title,Variant SKU,Variant Price,Image Src,Image Alt Text,Variant Image\n\
         lamp,Lamp,LAMP,10,{site}/lamp.jpg,A lamp,{site}/lamp.jpg\n\
         lamp,,,,{site}/page.html,,\n"
    );
    // As shops are: not even this machine's own address.
    let mart = Mart::open(CLOUDMART).await;
    let done = imported(&mart, "currency=USD&fetch_images=true", "text/csv", csv.as_str()).await;
    assert_eq!((counts(&done), &done.body["pictures"]), ([1, 0, 0, 0], &json!({"fetched": 0, "failed": 2})), "{done}");
    assert_eq!(done.body["problems"][0]["code"], "private_address", "{done}");

    let settings = mart.beside("shop.toml");
    std::fs::write(&settings, "[imports]\nfetch_from_loopback = true\n").expect("settings");
    let mart = Mart::open_as(Plan::empty(CLOUDMART).argument("--config").argument(text(&settings))).await;
    let done = imported(&mart, "currency=USD", "text/csv", csv.as_str()).await;
    assert_eq!(done.body["pictures"], json!({"fetched": 0, "failed": 0}), "nothing is fetched unasked");
    let id = mart.staff_get("/api/admin/products?sku=LAMP").send().await.expect(200).items()[0]["id"].clone();
    let path = format!("/api/admin/products/{}", id.as_str().expect("an id"));
    let waiting = mart.staff_get(&path).send().await.expect(200);
    assert_eq!(waiting.body["image_urls"].as_array().map(Vec::len), Some(2), "{waiting}");

    let begun = mart.staff_post(&format!("{path}/fetch-images")).send().await.expect(202);
    let fetched = finished(&mart, &begun).await;
    assert_eq!(fetched.body["pictures"], json!({"fetched": 1, "failed": 1}), "{fetched}");
    assert_eq!(fetched.body["problems"][0]["code"], "no_picture");
    let lamp = mart.staff_get(&path).send().await.expect(200);
    assert_eq!(lamp.body["image_urls"].as_array().map(Vec::len), Some(1), "what failed waits on");
    assert_eq!(lamp.body["images"][0]["alt"], "A lamp");
    assert_eq!(lamp.body["variants"][0]["image"], lamp.body["images"][0]["media"]);
    let seen = mart.get("/api/products/lamp").send().await.expect(200);
    assert_eq!(seen.body["images"][0]["width"], 800);
    let smallest = seen.body["images"][0]["sizes"][0]["url"].as_str().expect("a size").to_owned();
    assert_eq!(mart.get(&smallest).send().await.expect(200).header("content-type"), Some("image/jpeg"));

    // The same file again knows the picture by where it came from.
    let again = imported(&mart, "currency=USD", "text/csv", csv.as_str()).await;
    assert_eq!(counts(&again), [0, 0, 1, 0], "{again}");
    mart.doctor().await;
}

/// A site with one picture; everything else is a page.
fn serve_pictures(photo: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its number");
    let serve = move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut head = [0; 4_096];
            let read = stream.read(&mut head).unwrap_or(0);
            let is_picture = head[..read].starts_with(b"GET /lamp.jpg");
            let body: &[u8] = if is_picture { &photo } else { b"<html><script>alert(1)</script></html>" };
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(&[head.as_bytes(), body].concat());
        }
    };
    std::thread::Builder::new().spawn(serve).expect("a thread");
    format!("http://{address}")
}

#[tokio::test]
async fn uploads_become_pictures_and_nothing_else() {
    let mart = Mart::open(CLOUDMART).await;
    let upload = |media_type: &str, bytes: Vec<u8>| mart.staff_post("/api/admin/media").raw(media_type, bytes).send();
    let stored = upload("image/jpeg", goods::photograph(1_400, 700)).await.expect(201);
    assert_eq!((&stored.body["width"], &stored.body["height"]), (&json!(1_400), &json!(700)));
    let sizes = stored.body["sizes"].as_array().expect("sizes");
    assert_eq!(
        sizes.iter().map(|size| size["width"].as_u64()).collect::<Vec<_>>(),
        [Some(320), Some(640), Some(1_280)]
    );
    let urls = sizes.iter().map(|size| size["url"].as_str()).chain([stored.body["url"].as_str()]);
    for url in urls {
        let served = mart.get(url.expect("an address")).send().await.expect(200);
        assert_eq!(served.header("content-type"), Some("image/jpeg"));
        assert_eq!(served.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(served.header("cache-control"), Some("public, max-age=31536000, immutable"));
        assert!(served.bytes.starts_with(b"\xff\xd8\xff"));
    }
    let page = b"<html><script>alert(1)</script>".to_vec();
    let drawing = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec();
    upload("image/svg+xml", drawing.clone()).await.problem(415, "unsupported_media_type");
    upload("text/html", page.clone()).await.problem(415, "unsupported_media_type");
    upload("image/png", drawing).await.problem(422, "invalid").at("/file");
    upload("image/jpeg", page.clone()).await.problem(422, "invalid").at("/file");
    upload("image/jpeg", [b"\xff\xd8\xff\xe0".to_vec(), page.clone()].concat()).await.problem(422, "invalid");
    // What hangs on behind a picture, or stands in its comments, is not kept.
    let both = [goods::photograph(20, 10), page].concat();
    let stored = upload("image/jpeg", both).await.expect(201);
    let served = mart.get(&stored.text("url")).send().await.expect(200);
    assert!(!served.bytes.windows(8).any(|window| window == b"<script>"));
}

#[tokio::test]
async fn what_was_interrupted_is_told_and_can_be_done_again() {
    let mut mart = Mart::open_as(Plan::empty(CLOUDMART).alone()).await;
    let mut csv = Vec::new();
    goods::write_csv(1_500, &mut csv).expect("a file");
    let begun =
        mart.staff_post("/api/admin/imports?currency=USD").raw("text/csv", csv.clone()).send().await.expect(202);
    let place = begun.header("location").expect("a place").to_owned();
    let has_begun = |answer: &Answer| answer.body["products"]["created"].as_u64() > Some(20);
    mart.staff_get_until(&place, Till(PATIENCE), has_begun).await;
    // One at a time: two files could tell of one product.
    let other = mart.staff_post("/api/admin/imports?currency=USD").raw("text/csv", TEA).send().await;
    other.problem(409, "operation_running");
    mart.kill9();
    mart.restart().await;
    let cut = mart.staff_get(&place).send().await.expect(200);
    assert_eq!(cut.text("state"), "interrupted", "{cut}");
    let path = "/api/admin/imports?currency=USD";
    let begun = mart.staff_post(path).raw("text/csv", csv).send().await.expect(202);
    let place = begun.header("location").expect("a place").to_owned();
    let is_done = async || {
        let answer = mart.staff_get(&place).send().await.expect(200);
        (answer.body["state"] != "running").then_some(answer)
    };
    let done = eventually("the import ends", Duration::from_secs(180), is_done).await;
    let [created, updated, unchanged, failed] = counts(&done);
    assert_eq!((created + unchanged, updated, failed), (1_500, 0, 0), "{done}");
    assert!(unchanged > 20, "{done}");
    assert_eq!(mart.stock("G000015-S").await, (15, 0, 15), "nothing is counted twice");
    mart.doctor().await;
}

/// By hand with `CLOUDMART_IMPORT_PRODUCTS=100000` and a release build; usually as many as a debug build does in seconds.
#[tokio::test]
async fn many_products_take_little_memory() {
    const MEMORY_BYTES_MAX: u64 = 500_000_000;
    let mut mart = Mart::open(CLOUDMART).await;
    let products = rounds("CLOUDMART_IMPORT_PRODUCTS", 2_000);
    let file = mart.beside("many.csv");
    let mut into = std::io::BufWriter::new(std::fs::File::create(&file).expect("a file"));
    goods::write_csv(products, &mut into).and_then(|_| into.flush()).expect("a file");
    let url = mart.url("");
    let told = mart.command(&["import", "products", &text(&file), "--currency", "USD", "--url", &url]).await;
    assert!(told.status.success(), "{told}");
    let status = std::fs::read_to_string(format!("/proc/{}/status", mart.id())).expect("its status");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
    let peak: u64 = peak.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("kilobytes") * 1_024;
    assert!(peak < MEMORY_BYTES_MAX, "{peak} bytes at most in use");
    let listed = mart.get("/api/products?limit=1").send().await.expect(200);
    assert_eq!(listed.items().len(), 1);
    assert!(mart.terminate().await.success());
}
