//! The dashboard.
//! It does not know what is counted how.

use super::phrases;

phrases! {
    today: "Today", "오늘";
    orders: "Orders", "주문";
    revenue: "Revenue", "매출";
    average: "Average order", "평균 주문액";
    units: "Pieces sold", "판매 수량";
    refunded: "Refunded", "환불";
    same: "as yesterday until now", "어제 같은 시각과 동일";
    up: "up {} on yesterday until now", "어제 같은 시각보다 {} 증가";
    down: "down {} on yesterday until now", "어제 같은 시각보다 {} 감소";
    all_of_yesterday: "All of yesterday: {}", "어제 전체: {}";
    by_hour: "Today by the hour", "오늘 시간대별";
    by_day: "The last {} days", "최근 {}일";
    by_day_chart: "Revenue by day", "일별 매출";
    by_hour_chart: "Revenue by the hour, today and yesterday", "시간대별 매출, 오늘과 어제";
    chart_desc: "From {} to {}. The most was {} on {}. The table below has every value.", "{}부터 {}까지입니다. 최고는 {} ({}). 아래 표에 모든 값이 있습니다.";
    chart_desc_hours: "Today {}, yesterday {}. The table below has every value.", "오늘 {}, 어제 {}입니다. 아래 표에 모든 값이 있습니다.";
    yesterday: "Yesterday", "어제";
    as_table: "As a table", "표로 보기";
    day: "Day", "날짜";
    hour: "Hour", "시각";
    currency: "Currency", "통화";
    real: "Real orders", "실제 주문";
    test: "Test orders", "테스트 주문";
    test_note: "These are test orders: no money moved. They are counted apart from real ones.", "테스트 주문만 표시합니다. 실제 결제가 이루어지지 않았으며 실제 주문과 따로 집계됩니다.";
    to_do: "Waiting for you", "처리할 일";
    nothing_to_do: "Nothing waits for you.", "처리할 일이 없습니다.";
    to_ship: "Orders to ship", "발송 대기 주문";
    parked: "Parked processes", "보류된 작업";
    mail_failed: "Mail that failed", "발송 실패 메일";
    mail_waiting: "Mail that waits", "발송 대기 메일";
    low_stock: "Low stock", "재고 부족";
    low_stock_left: "{} left", "{}개 남음";
    sold_out: "sold out", "품절";
    all_stock: "All stock", "전체 재고";
    latest: "Latest orders", "최근 주문";
    all_orders: "All orders", "전체 주문";
    nothing_sold: "Nothing sold yet", "아직 판매 내역이 없습니다";
    nothing_sold_text: "As soon as the first order is confirmed, its numbers appear here.", "첫 주문이 확정되면 여기에 표시됩니다.";
    opening: "Opening the shop", "상점 열기";
    opening_text: "Four steps, and a guest can buy.", "네 단계만 마치면 판매를 시작할 수 있습니다.";
    step_settings: "Name, currency, countries, shipping and payment", "이름, 통화, 국가, 배송, 결제 설정";
    step_product: "A first product with a price", "첫 상품과 가격 등록";
    step_stock: "Its stock", "재고 입고";
    step_look: "Look at the shop as a guest", "고객 화면 확인";
    visitors: "In the shop now", "현재 접속자";
    visitors_text: "People who looked around within the last five minutes, crawlers left out.", "최근 5분간 상점을 둘러본 사람 수입니다(검색 로봇 제외).";
    visitors_here: "People who looked around within the last five minutes, as far as this node has seen them.", "최근 5분간 상점을 둘러본 사람 수이며, 이 노드에서 확인된 수만 표시합니다.";
    more_than: "{}+", "{}+";
    days_7: "7 days", "7일";
    days_30: "30 days", "30일";
    days_90: "90 days", "90일";
    days_365: "1 year", "1년";
    zone: "Days are those of {}.", "날짜 기준 시간대: {}";
}
