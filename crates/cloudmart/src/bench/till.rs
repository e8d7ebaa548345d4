//! What a load of orders needs, and what becomes of it: staff's key, a product that is nobody else's, and afterwards whether
//! the shop's books say what its buyers were told.
//! It does not put any load on.

use std::sync::Arc;

use super::aftermath::{self, First};
use super::goods::{self, OwnProduct};
use super::load::Sales;
use super::options::Options;
use super::script::{Checkout, Ground, Scenario, Script};
use super::verdict::{self, Books, Verdict};
use super::wire::{Line, Target};
use crate::Failure;
use crate::client::{Ask, Shop};
use crate::commands::needs_token;
use crate::config::Secrets;
use crate::doctor::{self, Check, count};

/// More of a SKU than any load orders.
const PLENTY: i64 = 100_000_000;

pub struct Till {
    shop: Shop,
    token: Arc<str>,
    checkout: Checkout,
    product: OwnProduct,
    asks_doctor: bool,
}

impl Till {
    /// Tells first what it is about to make, then makes it, and lays it on the ground of the load.
    pub async fn open(
        options: &Options,
        secrets: &Secrets,
        line: &mut Line,
        ground: &mut Ground,
    ) -> Result<Self, Failure> {
        let token = secrets.admin_token.as_ref().ok_or_else(needs_token)?.expose().to_owned();
        let shop = Shop::at(&options.url, Some(&token))?;
        let mail = shop.expect(&Ask::get(&["api", "admin", "mail-settings"]), &[200]).await?;
        let mut bytes = [0; 4];
        getrandom::fill(&mut bytes).map_err(|error| Failure::new(error.to_string()))?;
        let run = format!("{:08x}", u32::from_be_bytes(bytes));
        let (skus, given) = match options.scenario {
            Scenario::FlashSale => (1, i64::from(options.stock)),
            _ => (options.skus, PLENTY),
        };
        let (currency, checkout) = goods::look_at_checkout(line, &run, skus).await?;
        eprintln!(
            "In this shop it makes a product of its own, {}, which shoppers see while it runs: {} with {}{}; and as \
             many orders as the load comes to, paid by test payments. Afterwards the product is archived; the orders \
             stay. The shop writes to their buyers, buyer…@example.com, which takes no mail; its mail goes to {}.",
            OwnProduct::slug(&run),
            count(skus, "SKU"),
            count(given.unsigned_abs(), "piece"),
            if skus == 1 { "" } else { " each" },
            mail.body["transport"].as_str().unwrap_or("where it always goes")
        );
        let product = OwnProduct::make(&shop, &checkout, &currency, given).await?;
        ground.currency = currency;
        ground.checkout = Some(checkout.clone());
        Ok(Self { shop, token: token.into(), checkout, product, asks_doctor: !options.no_doctor })
    }

    /// What there is to say of the orders, whatever became of the shop meanwhile: what was measured is told all the same.
    pub async fn judge(
        &self,
        target: &Target,
        line: &mut Line,
        script: &Script,
        first: First,
        sales: &mut Sales,
    ) -> Verdict {
        let mut verdict = Verdict::default();
        sales.accepted.push((first.id.into(), aftermath::FIRST));
        verdict.findings.notes.extend(aftermath::ask_again(line, script, sales).await);
        verdict.blame(verdict::one_each(sales));
        let books = match self.read_books(target, line, sales, &first.placed_at).await {
            Ok(books) => books,
            Err(error) => {
                // Who cannot be asked for its books cannot answer its buyers either; nor would its doctor.
                verdict.doubt(verdict::known(sales));
                verdict.doubt(unread("the shop's books", &error));
                return verdict;
            }
        };
        verdict.blame(verdict::known(sales));
        verdict::orders(sales, &books, &self.checkout).into_iter().for_each(|check| verdict.blame(check));
        verdict.findings.notes.extend(verdict::told_of_others(&books));
        if self.asks_doctor {
            eprintln!("bench: the shop's doctor is looking");
            match doctor::ask_url(target.url.as_str(), &self.token).await {
                Ok(own) => verdict.join(Verdict { is_good: Some(own.is_well()), findings: own }),
                Err(error) => verdict.doubt(unread("the shop's doctor", &error)),
            }
        }
        verdict
    }

    async fn read_books(
        &self,
        target: &Target,
        line: &mut Line,
        sales: &Sales,
        since: &str,
    ) -> Result<Books, aftermath::Error> {
        target.reach().await?;
        let mut books = aftermath::read_books(line, &self.shop, &self.product, &self.token, since).await?;
        if !verdict::sold(sales, &books, &self.checkout).is_well() {
            books.others = aftermath::read_others(line, &books, sales, &self.product, &self.token).await?;
        }
        Ok(books)
    }

    /// Puts away what was made.
    pub async fn close(&self, target: &Target) -> Result<(), Failure> {
        let closed = match target.reach().await {
            Ok(()) => self.product.put_away(&self.shop).await.map_err(|error| error.to_string()),
            Err(gone) => Err(gone.to_string()),
        };
        closed.map_err(|error| {
            let name = OwnProduct::slug(&self.checkout.run);
            Failure::new(format!("the product {name} could not be put away, archive it by hand: {error}"))
        })
    }
}

fn unread(what: &str, error: &impl std::error::Error) -> Check {
    Check::of(what, String::new(), vec![error.to_string()])
}
