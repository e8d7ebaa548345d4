//! What shoppers are told of one product: in which words and money, how much is left, and for how long it is kept.

use std::time::Duration;

use contracts::Kind;
use contracts::catalog::{Availability, Catalog as _};
use domain::locale::Locale;
use platform::cache::{MemoryShelf, SecondLevel};
use platform::http::extract::IfMatch;
use platform::log::executor::{Command, Decision};
use platform::log::kind::Kind as _;
use platform::log::{Cause, StreamId};

use super::*;

fn tea() -> Value {
    json!({
        "title": "Green tea", "description": "Fine.", "attributes": {"origin": "Hadong"},
        "options": [{"name": "Weight", "values": ["50 g"]}],
        "variants": [{"sku": "T", "options": {"Weight": "50 g"},
            "prices": [{"amount": 2400, "currency": "USD"}, {"amount": 32_000, "currency": "KRW"}]}],
        "translations": {"ko": {"title": "녹차", "options": {"Weight": {"name": "중량"}}}},
    })
}

#[tokio::test(start_paused = true)]
async fn texts_and_prices_are_the_readers() {
    let mart = mart().await;
    mart.create(tea()).await.unwrap();
    let view = mart.catalog.product("green-tea", &read_in(Some("KRW"), Some("ko-KR"))).await.unwrap();
    assert_eq!((view.title.as_str(), view.description.as_str(), view.locale.as_str()), ("녹차", "Fine.", "ko"));
    assert_eq!(
        (view.price_from, view.currency.as_str(), view.options[0].label.as_str()),
        (Some(32_000), "KRW", "중량")
    );
    let view = mart.catalog.product(&view.id, &Reading::default()).await.unwrap();
    assert_eq!((view.title.as_str(), view.price_to, view.currency.as_str()), ("Green tea", Some(2400), "USD"));
    for (reading, code) in
        [(read_in(Some("EUR"), None), "unknown_currency"), (read_in(None, Some("fr")), "unknown_locale")]
    {
        let error = mart.catalog.product("green-tea", &reading).await.unwrap_err();
        assert_eq!((error.kind, error.code.as_ref()), (Kind::Malformed, code));
    }
}

