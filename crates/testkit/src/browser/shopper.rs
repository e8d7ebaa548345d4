//! What somebody who buys does on the shop's pages, in English or Korean, with scripts or without.
//! It does not know how the pages are made: it reads what is written on them.

use super::{Browser, Kind};

/// Whoever buys, and where it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buyer {
    pub email: &'static str,
    pub name: &'static str,
    /// With the country code.
    pub phone: &'static str,
    pub line1: &'static str,
    pub city: &'static str,
    pub region: &'static str,
    /// What the country calls its regions.
    pub region_label: &'static str,
    pub postal_code: &'static str,
    /// ISO 3166-1, two letters.
    pub country: &'static str,
}

pub const ADA: Buyer = Buyer {
    email: "ada@example.com",
    name: "Ada Lovelace",
    phone: "+12125550123",
    line1: "12 St James's Square",
    city: "New York",
    region: "NY",
    region_label: "^(state|주)",
    postal_code: "10001",
    country: "US",
};

pub const HANEUL: Buyer = Buyer {
    email: "haneul@example.com",
    name: "이하늘",
    phone: "+82212345678",
    line1: "자하문로 12",
    city: "종로구",
    region: "서울특별시",
    region_label: "^(province or city|시·도)",
    postal_code: "03045",
    country: "KR",
};

/// How the test methods let a payment go.
pub const PAYS: &str = "test card: succeeds|테스트 카드: 승인";
pub const IS_DECLINED: &str = "test card: is declined|테스트 카드: 거절";

pub const ADD_TO_CART: &str = "^(add to cart|장바구니에 담기)";
pub const CHECKOUT: &str = "^(checkout|주문하기)";
pub const PLACE_ORDER: &str = "^(place order|결제하기)";
pub const ACCEPT_TERMS: &str = "^(i accept|약관에 동의)";
pub const EMAIL: &str = "^(e-?mail|이메일)";
pub const NAME: &str = "^(full name|받는 분)";
pub const PHONE: &str = "^(phone|전화번호)";
pub const COUNTRY: &str = "^(country|국가)";
pub const LINE1: &str = "^(street|도로명)";
pub const CITY: &str = "^(city|district|도시|시·군·구)";
pub const POSTAL_CODE: &str = "^(postal code|zip code|postcode|우편번호)";

impl Browser {
    /// Searches from the page that it is on.
    pub async fn search(&self, words: &str) {
        self.fill("search|looking for|검색|찾으세요", words).await;
        self.press_a(Kind::Button, "^(search|검색)").await;
        self.arrives("^/search$").await;
    }

    /// Puts the product whose page it is into the cart, and waits until the shop says so.
    pub async fn add_to_cart(&self) {
        self.press_a(Kind::Button, ADD_TO_CART).await;
        self.reads("is in your cart|장바구니에 담았습니다").await;
    }

    /// From the cart to the checkout.
    pub async fn check_out(&self) {
        self.visit("/cart").await;
        self.press(CHECKOUT).await;
        self.arrives("^/checkout$").await;
    }

    /// Fills in everything that the checkout asks for. The country comes first: the other fields follow it.
    pub async fn fill_checkout(&self, buyer: &Buyer, payment: &str) {
        self.fill(COUNTRY, buyer.country).await;
        // Without scripts the page follows the country when it is asked to.
        if !self.visitor().has_scripts {
            self.press_a(Kind::Button, "^(update totals|금액 다시 계산)").await;
        }
        self.fill(buyer.region_label, buyer.region).await;
        self.fill(EMAIL, buyer.email).await;
        self.fill(PHONE, buyer.phone).await;
        self.fill(NAME, buyer.name).await;
        self.fill(LINE1, buyer.line1).await;
        self.fill(CITY, buyer.city).await;
        self.fill(POSTAL_CODE, buyer.postal_code).await;
        self.choose(payment).await;
        self.choose(ACCEPT_TERMS).await;
    }

    /// Orders; answers with the path of the order's page, where the browser then is.
    pub async fn place_order(&self) -> String {
        self.press_a(Kind::Button, PLACE_ORDER).await;
        self.arrives("^/orders/").await
    }

    /// From a product's page to the order's, whose path is the answer.
    pub async fn buy(&self, product: &str, buyer: &Buyer) -> String {
        self.visit(product).await;
        self.add_to_cart().await;
        self.check_out().await;
        self.fill_checkout(buyer, PAYS).await;
        self.place_order().await
    }
}
