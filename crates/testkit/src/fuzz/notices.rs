//! What a payment provider tells by itself: signed or forged, about what is or is not there. Nothing panics, the provider is
//! never told to send again what will never be taken, and the books stay balanced.
//! It does not know a provider's format beyond that of the test bank.

use axum::body::Body;
use axum::http::Request;
use contracts::payments::Payments as _;

use super::front::{Front, Reply};
use super::world::in_the_shop;

const SIGNED_BY: &str = "test payment notices";

/// The first byte says whether the notice is signed; the rest is its body, with `{{order}}` for the key of an order.
pub fn notices(data: &[u8]) {
    let Some((sign, body)) = data.split_first() else { return };
    in_the_shop(async |front: &Front| {
        let body = String::from_utf8_lossy(body);
        let body = named(named(body.into_owned(), front, "order"), front, "waiting");
        let master = front.shop.machinery.vault.master();
        let signature = match sign % 8 {
            0 => "AAAA".to_owned(),
            _ => master.hash_text(SIGNED_BY, &[body.as_bytes()]),
        };
        let request = Request::post("/api/payment-notices/test")
            .header("content-type", "application/json")
            .header(adapters::payments::SIGNATURE, signature)
            .body(Body::from(body.clone()))
            .expect("a request");
        let Reply { status, body: told, .. } = front.send(request).await;
        assert!(!status.is_server_error(), "{status} {} for {body}", String::from_utf8_lossy(&told));
        if sign.is_multiple_of(8) {
            assert_eq!(status.as_u16(), 400, "a forged notice is refused: {body}");
        }
        let (_, totals) = front.shop.payments.trial_balance().await.expect("the books");
        assert!(totals.values().all(|total| *total == 0), "{totals:?} after {body}");
    });
}

/// An order's key, without what stands before it: payments are named by it, too.
fn named(body: String, front: &Front, name: &str) -> String {
    let key = front.names[name].split_once('_').map_or("", |(_, key)| key);
    body.replace(&format!("{{{{{name}}}}}"), key)
}
