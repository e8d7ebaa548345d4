//! What the pages of the shop's settings say.
//! It does not know the settings.

use super::phrases;

phrases! {
    general: "General", "기본 정보";
    countries: "Countries and tax", "국가 및 세금";
    shipping: "Shipping", "배송";
    payments: "Payment", "결제";
    sections: "Settings", "설정";
    saved: "Saved.", "저장했습니다.";
    changed_meanwhile: "Somebody changed the settings while you were writing. What you wrote stands here and is not saved yet; save again to put it over theirs.", "작성하는 동안 다른 사람이 설정을 변경했습니다. 입력한 내용은 그대로 있으며 아직 저장되지 않았습니다. 다시 저장하면 덮어씁니다.";

    setup: "Set up your shop", "상점 준비하기";
    setup_lead: "{} of {} done. When all are, somebody can buy.", "{}/{} 완료. 모두 마치면 구매할 수 있습니다.";
    setup_done: "Your shop can sell.", "판매할 준비가 되었습니다.";
    step_name: "Give it a name", "상점 이름 정하기";
    step_currency: "Choose its currency", "통화 선택";
    step_country: "Say where you sell to, and the tax there", "판매 국가와 세율 입력";
    step_shipping: "Say how you send, and what that costs", "배송 방법과 요금 입력";
    step_payment: "Choose how one pays", "결제 방법 선택";
    step_product: "Put the first product on sale", "첫 상품 등록";
    step_stock: "Put some of it on the shelf", "재고 입고";
    step_is_done: "done", "완료";
    step_is_next: "next", "다음 단계";

    name: "Name of the shop", "상점 이름";
    public_url: "Its address on the web", "상점 웹 주소";
    public_url_hint: "Such as https://shop.example.com; mail and links carry it.", "예: https://shop.example.com. 메일과 링크에 사용됩니다.";
    time_zone: "Time zone", "시간대";
    time_zone_hint: "Days in statistics are this zone's.", "통계의 하루 기준이 됩니다.";
    identity: "Who runs it", "사업자 정보";
    identity_lead: "The law of most countries wants this shown to buyers; it stands at the foot of every page.", "대부분의 나라에서 법으로 표시해야 하는 정보이며, 모든 페이지 하단에 표시됩니다.";
    legal_name: "Legal name", "상호(법인명)";
    registration: "Registration", "사업자등록번호";
    registration_hint: "Number in the register of companies or trades.", "등록된 사업자 번호입니다.";
    vat_id: "VAT number", "부가가치세 번호";
    email: "E-mail", "이메일";
    phone: "Telephone", "전화번호";
    phone_hint: "In the form +82 2 1234 5678.", "+82 2 1234 5678 형식으로 입력해 주세요.";
    line1: "Street and number", "주소";
    line2: "Second line", "상세 주소";
    city: "City", "도시";
    region: "State or province", "시/도";
    postal_code: "Postal code", "우편번호";
    country: "Country", "국가";
    languages: "Languages", "언어";
    languages_lead: "Shoppers choose among these.", "구매자가 선택할 수 있는 언어입니다.";
    own_language: "The shop's own", "기본 언어";
    own_language_hint: "In which products are written first; stands in where a translation is missing.", "상품을 처음 작성하는 언어이며, 번역이 없을 때 사용됩니다.";
    more_languages: "Others", "기타 언어";
    more_languages_hint: "Tags such as pt-BR, with commas between them.", "pt-BR 같은 언어 코드를 쉼표로 구분해 입력해 주세요.";
    currencies: "Currencies", "통화";
    currencies_hint: "Three letters each, with commas between them; the first one is the default: EUR, USD. Prices are typed in each of them.", "세 글자 코드를 쉼표로 구분해 입력합니다. 첫 번째가 기본 통화입니다: KRW, USD. 가격은 통화마다 입력합니다.";
    still_rate: "“{}” still has a price in {}: take that out under Shipping first.", "배송 방법 “{}”에 {} 요금이 남아 있습니다. 배송 설정에서 먼저 제거해 주세요.";
    still_country: "“{}” still sends to {}: take that out under Shipping first.", "배송 방법 “{}”이(가) 아직 {}(으)로 배송합니다. 배송 설정에서 먼저 제거해 주세요.";

    countries_lead: "Where you sell to, and the rate of tax there.", "판매하는 국가와 세율입니다.";
    tax_rate: "Tax in per cent", "세율 (%)";
    included: "Prices include it", "가격에 포함";
    included_long: "Prices include the tax", "가격에 세금 포함";
    add_country: "Add a country", "국가 추가";
    choose_country: "Choose…", "선택…";
    no_countries: "The shop sells to no country yet.", "아직 판매하는 국가가 없습니다.";
    remove: "Remove", "제거";
    removed_when_saved: "Removed when you save.", "저장하면 제거됩니다.";
    earlier: "Move up", "위로";
    later: "Move down", "아래로";

    shipping_lead: "Ways to send, in the order in which buyers see them.", "배송 방법이며, 구매자에게 이 순서로 표시됩니다.";
    no_shipping: "There is no way to send anything yet.", "아직 배송 방법이 없습니다.";
    add_shipping: "Add a way to send", "배송 방법 추가";
    method_name: "Name", "이름";
    name_in: "Name in {}", "이름 ({})";
    method_number: "Method {}", "방법 {}";
    sends_to: "Sends to", "배송 국가";
    rate_in: "Price in {}", "요금 ({})";
    rate_hint: "Empty: not offered in this currency. 0: free.", "비워 두면 이 통화로 제공하지 않습니다. 0은 무료입니다.";
    free_above_in: "Free from, {}", "무료 배송 기준 ({})";
    days: "Takes, in days", "소요 일수";
    days_from: "From", "최소";
    days_to: "To", "최대";
    need_countries: "Add a country first: a way to send needs one.", "국가를 먼저 추가해 주세요.";
    key: "Short name", "식별자";
    key_hint: "For programs: a-z, 0-9, - and _. Made from the name where it is empty; it stays when the name changes.", "프로그램에서 쓰는 이름입니다(a-z, 0-9, -, _). 비워 두면 이름으로 만들어지며, 이름을 바꿔도 유지됩니다.";

    payments_lead: "How one pays, in the order in which buyers see it.", "결제 방법이며, 구매자에게 이 순서로 표시됩니다.";
    no_payments: "There is no way to pay yet.", "아직 결제 방법이 없습니다.";
    add_payment: "Add a way to pay", "결제 방법 추가";
    provider: "Carried out by", "처리 방식";
    provider_test: "Test bank: no money moves", "테스트 결제: 실제 결제되지 않음";
    provider_manual: "By hand: bank transfer, cash, invoice", "직접 확인: 계좌이체, 현금 등";
    provider_unknown: "{} (not available here)", "{} (사용할 수 없음)";
    is_test: "Test", "테스트";
    test_note: "With test payments no money moves, and every page of the shop says that it is being tried out.", "테스트 결제는 실제로 결제되지 않으며, 상점의 모든 페이지에 시험 운영 중임이 표시됩니다.";
    instructions: "What the buyer has to do", "구매자 안내";
    instructions_hint: "Shown after the order, such as the account to pay to.", "주문 후 표시됩니다(예: 입금 계좌).";
}
