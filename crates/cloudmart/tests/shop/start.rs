//! The first minutes with a shop, and every later start.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};
use testkit::mart::{Mart, Plan, eventually, guest_order};

use crate::{CLOUDMART, PATIENCE};

/// The words of a text that may be a secret.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| letter.is_whitespace() || "\"'`()[]<>,;│┃|".contains(letter))
        .filter(|word| word.len() >= 12)
}

async fn opens(mart: &Mart, key: &str) -> bool {
    let ascii = key.bytes().all(|byte| byte.is_ascii_graphic());
    ascii && mart.get("/api/admin/settings").bearer(key).send().await.status == 200
}

#[tokio::test]
async fn the_first_start_tells_its_secrets_and_the_second_finds_everything() {
    let mut mart = Mart::start(Plan::sample(CLOUDMART).without_admin_token()).await;
    let told = mart.output();
    assert!(told.contains(&mart.url("")), "it says where it is: {told}");
    let mut keys = Vec::new();
    for word in words(&told) {
        if opens(&mart, word).await {
            keys.push(word.to_owned());
        }
    }
    assert_eq!(keys.len(), 1, "the staff's key, once: {told}");
    let key = keys.remove(0);
    assert_eq!(told.matches(&key).count(), 1, "{told}");
    let email = words(&told).find(|word| word.contains('@')).unwrap_or_else(|| panic!("no e-mail: {told}")).to_owned();
    let mut passwords = Vec::new();
    for word in words(&told).filter(|word| *word != key && !word.contains('@') && !word.contains("://")) {
        let sign_in = json!({"email": email, "password": word});
        let answer = mart.post("/api/admin/sessions").json(&sign_in).send().await;
        match answer.status {
            201 => passwords.push((word.to_owned(), answer.text("token"))),
            // A tenth wrong one would lock the address.
            _ => assert_eq!(answer.status, 401, "{answer}"),
        }
        if !passwords.is_empty() {
            break;
        }
    }
    let (password, session) = passwords.pop().unwrap_or_else(|| panic!("no sign-in: {told}"));
    assert!(opens(&mart, &session).await);
    assert!(
        mart.holds_in_data(&key).is_none() && mart.holds_in_data(&password).is_none(),
        "secrets are kept as hashes"
    );

    mart.use_admin_token(&key);
    let before = mart.get("/api/products?limit=100").send().await.expect(200);
    let sku = sku_on_sale(&mart).await;
    let order = mart.place("before", &guest_order(&sku, 1)).await.expect(201);
    assert!(mart.terminate().await.success());
    mart.forget_admin_token();
    mart.restart().await;
    let told = mart.output();
    assert!(told.contains(&mart.url("")), "{told}");
    for secret in [&key, &password, &session] {
        assert!(!told.contains(secret.as_str()), "silent about secrets: {told}");
    }
    assert!(!told.to_lowercase().contains("password"), "{told}");
    mart.use_admin_token(&key);
    assert!(opens(&mart, &key).await && opens(&mart, &session).await);
    let after = mart.get("/api/products?limit=100").send().await.expect(200);
    assert_eq!(after.body, before.body);
    assert_eq!(mart.order(&order.text("id")).await.body["number"], order.body["number"]);
    assert!(mart.place("before", &guest_order(&sku, 1)).await.expect(201).is_replayed());
    mart.doctor().await;
}

/// A SKU of the sample shop of which there is enough.
async fn sku_on_sale(mart: &Mart) -> String {
    let levels = mart.staff_list("/api/admin/stock").await;
    let found = levels.iter().find(|level| level["policy"] == "reserve" && level["available"].as_i64() > Some(10));
    found.and_then(|level| level["sku"].as_str()).unwrap_or_else(|| panic!("nothing on sale: {levels:?}")).to_owned()
}

#[tokio::test]
async fn a_key_from_the_environment_is_the_key() {
    let mart = Mart::start(Plan::empty(CLOUDMART)).await;
    let key = mart.admin_token().expect("a key").to_owned();
    assert!(opens(&mart, &key).await);
    assert!(!opens(&mart, "another-key-that-nobody-has").await);
    assert!(!mart.output().contains(&key), "it is known already: {}", mart.output());
}

