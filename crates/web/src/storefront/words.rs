//! What the pages say by themselves, in the languages that they speak.
//! It does not know the shop's own texts; those come translated.

use contracts::catalog::Availability;
use domain::locale::Locale;

#[derive(Debug)]
pub struct Words {
    pub all_goods: &'static str,
    pub everything_else: &'static str,
    pub search: &'static str,
    pub found_for: &'static str,
    pub nothing_found: &'static str,
    pub no_goods_yet: &'static str,
    pub more: &'static str,
    pub first_page: &'static str,
    pub currency: &'static str,
    pub language: &'static str,
    pub skip: &'static str,
    pub test_payments: &'static str,
    pub test_bank: &'static str,
    pub test_bank_text: &'static str,
    pub approve: &'static str,
    pub decline: &'static str,
    pub choice: &'static str,
    pub price: &'static str,
    pub before: &'static str,
    pub availability: &'static str,
    pub details: &'static str,
    pub not_in_currency: &'static str,
    pub not_found: &'static str,
    pub not_found_text: &'static str,
    pub not_available: &'static str,
    pub not_available_text: &'static str,
    pub to_the_shop: &'static str,
    in_stock: &'static str,
    few_left: &'static str,
    sold_out: &'static str,
    /// Around a price.
    from: (&'static str, &'static str),
}

impl Words {
    pub fn of(locale: &Locale) -> &'static Words {
        match locale.language() {
            "ko" => &KOREAN,
            _ => &ENGLISH,
        }
    }

    pub fn left(&self, availability: Availability) -> &'static str {
        match availability {
            Availability::InStock => self.in_stock,
            Availability::FewLeft => self.few_left,
            Availability::SoldOut => self.sold_out,
        }
    }

    pub fn price_from(&self, price: &str) -> String {
        format!("{}{price}{}", self.from.0, self.from.1)
    }
}

/// What a language calls itself; its tag where nobody told us.
pub fn own_name(locale: &Locale) -> &str {
    match locale.as_str() {
        "de" => "Deutsch",
        "en" => "English",
        "es" => "Español",
        "fr" => "Français",
        "it" => "Italiano",
        "ja" => "日本語",
        "ko" => "한국어",
        "nl" => "Nederlands",
        "pl" => "Polski",
        "pt" => "Português",
        "zh" => "中文",
        tag => tag,
    }
}

static ENGLISH: Words = Words {
    all_goods: "All goods",
    everything_else: "Everything else",
    search: "Search",
    found_for: "Found for",
    nothing_found: "Nothing found.",
    no_goods_yet: "There is nothing for sale yet.",
    more: "Show more",
    first_page: "Back to the beginning",
    currency: "Currency",
    language: "Language",
    skip: "Skip to the content",
    test_payments: "This shop is being tried out: payments are simulated, and nothing is delivered.",
    test_bank: "The test bank",
    test_bank_text: "This is a test payment: no money moves. Play the buyer whom the bank asks.",
    approve: "Approve",
    decline: "Decline",
    choice: "Choice",
    price: "Price",
    before: "Before",
    availability: "Availability",
    details: "Details",
    not_in_currency: "Not sold in this currency",
    not_found: "There is nothing here",
    not_found_text: "The page may have moved, or the product is no longer sold.",
    not_available: "Not available right now",
    not_available_text: "Please try again in a moment.",
    to_the_shop: "To the shop",
    in_stock: "In stock",
    few_left: "Only a few left",
    sold_out: "Sold out",
    from: ("from ", ""),
};

static KOREAN: Words = Words {
    all_goods: "전체 상품",
    everything_else: "그 밖의 상품",
    search: "검색",
    found_for: "검색 결과",
    nothing_found: "찾으시는 상품이 없습니다.",
    no_goods_yet: "아직 판매 중인 상품이 없습니다.",
    more: "더 보기",
    first_page: "처음으로",
    currency: "통화",
    language: "언어",
    skip: "본문으로 건너뛰기",
    test_payments: "시험 운영 중인 상점입니다. 결제는 모의로 처리되며 상품은 배송되지 않습니다.",
    test_bank: "시험용 은행",
    test_bank_text: "시험 결제이므로 실제로 돈이 오가지 않습니다. 은행의 확인 요청에 구매자로서 답해 보세요.",
    approve: "승인",
    decline: "거절",
    choice: "옵션",
    price: "가격",
    before: "정가",
    availability: "재고",
    details: "상세 정보",
    not_in_currency: "이 통화로는 판매하지 않습니다",
    not_found: "페이지를 찾을 수 없습니다",
    not_found_text: "주소가 바뀌었거나 판매가 끝난 상품일 수 있습니다.",
    not_available: "지금은 이용할 수 없습니다",
    not_available_text: "잠시 후 다시 시도해 주세요.",
    to_the_shop: "상점으로 가기",
    in_stock: "재고 있음",
    few_left: "얼마 남지 않음",
    sold_out: "품절",
    from: ("", "부터"),
};
