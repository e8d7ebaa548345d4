//! Names, addresses and notes that would be markup or formulas if they were not escaped.

use super::Office;

const SCRIPT: &str = "<script>alert('x')</script>";
const BREAKOUT: &str = "\"><img src=x onerror=alert(1)>";

#[tokio::test]
async fn what_people_write_is_text() {
    let office = Office::signed_in().await;
    let id = office.buy_as("one", SCRIPT, BREAKOUT, "</textarea><script>1</script>").await;
    office.deed(&id, "note", &[("note", SCRIPT)]).await;
    let body = [
        ("currency", "EUR"),
        ("lines.0.sku", BREAKOUT),
        ("lines.0.title", SCRIPT),
        ("buyer.name", SCRIPT),
        ("reference", BREAKOUT),
        ("note", "</textarea><script>1</script>"),
    ];
    let draft = office.post("/admin/drafts/new", &body).await;
    let kept = draft.location().to_owned();
    let paths = [
        format!("/admin/orders/{id}"),
        format!("/admin/orders/{id}/cancel"),
        format!("/admin/orders/{id}/receipt"),
        format!("/admin/orders/{id}/packing-slip"),
        format!("/admin/drafts/new?order={id}"),
        format!("/admin/orders?q={}", "%22%3E%3Cimg+src%3Dx+onerror%3Dalert(1)%3E"),
        "/admin/orders?status=%22%3E%3Cscript%3E".to_owned(),
        "/admin/sign-in?to=%22%3E%3Cscript%3E".to_owned(),
        "/admin/drafts".to_owned(),
        kept,
    ];
    for path in paths.iter().filter(|path| !path.is_empty()) {
        let page = office.get(path).await;
        assert!(!page.has("<script>") && !page.has("<img src=x"), "{path}");
    }
    let typed = office.post("/admin/drafts/new", &[("lines.0.sku", BREAKOUT), ("note", "</textarea><script>")]).await;
    assert!(!typed.has("<script>") && !typed.has("<img src=x") && typed.has("&#60;script&#62;"), "{}", typed.body);
}

#[tokio::test]
async fn a_flash_that_somebody_forged_is_text_too() {
    let office = Office::signed_in().await;
    office.cookies.lock().insert("admin_flash".to_owned(), "good=%3Cscript%3Ealert(1)%3C%2Fscript%3E".to_owned());
    let page = office.get("/admin").await;
    assert!(page.has("&#60;script&#62;alert(1)") && !page.has("<script>alert"));
}

#[tokio::test]
async fn no_cell_of_a_file_is_a_formula() {
    let office = Office::signed_in().await;
    let name = "=HYPERLINK(\"https://evil.example\")";
    let fields = [("currency", "EUR"), ("lines.0.sku", "A"), ("buyer.name", name), ("reference", "@SUM(1)")];
    assert!(office.post("/admin/drafts/new", &fields).await.location().starts_with("/admin/drafts/dft_"));
    let csv = office.get("/admin/drafts?format=csv").await;
    assert!(csv.has("\"'=HYPERLINK(\"\"https://evil.example\"\")\"") && csv.has(",'@SUM(1),"), "{}", csv.body);
}