#[tokio::test]
async fn somebody_should_want_to_buy_in_the_sample_shop() {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let cards = mart.get("/api/products?limit=100").send().await.expect(200);
    let count = cards.items().len();
    assert!((40..=60).contains(&count), "{count} products");
    let categories = mart.get("/api/categories").send().await.expect(200);
    let tops = categories.items().iter().filter(|category| category["parent"] == Value::Null).count();
    assert!(tops >= 6, "{tops} categories at the top");
    let reserved = mart.staff_list("/api/admin/stock").await;
    let reserved = reserved.iter().filter(|level| level["policy"] == "reserve").count();
    assert!(reserved >= 60, "{reserved} SKUs that are reserved on order");

    let mut pictures = BTreeSet::new();
    for card in cards.items() {
        let slug = card["slug"].as_str().expect("a slug");
        let mut titles = BTreeSet::new();
        for (locale, currency) in [("en", "USD"), ("ko", "KRW"), ("en", "EUR")] {
            let path = format!("/api/products/{slug}?locale={locale}&currency={currency}");
            let product = mart.get(&path).send().await.expect(200);
            assert_eq!(product.body["currency"], currency);
            assert!(!product.text("description").is_empty(), "{slug} is described in {locale}");
            titles.insert(product.text("title"));
            for variant in product.body["variants"].as_array().expect("variants") {
                assert!(
                    variant["price"].as_i64().is_some_and(|price| price >= 0),
                    "{slug} costs something in {currency}"
                );
            }
            let first = &product.body["images"][0];
            assert!(first["alt"].as_str().is_some_and(|alt| !alt.is_empty()), "{slug}: {first}");
            pictures.insert(first["url"].as_str().unwrap_or_else(|| panic!("{slug} has no picture")).to_owned());
        }
        assert_eq!(titles.len(), 2, "{slug} has a title in each language: {titles:?}");
        let hangul = |letter: char| ('가'..='힣').contains(&letter);
        assert!(titles.iter().any(|title| title.chars().any(hangul)), "{titles:?}");
    }
    assert!(pictures.len() >= count - 5, "nearly every product has a picture of its own");
    for path in &pictures {
        let picture = mart.get(path).send().await.expect(200);
        let kept = picture.header("cache-control").unwrap_or_default();
        assert!(kept.contains("immutable") && kept.contains("max-age=31536000"), "{path}: {kept}");
        assert!(picture.header("content-type").is_some_and(|kind| kind.starts_with("image/")), "{path}");
    }
    for (currency, country) in [("USD", "US"), ("KRW", "KR"), ("EUR", "DE")] {
        let sku = sku_on_sale(&mart).await;
        let order = testkit::mart::with(guest_order(&sku, 1), "/currency", currency);
        let mut order = testkit::mart::with(order, "/shipping_address/country", country);
        order["shipping_address"]["postal_code"] = json!(if country == "KR" { "03045" } else { "10115" });
        mart.place(&mart.fresh_key(), &order).await.expect(201);
    }
    mart.doctor().await;
}

/// The power goes while the shelves are being filled for the first time; the next start goes on.
#[tokio::test]
async fn a_first_start_that_was_cut_off_is_finished_by_the_next() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/sample-shop/products.json");
    let products: Value = serde_json::from_slice(&std::fs::read(file).expect("the sample")).expect("JSON");
    let mut wanted = BTreeMap::new();
    for variant in
        products.as_array().into_iter().flatten().flat_map(|product| product["variants"].as_array()).flatten()
    {
        let is_counted = variant["stock_policy"] != "untracked";
        wanted
            .insert(variant["sku"].as_str().expect("a SKU").to_owned(), is_counted.then(|| variant["on_hand"].clone()));
    }
    let mut mart = Mart::prepare(Plan::sample(CLOUDMART)).await;
    for shelved in [1, 20, 45] {
        mart.spawn();
        eventually("some shelves are filled", PATIENCE, async || {
            let listed = mart.get("/api/products?limit=100").try_send().await.ok()?;
            (listed.status == 200 && listed.items().len() >= shelved).then_some(())
        })
        .await;
        mart.kill9();
    }
    mart.restart().await;
    let listed = mart.get("/api/products?limit=100").send().await.expect(200);
    let on_sale = products.as_array().into_iter().flatten().filter(|product| product["status"] == "active").count();
    assert_eq!(listed.items().len(), on_sale);
    let levels = mart.staff_list("/api/admin/stock").await;
    for (sku, on_hand) in wanted {
        let Some(on_hand) = on_hand else { continue };
        // What was never counted is not listed.
        let level = levels.iter().find(|level| level["sku"] == sku.as_str());
        assert_eq!(level.map_or(&json!(0), |level| &level["on_hand"]), &on_hand, "{sku}");
    }
    mart.doctor().await;
}

