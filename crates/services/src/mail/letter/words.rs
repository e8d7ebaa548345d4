//! The words of mails, in English and in Korean, as people who sell write them.
//! It does not know which of them a mail needs.

use contracts::mail::MailKind;
use domain::locale::Locale;

/// A language that mails are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tongue {
    English,
    Korean,
}

use Tongue::{English, Korean};

/// What a cancelled order means for the buyer's money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Money {
    /// It was taken, and goes back.
    Returns,
    /// It was promised, and never taken.
    Released,
    /// It was never asked for.
    Untouched,
}

impl Tongue {
    /// English for a language that nobody wrote mails in.
    pub fn of(locale: &Locale) -> Self {
        match locale.language() {
            "ko" => Korean,
            _ => English,
        }
    }

    pub fn tag(self) -> &'static str {
        self.either("en", "ko")
    }

    pub fn either<T>(self, english: T, korean: T) -> T {
        match self {
            English => english,
            Korean => korean,
        }
    }

    /// The subject; `total` is told to staff only, `is_part` of a parcel that does not hold everything.
    pub fn subject(
        self,
        kind: MailKind,
        shop: &str,
        number: &str,
        total: &str,
        is_part: bool,
        is_test: bool,
    ) -> String {
        let subject = match (self, kind, is_part) {
            (English, MailKind::Placed, _) => format!("Your order {number} is confirmed"),
            (English, MailKind::Shipped, false) => format!("Your order {number} is on its way"),
            (English, MailKind::Shipped, true) => format!("Part of your order {number} is on its way"),
            (English, MailKind::Cancelled, _) => format!("Your order {number} was cancelled"),
            (English, MailKind::Refunded, _) => format!("Your refund for order {number}"),
            (English, MailKind::NewOrder, _) => format!("New order {number}: {total}"),
            (Korean, MailKind::Placed, _) => format!("주문이 확인되었습니다 (주문번호 {number})"),
            (Korean, MailKind::Shipped, false) => format!("상품이 발송되었습니다 (주문번호 {number})"),
            (Korean, MailKind::Shipped, true) => format!("일부 상품이 먼저 발송되었습니다 (주문번호 {number})"),
            (Korean, MailKind::Cancelled, _) => format!("주문이 취소되었습니다 (주문번호 {number})"),
            (Korean, MailKind::Refunded, _) => format!("환불이 완료되었습니다 (주문번호 {number})"),
            (Korean, MailKind::NewOrder, _) => format!("새 주문 {number} · {total}"),
        };
        let subject = match (self, shop.is_empty()) {
            (_, true) => subject,
            (English, false) => format!("{subject} – {shop}"),
            (Korean, false) => format!("[{shop}] {subject}"),
        };
        if is_test { format!("{} {subject}", self.either("[Test]", "[테스트]")) } else { subject }
    }

    pub fn heading(self, kind: MailKind, name: Option<&str>, is_part: bool) -> String {
        let english = match (kind, name, is_part) {
            (MailKind::Placed, Some(name), _) => return self.thanks(name),
            (MailKind::Placed, None, _) => "Thank you for your order",
            (MailKind::Shipped, _, false) => "Your order is on its way",
            (MailKind::Shipped, _, true) => "Part of your order is on its way",
            (MailKind::Cancelled, ..) => "Your order was cancelled",
            (MailKind::Refunded, ..) => "Your refund is on its way",
            (MailKind::NewOrder, ..) => "A new order",
        };
        let korean = match (kind, is_part) {
            (MailKind::Placed, _) => "주문해 주셔서 감사합니다",
            (MailKind::Shipped, false) => "상품이 발송되었습니다",
            (MailKind::Shipped, true) => "일부 상품이 먼저 발송되었습니다",
            (MailKind::Cancelled, _) => "주문이 취소되었습니다",
            (MailKind::Refunded, _) => "환불이 완료되었습니다",
            (MailKind::NewOrder, _) => "새 주문이 들어왔습니다",
        };
        self.either(english, korean).to_owned()
    }

    fn thanks(self, name: &str) -> String {
        match self {
            English => format!("Thank you for your order, {name}"),
            Korean => format!("{name}님, 주문해 주셔서 감사합니다"),
        }
    }

    pub fn placed(self, number: &str) -> String {
        match self {
            English => format!(
                "We have received your order {number} and are getting it ready. We will write again when it ships."
            ),
            Korean => {
                format!("주문번호 {number}의 주문이 정상적으로 접수되었습니다. 상품이 발송되면 다시 알려 드리겠습니다.")
            }
        }
    }

    pub fn placed_unpaid(self, number: &str) -> String {
        match self {
            English => format!(
                "We have received your order {number}. We will get it ready as soon as your payment has arrived."
            ),
            Korean => format!("주문번호 {number}의 주문이 접수되었습니다. 입금이 확인되는 대로 상품을 준비하겠습니다."),
        }
    }

    pub fn shipped(self, number: &str) -> String {
        match self {
            English => format!("We have sent the following from your order {number}:"),
            Korean => format!("주문번호 {number}의 상품을 아래와 같이 보내 드렸습니다."),
        }
    }

    pub fn rest_follows(self) -> String {
        self.either("The rest follows in another parcel.", "나머지 상품은 준비되는 대로 따로 보내 드리겠습니다.")
            .to_owned()
    }

    pub fn cancelled(self, number: &str) -> String {
        match self {
            English => format!("Your order {number} was cancelled. Nothing more will be sent."),
            Korean => format!("주문번호 {number}의 주문이 취소되었습니다. 상품은 발송되지 않습니다."),
        }
    }

    pub fn money(self, money: Money) -> String {
        let (english, korean) = match money {
            Money::Returns => (
                "What you paid goes back the way it came. Depending on your bank this takes a few days.",
                "결제하신 금액은 결제하신 수단으로 환불됩니다. 카드사나 은행에 따라 며칠이 걸릴 수 있습니다.",
            ),
            Money::Released => (
                "You have not been charged. If your bank still shows an amount on hold, it will disappear by itself.",
                "실제로 청구된 금액은 없습니다. 승인 내역이 남아 있더라도 자동으로 취소됩니다.",
            ),
            Money::Untouched => ("You have not been charged.", "청구된 금액은 없습니다."),
        };
        self.either(english, korean).to_owned()
    }

    pub fn refunded(self, amount: &str, number: &str) -> String {
        match self {
            English => format!(
                "We have refunded {amount} for your order {number}. Depending on your bank it takes a few days until you see it."
            ),
            Korean => format!(
                "주문번호 {number}에 대해 {amount} 환불을 완료했습니다. 카드사나 은행에 따라 확인까지 며칠이 걸릴 수 있습니다."
            ),
        }
    }

    pub fn new_order(self, number: &str, total: &str) -> String {
        match self {
            English => format!("Order {number} over {total} is confirmed and waits to be sent."),
            Korean => format!("주문번호 {number}, 총 {total}의 주문이 확정되어 발송을 기다리고 있습니다."),
        }
    }

    pub fn test_order(self) -> String {
        self.either(
            "This is a test order: no money moves, and nothing is sent.",
            "테스트 주문입니다. 실제로 결제되거나 배송되지 않습니다.",
        )
        .to_owned()
    }

    /// What a total is called, by its kind.
    pub fn total(self, kind: &str) -> &'static str {
        let (english, korean) = match kind {
            "subtotal" => ("Subtotal", "상품 금액"),
            "items_discount" => ("Item discounts", "상품 할인"),
            "discount" => ("Discount", "할인"),
            "fulfillment" => ("Shipping", "배송비"),
            "tax" => ("Tax", "세금"),
            "fee" => ("Fee", "수수료"),
            _ => ("Total", "총 결제 금액"),
        };
        self.either(english, korean)
    }

    pub fn payment_status(self, status: &str) -> &'static str {
        let (english, korean) = match status {
            "captured" => ("Paid", "결제 완료"),
            "authorized" => ("Authorised, not captured yet", "승인됨, 매입 전"),
            "partially_captured" => ("Partly paid", "일부 결제"),
            "refunded" => ("Refunded", "환불 완료"),
            "partially_refunded" => ("Partly refunded", "일부 환불"),
            "voided" => ("Voided", "승인 취소"),
            "declined" => ("Declined", "결제 거절"),
            _ => ("Not paid yet", "결제 대기"),
        };
        self.either(english, korean)
    }

    pub fn reason(self, shop: &str) -> String {
        match self {
            English => format!("You receive this mail because of your order at {shop}."),
            Korean => format!("이 메일은 {shop}에서 주문하신 고객님께 발송되었습니다."),
        }
    }

    pub fn staff_reason(self, shop: &str) -> String {
        match self {
            English => format!("You receive this mail because you are told of new orders at {shop}."),
            Korean => format!("이 메일은 {shop}의 새 주문 알림을 받는 담당자에게 발송되었습니다."),
        }
    }

    pub fn questions(self, contact: &str) -> String {
        match self {
            English => format!("Questions? Write to {contact}."),
            Korean => format!("문의: {contact}"),
        }
    }
}
