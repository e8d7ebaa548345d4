//! `/checkout`: everything that an order needs, on one page, and the button that places it.
//! It does not know how an order comes about: it asks once, by the name of the form that was shown, so that going back,
//! reloading and pressing twice are the same wish.

mod page;
mod troubles;
mod written;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use contracts::carts::{QuoteBody, QuoteView};
use contracts::orders::OrderView;
use contracts::{Error, Kind, Result};
use domain::ids::OrderId;

use self::page::{Shown, payment_choices};
use self::troubles::Notice;
use self::written::Written;
use super::cart::Mine;
use super::form::Fields;
use super::frame::Grounds;
use super::visitor::Visitor;
use super::words::Words;
use super::{Front, Storefront, cookies};
use crate::answer;

pub(super) async fn show(State(front): State<Front>, visitor: Visitor) -> Response {
    match front.checkout_page(&visitor).await {
        Ok(response) => response,
        Err(error) => front.refuse(&error, &visitor).await,
    }
}

pub(super) async fn take(State(front): State<Front>, visitor: Visitor, fields: Fields) -> Response {
    match front.take_checkout(&visitor, &fields).await {
        Ok(response) => response,
        Err(error) => front.refuse(&error, &visitor).await,
    }
}

/// A checkout that is worked on.
struct Desk<'a> {
    grounds: Grounds,
    visitor: &'a Visitor,
    words: &'static Words,
    mine: Mine,
}

/// Where a visitor without anything to order goes.
enum Opened<'a> {
    Desk(Box<Desk<'a>>),
    Elsewhere(Response),
}

impl Storefront {
    async fn checkout_page(&self, visitor: &Visitor) -> Result<Response> {
        let desk = match self.open(visitor).await? {
            Opened::Desk(desk) => desk,
            Opened::Elsewhere(response) => return Ok(response),
        };
        if !desk.mine.view.problems.is_empty() {
            return Ok(answer::see_other("/cart"));
        }
        let written = Written::first(&desk.grounds, &desk.mine.view);
        self.show(&desk, written, Shown::default(), StatusCode::OK).await
    }

    async fn take_checkout(&self, visitor: &Visitor, fields: &Fields) -> Result<Response> {
        let desk = match self.open(visitor).await? {
            Opened::Desk(desk) => desk,
            Opened::Elsewhere(response) => return Ok(response),
        };
        let written = Written::read(fields, &desk.grounds.current.settings);
        if fields.text("action") == "update" {
            return self.show(&desk, written, Shown::default(), StatusCode::OK).await;
        }
        if written.cart != desk.mine.view.id {
            let notice = Notice::plain(desk.words.cart_changed, desk.words.cart_changed_text);
            return self.show(&desk, written, Shown::notice(notice), StatusCode::CONFLICT).await;
        }
        let choices = payment_choices(self, &desk.grounds, desk.words);
        let troubles = written.troubles(desk.words, &choices);
        if !troubles.is_empty() {
            return self.show(&desk, written, Shown::troubles(troubles), StatusCode::UNPROCESSABLE_ENTITY).await;
        }
        let Some(expected_total) = written.expected_total else {
            let notice = Notice::plain(desk.words.out_of_date, desk.words.out_of_date_text);
            return self.show(&desk, written, Shown::notice(notice), StatusCode::CONFLICT).await;
        };
        let wish = written.wish(&desk.mine, expected_total, &desk.grounds.place.locale);
        match self.services.checkout.buy(wish, &visitor.caller()).await {
            Ok(order) => self.placed(&order),
            Err(error) => self.not_placed(&desk, written, error).await,
        }
    }

