//! Carts as shoppers' pages work on them: each change on whatever version is there.
//! It does not know pages.

use async_trait::async_trait;
use contracts::carts::{CartView, ChangeCart, ChangeLine, CreateCart, LineBody, QuoteBody, QuoteView, Shopping};
use contracts::{Error, Kind, Result};
use domain::ids::{CartId, LineId};

use super::{ATTEMPTS, Access, Carts};

/// What is done to a cart.
#[derive(Clone, Copy)]
enum Wish<'a> {
    Change(&'a ChangeCart),
    Add(&'a LineBody),
    ChangeLine(&'a LineId, &'a ChangeLine),
    RemoveLine(&'a LineId),
}

impl Carts {
    /// Changes a cart, again when somebody was faster.
    async fn grant(&self, cart: &CartId, token: &str, wish: Wish<'_>) -> Result<CartView> {
        for _ in 0..ATTEMPTS {
            let seen = self.open(cart, Access::Token(Some(token))).await?;
            let granted = match wish {
                Wish::Change(wish) => Carts::change(self, &seen, wish).await,
                Wish::Add(line) => self.add_line(&seen, line).await,
                Wish::ChangeLine(line, wish) => Carts::change_line(self, &seen, line, wish).await,
                Wish::RemoveLine(line) => Carts::remove_line(self, &seen, line).await,
            };
            match granted {
                Err(error) if error.kind == Kind::Stale => {}
                granted => return granted.map(|(_, view)| view),
            }
        }
        Err(Error::unavailable("the cart keeps changing", 1))
    }
}

#[async_trait]
impl Shopping for Carts {
    async fn create(&self, wish: &CreateCart) -> Result<(CartView, String)> {
        let token = self.random_token();
        let id = CartId::from_bytes(self.id_bytes());
        let (_, view) = Carts::create(self, id, &token, wish).await?;
        Ok((view, token))
    }

    async fn view(&self, cart: &CartId, token: &str) -> Result<CartView> {
        let stored = self.open(cart, Access::Token(Some(token))).await?;
        Carts::view(self, &stored).await
    }

    async fn change(&self, cart: &CartId, token: &str, wish: &ChangeCart) -> Result<CartView> {
        self.grant(cart, token, Wish::Change(wish)).await
    }

    async fn add(&self, cart: &CartId, token: &str, line: &LineBody) -> Result<CartView> {
        self.grant(cart, token, Wish::Add(line)).await
    }

    async fn change_line(&self, cart: &CartId, token: &str, line: &LineId, wish: &ChangeLine) -> Result<CartView> {
        self.grant(cart, token, Wish::ChangeLine(line, wish)).await
    }

    async fn remove_line(&self, cart: &CartId, token: &str, line: &LineId) -> Result<CartView> {
        self.grant(cart, token, Wish::RemoveLine(line)).await
    }

    async fn quote(&self, wish: &QuoteBody) -> Result<QuoteView> {
        Carts::quote(self, wish, Access::Token(None)).await
    }
}
