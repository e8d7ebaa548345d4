//! The test bank's own books, read from the shop's folder or database: what cards were really charged, whatever the shop says.
//! It does not ask the shop.

use std::sync::Arc;

use adapters::payments::{Options, Statement, TestProvider};
use adapters::postgres::{self, Postgres};
use adapters::sqlite;
use domain::ids::OrderId;
use platform::clock::SystemClock;
use platform::documents::Documents;
use platform::sealing::MasterKey;

use crate::mart::{Database, Mart};

/// The tokens of which the bank keeps an account; `tok_success` leaves no trace there.
pub const WITH_ACCOUNT: [&str; 5] = ["tok_unknown", "tok_flaky", "tok_stuck", "tok_duplicate_notice", "tok_action"];

/// The bank's books as they are at one moment, beside a running shop, too.
pub struct Bank(TestProvider);

impl Bank {
    /// # Panics
    /// When the shop's store cannot be read.
    pub async fn of(mart: &Mart) -> Self {
        let documents = match mart.database() {
            Some(database) => in_database(database).await,
            None => {
                let store = sqlite::open_read_only(&mart.data());
                store.unwrap_or_else(|error| panic!("the bank's books: {error}")).documents()
            }
        };
        // Nothing is signed by one who only looks.
        let (secret, options) = (MasterKey::new([0; 32]), Options { allowed: false, shop_url: String::new() });
        Self(TestProvider::new(documents, Arc::new(SystemClock), secret, options))
    }

    /// What the card behind an order was charged.
    ///
    /// # Panics
    /// When the books cannot be read.
    pub async fn statement(&self, order: &str) -> Statement {
        let order = OrderId::parse(order).unwrap_or_else(|_| panic!("no order's id: {order}"));
        self.0.statement(&order).await.unwrap_or_else(|error| panic!("the bank's books: {error}"))
    }
}

async fn in_database(database: &Database) -> Arc<dyn Documents> {
    let Database { url, schema } = database.clone();
    let options = postgres::Options { url, schema, readers: 4, writers: 1, ..postgres::Options::default() };
    let store = Postgres::connect(&options).await;
    store.unwrap_or_else(|error| panic!("the bank's books: {error}")).documents()
}