    /// The visitor's cart, ready to be ordered; one that was ordered leads to its order.
    async fn open<'a>(&self, visitor: &'a Visitor) -> Result<Opened<'a>> {
        let grounds = self.grounds(visitor).await?;
        let words = Words::of(&grounds.place.locale);
        let Some(mine) = self.my_cart(visitor, &grounds.place).await? else {
            return Ok(Opened::Elsewhere(answer::see_other("/cart")));
        };
        if mine.view.order_id.is_some()
            && let Some((order, token)) = self.services.checkout.of_cart(&mine.id, &mine.token).await?
        {
            return Ok(Opened::Elsewhere(self.to_order(&order, &token)));
        }
        if mine.view.lines.is_empty() {
            return Ok(Opened::Elsewhere(answer::see_other("/cart")));
        }
        Ok(Opened::Desk(Box::new(Desk { grounds, visitor, words, mine })))
    }

    fn placed(&self, order: &OrderView) -> Result<Response> {
        let id = OrderId::parse(&order.id).map_err(|error| Error::internal(error.to_string()))?;
        let token = order.access_token.as_deref().unwrap_or_default();
        // A bank of another site is linked to from the order's page: a form of ours leads to our own pages only.
        let next = order.next_action.as_ref().map(|next| next.url.as_str()).filter(|url| answer::is_ours(url));
        let own = cookies::order_path(&id);
        let mut response = answer::see_other(next.unwrap_or(&own));
        self.jar.keep_order(&mut response, &id, token);
        self.jar.count(&mut response, 0);
        Ok(response)
    }

    pub(super) fn to_order(&self, order: &OrderId, token: &str) -> Response {
        let mut response = answer::see_other(&cookies::order_path(order));
        self.jar.keep_order(&mut response, order, token);
        self.jar.count(&mut response, 0);
        response
    }

    /// Says what stood in the way; what was written stays.
    async fn not_placed(&self, desk: &Desk<'_>, written: Written, error: Error) -> Result<Response> {
        let words = desk.words;
        match (error.kind, error.code.as_ref()) {
            (_, "cart_already_ordered" | "idempotency_key_reused") => {
                let ordered = self.services.checkout.of_cart(&desk.mine.id, &desk.mine.token).await?;
                match ordered {
                    Some((order, token)) => Ok(self.to_order(&order, &token)),
                    None => {
                        let notice = Notice::plain(words.was_undone, words.was_undone_text);
                        self.show(desk, written, Shown::notice(notice), StatusCode::CONFLICT).await
                    }
                }
            }
            (Kind::Declined, _) => {
                let notice = Notice::declined(&error, words);
                self.show(desk, written, Shown::notice(notice), StatusCode::PAYMENT_REQUIRED).await
            }
            (_, "insufficient_stock") => {
                let notice = Notice::short(&error, &desk.mine.view.lines, words);
                self.show(desk, written, Shown::notice(notice), StatusCode::CONFLICT).await
            }
            (_, "price_changed") => {
                let notice = Notice::total_changed(&error, desk, words);
                self.show(desk, written, Shown::notice(notice), StatusCode::CONFLICT).await
            }
            (Kind::Invalid, _) => {
                let troubles = troubles::of_fields(&error.fields, words, written.country);
                self.show(desk, written, Shown::troubles(troubles), StatusCode::UNPROCESSABLE_ENTITY).await
            }
            (Kind::Conflict | Kind::Stale, _) => {
                let notice = Notice::plain(words.was_undone, words.was_undone_text);
                self.show(desk, written, Shown::notice(notice), StatusCode::CONFLICT).await
            }
            (Kind::Unavailable | Kind::Internal, _) => {
                tracing::warn!(%error, "an order could not be placed");
                let notice = Notice::plain(words.busy, words.busy_order_text);
                // Nobody knows how far it came: the same form is shown again, so that pressing its button is the same wish.
                let shown = Shown { same_form: Some(written.once.clone()), ..Shown::notice(notice) };
                self.show(desk, written, shown, StatusCode::SERVICE_UNAVAILABLE).await
            }
            _ => Err(error),
        }
    }

    /// What the cart comes to with what was chosen. A way to send that does not fit any more is let go of.
    async fn quote(&self, desk: &Desk<'_>, written: &mut Written) -> Result<QuoteView> {
        let body = |written: &Written, method: Option<String>| QuoteBody {
            currency: None,
            lines: None,
            cart_id: Some(desk.mine.view.id.clone()),
            cart_token: Some(desk.mine.token.clone()),
            country: written.country.map(|country| country.code().to_owned()),
            shipping_method: method,
            locale: Some(desk.grounds.place.locale.to_string()),
        };
        let shopping = &self.services.shopping;
        let bare = shopping.quote(&body(written, None)).await?;
        let offers = &bare.shipping_options;
        let chosen = offers.iter().find(|option| Some(&option.id) == written.shipping_method.as_ref());
        written.shipping_method = chosen.or(offers.first()).map(|option| option.id.clone());
        match &written.shipping_method {
            Some(method) => shopping.quote(&body(written, Some(method.clone()))).await,
            None => Ok(bare),
        }
    }

    async fn show(&self, desk: &Desk<'_>, mut written: Written, shown: Shown, status: StatusCode) -> Result<Response> {
        let quote = self.quote(desk, &mut written).await?;
        let page = page::page(self, desk, written, shown, &quote);
        let mut response = answer::private(status, &page, desk.grounds.place.locale.as_str());
        desk.grounds.place.remember(desk.visitor, self.jar, &mut response);
        Ok(response)
    }
}
