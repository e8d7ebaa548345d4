//! Processes: what is under way, what is parked, and what staff can do about it.
//! It does not know orders' other deeds.

use super::phrases;

phrases! {
    lead: "What is under way by itself, and what waits for you. Parked ones first.", "자동으로 진행 중인 작업과 직원의 결정을 기다리는 작업입니다. 보류된 작업이 먼저 표시됩니다.";
    all: "All", "전체";
    parked: "Parked", "보류";
    running: "Running", "진행 중";
    none: "Nothing is under way", "진행 중인 작업이 없습니다";
    none_text: "Every order's process has come to its end.", "모든 주문의 처리가 끝났습니다.";
    none_parked: "Nothing is parked", "보류된 작업이 없습니다";
    none_parked_text: "No process waits for you.", "결정을 기다리는 작업이 없습니다.";
    step: "Step", "단계";
    state: "State", "상태";
    reason: "What went wrong", "문제";
    attempts: "Attempts", "시도";
    since: "Since", "시작";
    next_look: "Looked at next", "다음 확인";
    retry: "Retry", "다시 시도";
    skip: "Skip", "건너뛰기";
    compensate: "Undo the order", "주문 되돌리기";
    retry_title: "Retry the step", "단계 다시 시도";
    skip_title: "Skip the step", "단계 건너뛰기";
    compensate_title: "Undo the order", "주문 되돌리기";
    at_step: "Step: {}.", "단계: {}";
    failed_with: "It failed last with: {}", "마지막 오류: {}";
    says_retry: "Tries this step again at once. It was made so that trying twice does nothing twice.", "이 단계를 바로 다시 시도합니다. 두 번 시도해도 두 번 처리되지 않습니다.";
    says_retry_again: "If it fails again it is parked again.", "다시 실패하면 다시 보류됩니다.";
    says_skip: "Goes on as if the step were done. Do this only after you have seen to it in another way.", "이 단계가 완료된 것으로 보고 계속 진행합니다. 다른 방법으로 직접 처리한 경우에만 사용하세요.";
    says_skip_not: "Steps that hold stock or ask the buyer's consent cannot be skipped.", "재고 확보와 구매자 승인 단계는 건너뛸 수 없습니다.";
    says_compensate: "Cancels the order: what was authorised is let go, what was taken goes back, {} pieces are free again.", "주문을 취소합니다. 승인은 취소되고, 받은 금액은 환불되며, {}개가 재고로 돌아갑니다.";
    says_compensate_mail: "The buyer is mailed, where mail is set up.", "메일이 설정되어 있으면 구매자에게 안내합니다.";
    says_compensate_only: "Only an order that is not confirmed yet can be undone like this; another one is cancelled or refunded on its page.", "아직 확정되지 않은 주문만 되돌릴 수 있습니다. 확정된 주문은 주문 화면에서 취소하거나 환불하세요.";
    why: "Why", "사유";
    done_retry: "Tried again.", "다시 시도했습니다.";
    done_skip: "The step was skipped.", "단계를 건너뛰었습니다.";
    done_compensate: "The order is being undone.", "주문을 되돌리고 있습니다.";
    still_parked: "Tried again; it is still parked: {}", "다시 시도했지만 여전히 보류 상태입니다: {}";
}