#[tokio::test]
async fn an_empty_shop_is_opened_without_editing_a_file() {
    let mart = Mart::start(Plan::empty(CLOUDMART)).await;
    assert_eq!(mart.get("/api/products").send().await.expect(200).items(), [] as [Value; 0]);
    assert_eq!(mart.get("/api/categories").send().await.expect(200).items(), [] as [Value; 0]);
    mart.place("too-early", &guest_order("POT", 1)).await.any_problem();

    let settings = json!({
        "name": "Pots", "currencies": ["USD"],
        "countries": [{"country": "US", "tax_rate_ppm": 0}],
        "shipping_methods": [{"id": "standard", "name": "Standard", "countries": ["US"], "rates": [{"currency": "USD", "amount": 500}]}],
        "payment_methods": [{"id": "test", "provider": "test", "name": "Test card"}],
    });
    let seen = mart.staff_get("/api/admin/settings").send().await.expect(200);
    let tag = seen.header("etag").expect("a tag");
    let put = || mart.staff(Method::PUT, "/api/admin/settings").json(&settings);
    put().send().await.problem(428, "precondition_required");
    put().if_match(tag).send().await.expect(200);
    put().if_match(tag).send().await.problem(412, "precondition_failed");
    let tree = mart.staff_get("/api/admin/categories").send().await.expect(200);
    let tree_tag = tree.header("etag").expect("a tag");
    let categories = json!({"items": [{"slug": "kitchen", "title": "Kitchen"}]});
    mart.staff(Method::PUT, "/api/admin/categories").if_match(tree_tag).json(&categories).send().await.expect(200);
    let picture = mart.staff_post("/api/admin/media").raw("image/png", png()).send().await.expect(201);
    let product = json!({
        "title": "A pot", "categories": ["kitchen"], "images": [{"media": picture.text("id"), "alt": "a pot"}],
        "options": [{"name": "Size", "values": ["S", "L"]}],
        "variants": [
            {"sku": "POT-S", "options": {"Size": "S"}, "prices": [{"amount": 1_999, "currency": "USD"}]},
            {"sku": "POT-L", "options": {"Size": "L"}, "prices": [{"amount": 2_999, "currency": "USD"}]},
        ],
    });
    mart.staff_post("/api/admin/products").json(&product).send().await.expect(201);
    mart.receive("POT-L", 3).await;

    eventually("what is new is listed", PATIENCE, async || {
        let listed = mart.get("/api/products?category=kitchen").send().await.expect(200);
        (listed.items().len() == 1).then_some(())
    })
    .await;
    let seen = mart.get("/api/products/a-pot").send().await.expect(200);
    let url = seen.body["images"][0]["url"].as_str().expect("a picture").to_owned();
    assert_eq!(mart.get(&url).send().await.expect(200).bytes, png());
    let placed = mart.buy("POT-L", 1).await;
    assert_eq!(placed.body["lines"][0]["variant"], "L");
    assert_eq!(placed.total_of("total"), 3_499);
    mart.place("sold-out", &guest_order("POT-S", 1)).await.problem(409, "insufficient_stock");
    mart.doctor().await;
}

/// The smallest picture there is.
pub fn png() -> Vec<u8> {
    let bytes: [&[u8]; 4] = [
        b"\x89PNG\r\n\x1a\n",
        b"\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89",
        b"\0\0\0\nIDATx\x9cc\0\x01\0\0\x05\0\x01\r\n-\xb4",
        b"\0\0\0\0IEND\xaeB`\x82",
    ];
    bytes.concat()
}

#[tokio::test]
async fn a_folder_that_cannot_be_is_told_of() {
    let scratch = tempfile::tempdir().expect("a folder");
    let file = scratch.path().join("a-file");
    std::fs::write(&file, "not a folder").expect("a file");
    for folder in [file.clone(), file.join("below")] {
        refuses(&folder).await;
    }
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), "not a folder");
}

async fn refuses(folder: &std::path::Path) {
    let mut mart = Mart::prepare(Plan::empty(CLOUDMART).data(folder)).await;
    mart.spawn();
    let status = mart.ended().await;
    let told = mart.output();
    assert!(!status.success(), "it started on {}: {told}", folder.display());
    assert!(told.contains(&*folder.to_string_lossy()), "it names the folder: {told}");
    assert!(!told.to_lowercase().contains("panic"), "{told}");
}

#[tokio::test]
async fn help_teaches() {
    let mart = Mart::prepare(Plan::empty(CLOUDMART)).await;
    let help = mart.command(&["--help"]).await;
    assert!(help.status.success(), "{help}");
    for command in
        ["serve", "replay", "rebuild", "backup", "restore", "migrate-store", "erase", "doctor", "staff", "config"]
    {
        assert!(help.out.contains(command), "{command}: {help}");
        let more = mart.command(&[command, "--help"]).await;
        assert!(more.status.success() && more.out.len() > 100, "{more}");
    }
    for wrong in [&["dance"][..], &["serve", "--nonsense"], &["serve", "--listen", "nowhere"]] {
        let told = mart.command(wrong).await;
        assert!(!told.status.success() && !told.err.is_empty(), "{told}");
        assert!(!told.text().contains("panicked"), "{told}");
    }
    assert!(mart.command(&["--version"]).await.out.contains(env!("CARGO_PKG_VERSION")));
}

/// With another key the shop would seal new orders so that the right key could not open them.
#[tokio::test]
async fn another_master_key_is_refused() {
    let mut mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_000, 10).await;
    mart.buy("LAMP", 1).await;
    assert!(mart.terminate().await.success());
    let file = mart.data().join("master.key");
    let own = std::fs::read_to_string(&file).expect("a key file");
    let other: String = own.chars().rev().collect();
    std::fs::write(&file, other.trim_start()).expect("another key");
    for is_there in [true, false] {
        if !is_there {
            std::fs::remove_file(&file).expect("no key");
        }
        mart.spawn();
        assert!(!mart.ended().await.success(), "{}", mart.log());
        assert!(mart.output().contains("master.key"), "{}", mart.output());
        assert_eq!(file.exists(), is_there, "no key is made for a shop that has one");
    }
    std::fs::write(&file, own).expect("the shop's own key");
    mart.restart().await;
    mart.buy("LAMP", 1).await;
    mart.doctor().await;
}
