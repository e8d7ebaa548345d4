//! What each kind of fact is called in a timeline.
//! It does not know what a fact says; the page shows that as it was stored.

use super::Words;

/// The type of a fact, in English, in Korean.
const FACTS: [(&str, &str, &str); 62] = [
    ("order.placed", "Order placed", "주문 접수"),
    ("order.reserved", "Goods reserved", "재고 확보"),
    ("order.rejected", "Rejected: not enough in stock", "재고 부족으로 거부"),
    ("order.authorized", "Payment promised", "결제 승인 확인"),
    ("order.action_required", "Waiting for the buyer's bank", "구매자 인증 대기"),
    ("order.reservation_confirmed", "Reservation made firm", "재고 확정"),
    ("order.confirmed", "Order confirmed", "주문 확정"),
    ("order.cancellation_requested", "Cancellation begun", "취소 시작"),
    ("order.payment_undone", "Payment undone", "결제 되돌림"),
    ("order.released", "Goods let go", "재고 반환"),
    ("order.cancelled", "Order cancelled", "주문 취소"),
    ("order.capture_requested", "Capture asked for", "매입 요청"),
    ("order.captured", "Capture noted", "매입 확인"),
    ("order.capture_failed", "Capture failed", "매입 실패"),
    ("order.shipped", "Parcel sent", "발송"),
    ("order.stock_shipped", "Goods off the shelf", "재고 차감 확인"),
    ("order.delivered", "Parcel delivered", "배송 완료"),
    ("order.refund_requested", "Refund asked for", "환불 요청"),
    ("order.refunded", "Refund noted", "환불 확인"),
    ("order.refund_failed", "Refund failed", "환불 실패"),
    ("order.restocked", "Goods back on the shelf", "재입고 확인"),
    ("order.noted", "Note written", "메모 작성"),
    ("order.step_failed", "A step failed; it is tried again", "단계 실패, 재시도 예정"),
    ("order.parked", "Parked for staff", "직원 확인 대기"),
    ("order.resumed", "Tried again by staff", "직원이 재시도"),
    ("order.step_skipped", "Step skipped by staff", "직원이 단계 건너뜀"),
    ("order.erased", "Buyer's data erased", "구매자 정보 삭제"),
    ("payment.opened", "Payment opened", "결제 시작"),
    ("payment.started", "Provider asked", "결제사 요청"),
    ("payment.attempt_failed", "An attempt had no effect", "결제 시도 실패"),
    ("payment.authorized", "Payment authorised", "결제 승인"),
    ("payment.action_required", "Bank wants the buyer", "은행 인증 요청"),
    ("payment.declined", "Payment declined", "결제 거절"),
    ("payment.closing", "Payment being closed", "결제 종료 시작"),
    ("payment.late", "An answer came late", "늦은 응답 도착"),
    ("payment.captured", "Payment captured", "결제 매입"),
    ("payment.refunded", "Payment refunded", "결제 환불"),
    ("payment.voided", "Authorisation let go", "승인 취소"),
    ("payment.failed", "Provider refused", "결제사 거부"),
    ("payment.marked_paid", "Marked as paid", "입금 확인"),
    ("reservation.held", "Goods held", "재고 예약"),
    ("reservation.refused", "Goods refused", "재고 예약 거부"),
    ("reservation.confirmed", "Goods kept for the order", "예약 확정"),
    ("reservation.shipped", "Goods shipped", "예약 상품 발송"),
    ("reservation.released", "Goods free again", "예약 해제"),
    ("reservation.expired", "Reservation expired", "예약 만료"),
    ("reservation.restocked", "Goods restocked", "재입고"),
    ("ledger.posted", "Posted to the books", "장부 기입"),
    ("stock.reserved", "Stock reserved", "재고 예약"),
    ("stock.released", "Stock released", "재고 해제"),
    ("stock.shipped", "Stock shipped", "재고 출고"),
    ("stock.restocked", "Stock restocked", "재입고"),
    ("reserve", "Reserve the goods", "재고 확보"),
    ("authorize", "Ask for the payment", "결제 승인"),
    ("confirm_reservation", "Make the reservation firm", "재고 확정"),
    ("undo_payment", "Undo the payment", "결제 되돌리기"),
    ("release", "Let the goods go", "재고 반환"),
    ("capture", "Capture the payment", "결제 매입"),
    ("ship_stock", "Take the goods off the shelf", "재고 차감"),
    ("refund", "Give the money back", "환불"),
    ("restock", "Put the goods back", "재입고"),
    ("conclude", "Conclude", "마무리"),
];

impl Words {
    /// A fact, or a step of a process, in plain words; its own name where nobody told us.
    pub fn happening(&self, name: &str) -> String {
        let known = FACTS.iter().find(|(known, ..)| *known == name);
        known.map_or(name, |(_, english, korean)| if self.is_korean() { korean } else { english }).to_owned()
    }
}
