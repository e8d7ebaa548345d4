//! What stands around every page, and what all pages share.
//! It does not know any page in particular.

use super::phrases;

phrases! {
    home: "Home", "홈";
    orders: "Orders", "주문";
    drafts: "Drafts", "임시 주문";
    products: "Products", "상품";
    categories: "Categories", "카테고리";
    stock: "Stock", "재고";
    import: "Import", "가져오기";
    processes: "Processes", "처리 현황";
    mail: "Mail", "메일";
    pages: "Pages", "페이지";
    settings: "Settings", "설정";
    staff: "Staff", "직원";
    keys: "API keys", "API 키";
    menu: "Menu", "메뉴";
    sections: "Sections", "메뉴";
    skip: "Skip to the content", "본문으로 건너뛰기";
    to_the_shop: "View the shop", "상점 보기";
    sign_in: "Sign in", "로그인";
    sign_in_lead: "For the people who run this shop.", "상점 운영자 전용입니다.";
    sign_out: "Sign out", "로그아웃";
    email: "E-mail", "이메일";
    password: "Password", "비밀번호";
    wrong_credentials: "E-mail and password do not go together.", "이메일 또는 비밀번호가 올바르지 않습니다.";
    locked_out: "Too many failed attempts. Try again in {} minutes.", "로그인에 여러 번 실패했습니다. {}분 후에 다시 시도해 주세요.";
    locked_out_short: "Too many failed attempts. Try again in a minute.", "로그인에 여러 번 실패했습니다. 1분 후에 다시 시도해 주세요.";
    signed_out: "You are signed out.", "로그아웃되었습니다.";
    cancel: "Cancel", "취소";
    save: "Save", "저장";
    search: "Search", "검색";
    apply: "Apply", "적용";
    clear: "Clear", "초기화";
    filter: "Filter", "필터";
    all: "All", "전체";
    next_page: "Next page", "다음 페이지";
    first_page: "Back to the beginning", "처음으로";
    as_csv: "Export as CSV", "CSV로 내보내기";
    test: "Test", "테스트";
    select_all: "Select all", "모두 선택";
    please_check: "Please check this:", "다음 내용을 확인해 주세요.";
    nothing_here: "There is nothing here", "페이지를 찾을 수 없습니다";
    nothing_here_text: "It may have been removed, or the address has a mistake.", "삭제되었거나 주소가 잘못되었을 수 있습니다.";
    our_fault: "Something went wrong here", "오류가 발생했습니다";
    our_fault_text: "It is our fault, and the log says more. Nothing was half done: try again.", "서버에서 오류가 발생했으며 자세한 내용은 로그에 기록되었습니다. 다시 시도해 주세요.";
    not_now: "Not available right now", "지금은 이용할 수 없습니다";
    not_now_text: "The shop is very busy. Please try again in a moment.", "접속이 많습니다. 잠시 후 다시 시도해 주세요.";
    not_done: "This was not done", "처리하지 못했습니다";
    back_home: "To the first page", "첫 화면으로";
    minute_format: "%-d %b %Y, %H:%M", "%Y년 %-m월 %-d일 %H:%M";
    exact_format: "%-d %b %Y, %H:%M:%S%.6f", "%Y년 %-m월 %-d일 %H:%M:%S%.6f";
    day_format: "%-d %b", "%-m월 %-d일";
    date_format: "%-d %b %Y", "%Y년 %-m월 %-d일";
}