#[tokio::test(start_paused = true)]
async fn a_shop_without_a_currency_still_answers() {
    let mart = mart().await;
    mart.create(tea()).await.unwrap();
    mart.shop.change(|settings| settings.currencies.clear());
    let view = mart.catalog.product("green-tea", &Reading::default()).await.unwrap();
    assert_eq!((view.currency.as_str(), view.price_from), ("XXX", None));
    assert_eq!(mart.catalog.products(&Default::default()).await.unwrap().items.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn availability_follows_the_stock() {
    let mart = mart().await;
    mart.create(tea()).await.unwrap();
    let told = async || {
        tokio::time::advance(Duration::from_secs(1)).await;
        mart.catalog.product("green-tea", &Reading::default()).await.unwrap().availability
    };
    assert_eq!(told().await, Availability::SoldOut);
    mart.shelves.set("T", 5);
    assert_eq!(told().await, Availability::FewLeft);
    mart.shelves.set("T", 6);
    assert_eq!(told().await, Availability::InStock);
    mart.shelves.sell_out("T");
    assert_eq!(told().await, Availability::SoldOut);
    for policy in [Policy::TrackOnly, Policy::Untracked] {
        mart.shelves.set_policy("T", policy);
        assert_eq!(told().await, Availability::InStock);
    }
}

#[tokio::test(start_paused = true)]
async fn news_of_stock_are_not_waited_for() {
    let mart = mart().await;
    mart.create(tea()).await.unwrap();
    let told = async || mart.catalog.product("green-tea", &Reading::default()).await.unwrap().availability;
    assert_eq!(told().await, Availability::SoldOut);
    mart.shelves.set("T", 6);
    assert_eq!(told().await, Availability::SoldOut, "looked at less than a second ago");
    let stream = StreamId::new(StockNews::NAME, "T");
    let own = stream.clone();
    let moved = Command::new("move", Cause::system(), [stream], move |_| {
        Ok::<_, ()>(Decision::answer(()).with::<StockNews>(&own, Moved::Moved {}))
    });
    mart.machinery.executor.run(moved).await.unwrap();
    tokio::task::yield_now().await;
    assert_eq!(told().await, Availability::InStock);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_kept_until_something_changes() {
    let mart = mart().await;
    let made = mart.create(tea()).await.unwrap();
    let read = async || mart.catalog.answer("green-tea", &Reading::default()).await;
    let first = read().await.unwrap();
    assert!(Arc::ptr_eq(&first, &read().await.unwrap()));
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(Arc::ptr_eq(&first, &read().await.unwrap()), "looked at, and still true");

    let input = product(with(tea(), "title", json!("Greener tea")));
    mart.catalog.rewrite(&made.id, &IfMatch::default(), |_| Ok(input.clone()), &staff()).await.unwrap();
    assert_eq!(read().await.unwrap().view.title, "Greener tea");

    let input = product(with(tea(), "slug", json!("moved")));
    mart.catalog.rewrite(&made.id, &IfMatch::default(), |_| Ok(input.clone()), &staff()).await.unwrap();
    assert_eq!(read().await.err().unwrap().kind, Kind::NotFound);
    assert_eq!(mart.catalog.answer("moved", &Reading::default()).await.unwrap().view.title, "Green tea");
    mart.catalog.archive(&made.id, &IfMatch::default(), &staff()).await.unwrap();
    assert!(mart.catalog.answer("moved", &Reading::default()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_product_stays_readable_while_stock_cannot_be_asked() {
    let mart = mart().await;
    mart.create(tea()).await.unwrap();
    mart.shelves.set("T", 9);
    let before = mart.catalog.answer("green-tea", &Reading::default()).await.unwrap();
    *mart.shelves.0.lock() = None;
    tokio::time::advance(Duration::from_secs(10)).await;
    assert!(Arc::ptr_eq(&before, &mart.catalog.answer("green-tea", &Reading::default()).await.unwrap()));
    let other = mart.catalog.answer("green-tea", &read_in(Some("KRW"), None)).await;
    assert_eq!(other.err().unwrap().kind, Kind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn what_the_shop_no_longer_speaks_is_not_answered_from_before() {
    let mart = mart().await;
    mart.create(tea()).await.unwrap();
    let korean = read_in(None, Some("ko"));
    assert!(mart.catalog.answer("green-tea", &korean).await.is_ok());
    mart.shop.change(|settings| settings.locales.retain(|locale| *locale == Locale::parse("en").unwrap()));
    assert_eq!(mart.catalog.answer("green-tea", &korean).await.err().unwrap().code, "unknown_locale");
}

/// Two nodes of one shop: what one made, the other has; what changed, neither gives as it was.
#[tokio::test(start_paused = true)]
async fn an_answer_is_made_once_for_all_nodes() {
    let mart = mart().await;
    let other = Catalog::new(mart.machinery.clone(), mart.shop.clone(), mart.shelves.clone(), Arc::new(AsItIs));
    let shelf = Arc::new(MemoryShelf::default());
    for node in [&mart.catalog, &other] {
        node.share(SecondLevel::start(shelf.clone(), "products"));
    }
    let made = mart.create(tea()).await.unwrap();
    mart.shelves.set("T", 9);
    let told = async || {
        for _ in 0..100 {
            tokio::time::advance(Duration::from_millis(5)).await;
        }
    };
    told().await;
    let first = mart.catalog.answer("green-tea", &Reading::default()).await.unwrap();
    told().await;
    // The other would have to ask for the stock.
    let stock = mart.shelves.0.lock().take();
    let second = other.answer("green-tea", &Reading::default()).await.unwrap();
    assert_eq!((&second.view, &second.shelf, second.version), (&first.view, &first.shelf, first.version));
    assert!(other.is_current(&second.view));
    assert_eq!(second.finished.body(), first.finished.body());
    assert_eq!(other.answer("green-tea", &read_in(Some("KRW"), None)).await.err().unwrap().kind, Kind::Unavailable);
    *mart.shelves.0.lock() = stock;

    let input = product(with(tea(), "title", json!("Greener tea")));
    mart.catalog.rewrite(&made.id, &IfMatch::default(), |_| Ok(input.clone()), &staff()).await.unwrap();
    // At once where it was written, and everywhere as soon as it was heard of.
    assert_eq!(mart.catalog.answer("green-tea", &Reading::default()).await.unwrap().view.title, "Greener tea");
    tokio::task::yield_now().await;
    assert_eq!(other.answer("green-tea", &Reading::default()).await.unwrap().view.title, "Greener tea");
    shelf.be_gone(true);
    mart.catalog.archive(&made.id, &IfMatch::default(), &staff()).await.unwrap();
    told().await;
    shelf.be_gone(false);
    for node in [&mart.catalog, &other] {
        assert_eq!(node.answer("green-tea", &Reading::default()).await.err().unwrap().kind, Kind::NotFound);
    }
}

#[tokio::test(start_paused = true)]
async fn the_kept_answers_are_bounded() {
    let mart = mart().await;
    for number in 0..40 {
        let long = "x".repeat(20_000);
        let input = with(simple(&format!("p{number}"), &format!("S{number}"), 1), "description", json!(long));
        mart.create(input).await.unwrap();
    }
    for _ in 0..3 {
        for number in 0..40 {
            for currency in ["USD", "KRW"] {
                for locale in ["en", "ko"] {
                    let reading = read_in(Some(currency), Some(locale));
                    mart.catalog.answer(&format!("p{number}"), &reading).await.unwrap();
                }
            }
        }
    }
    assert!(mart.catalog.responses.bytes() <= 16 << 20);
    mart.catalog.responses.check();
}
