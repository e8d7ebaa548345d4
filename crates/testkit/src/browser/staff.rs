//! What somebody who works in the shop does on the pages for staff, in English or Korean.
//! It does not know how the pages are made: it reads what is written on them.

use super::{Browser, Kind};
use crate::mart::Mart;

/// How a line of the first start begins that tells the first member's e-mail address and password.
const TOLD: &str = "sign-in";

/// A member of staff's way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    pub email: String,
    pub password: String,
}

impl SignIn {
    /// The first member's, which a new shop tells once.
    ///
    /// # Panics
    /// When the last start was not the first.
    pub fn told_by(mart: &Mart) -> Self {
        let output = String::from_utf8_lossy(&mart.all_output()).into_owned();
        let line = output.lines().find_map(|line| line.trim().strip_prefix(TOLD));
        let mut words = line.unwrap_or_else(|| panic!("nobody was told a way in: {output}")).split_whitespace();
        let mut word = || words.next().unwrap_or_default().to_owned();
        Self { email: word(), password: word() }
    }
}

impl Browser {
    /// Signs in from a page that asks for it, or from the beginning.
    pub async fn sign_in(&self, who: &SignIn) {
        self.visit("/admin/sign-in").await;
        self.fill("^(e-?mail|이메일)", &who.email).await;
        self.fill("^(password|비밀번호)", &who.password).await;
        self.press("^(sign in|로그인)").await;
        self.arrives("^/admin$").await;
    }

    /// Ships all of an order, from its page.
    pub async fn ship(&self, order: &str) {
        self.visit(&format!("/admin/orders/{order}")).await;
        self.press("^(ship|발송)$").await;
        self.press_a(Kind::Button, "^(ship|발송)$").await;
        self.reads("shipped\\.|발송 처리했습니다").await;
    }
}
