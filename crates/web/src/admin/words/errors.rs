//! What services say most often when they do not do something, in Korean.
//! It does not know English: that is how services speak.

pub fn korean(code: &str) -> Option<&'static str> {
    Some(match code {
        "required" | "missing" => "필수 항목입니다.",
        "too_long" => "너무 깁니다.",
        "out_of_range" => "허용 범위를 벗어났습니다.",
        "malformed" | "invalid_value" | "wrong_type" => "형식이 올바르지 않습니다.",
        "unknown_sku" => "등록되지 않은 SKU입니다.",
        "unknown_currency" => "알 수 없는 통화입니다.",
        "invalid_email" => "이메일 주소가 올바르지 않습니다.",
        "invalid_time" => "시간 형식이 올바르지 않습니다.",
        "insufficient_stock" => "재고가 부족합니다.",
        "stale" => "그 사이에 다른 사람이 변경했습니다. 새로 고친 뒤 다시 시도해 주세요.",
        "malformed_form" => "양식을 읽을 수 없습니다.",
        "bad_cursor" => "목록의 위치가 올바르지 않습니다. 처음부터 다시 보세요.",
        "draft_completed" => "이미 주문으로 전환된 임시 주문입니다.",
        _ => return None,
    })
}
