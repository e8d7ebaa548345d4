//! Staff, keys, written pages and mail; and that none of it is done for another site.

use axum::http::{Request, StatusCode, header};
use contracts::staff::Whence;

use super::filled::Filled;
use super::{EMAIL, Office, Page};

/// What was told once.
fn secret(page: &Page) -> String {
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let (_, rest) = page.body.split_once("<code>").expect("a secret");
    rest.split("</code>").next().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn somebody_is_added_gets_a_password_and_leaves() {
    let office = Office::signed_in().await;
    let form = Filled::of(&office.get("/admin/staff").await, "/admin/staff").set("email", "new@shop.example");
    let password = secret(&form.send(&office).await);
    assert!(office.services.staff_desk.sign_in("new@shop.example", &password, Whence::default()).await.is_ok());
    let page = form.send(&office).await;
    assert!(page.status == StatusCode::CONFLICT && page.has("class=\"wrongs\""), "{}", page.body);

    let members = office.services.staff_desk.members().await.unwrap();
    let id_of = |email: &str| members.iter().find(|member| member.email == email).unwrap().id.clone();
    let (owner, new) = (id_of(EMAIL), id_of("new@shop.example"));
    let reset = format!("/admin/staff/{new}/reset");
    let other = secret(&Filled::of(&office.get(&reset).await, &reset).send(&office).await);
    assert!(office.services.staff_desk.sign_in("new@shop.example", &password, Whence::default()).await.is_err());
    assert!(office.services.staff_desk.sign_in("new@shop.example", &other, Whence::default()).await.is_ok());

    let remove = format!("/admin/staff/{new}/remove");
    let question = office.get(&remove).await;
    assert!(question.has("can no longer sign in") && !question.has("This is you"));
    assert_eq!(Filled::of(&question, &remove).send(&office).await.status, StatusCode::SEE_OTHER);
    assert!(office.services.staff_desk.sign_in("new@shop.example", &other, Whence::default()).await.is_err());

    // The last one stays, and is told that it is them.
    let remove = format!("/admin/staff/{owner}/remove");
    let question = office.get(&remove).await;
    assert!(question.has("This is you"));
    let page = Filled::of(&question, &remove).send(&office).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    assert!(page.has("class=\"wrongs\""));
    assert!(office.get("/admin/staff?format=csv").await.has(EMAIL));
}

#[tokio::test(start_paused = true)]
async fn a_password_is_changed_by_who_knows_it() {
    let office = Office::signed_in().await;
    let path = "/admin/staff/password";
    let old = office.password.clone();
    let send = async |old: &str, new: &str, again: &str| {
        office.post(path, &[("old", old), ("new", new), ("again", again)]).await
    };
    assert!(send(&old, "a long new password", "another").await.has("id=\"e-again\""));
    assert!(send("wrong", "a long new password", "a long new password").await.has("id=\"e-old\""));
    assert!(send(&old, "short", "short").await.has("id=\"e-new\""));
    let page = send(&old, "a long new password", "a long new password").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert!(!page.has("a long new password"));
    assert!(office.services.staff_desk.sign_in(EMAIL, "a long new password", Whence::default()).await.is_ok());
    assert_eq!(office.get("/admin/staff").await.status, StatusCode::OK, "one's own session goes on");
}

#[tokio::test(start_paused = true)]
async fn a_key_is_told_once_and_stops() {
    let office = Office::signed_in().await;
    let form = Filled::of(&office.get("/admin/keys").await, "/admin/keys").set("name", "ware<house>");
    let key = secret(&form.send(&office).await);
    assert!(office.services.staff.authenticate(&key).await.unwrap().is_some());
    let list = office.get("/admin/keys").await;
    assert!(list.has("ware&#60;house&#62;") && !list.has(&key), "{}", list.body);
    let id = office.services.staff_desk.keys(None, 10).await.unwrap().items[0].id.clone();
    let question = office.get(&format!("/admin/keys/{id}/remove?name=ware%3Chouse%3E")).await;
    let action = format!("/admin/keys/{id}/remove?name=ware%3Chouse%3E");
    assert_eq!(Filled::of(&question, &action).send(&office).await.status, StatusCode::SEE_OTHER);
    assert!(office.services.staff.authenticate(&key).await.unwrap().is_none());
    assert_eq!(Filled::of(&question, &action).send(&office).await.status, StatusCode::NOT_FOUND);
    assert_eq!(office.post("/admin/keys", &[("name", " ")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test(start_paused = true)]
async fn a_page_is_written_previewed_and_shown() {
    let office = Office::signed_in().await;
    let path = "/admin/pages/about";
    let form = Filled::of(&office.get(path).await, path)
        .set("texts.en.title", "About <us>")
        .set("texts.en.body", "Hello **there**\n\n<script>alert(1)</script>");
    let page = form.press(&office, "preview").await;
    assert!(page.has("<strong>there</strong>") && !page.has("<script>alert"), "{}", page.body);
    assert_eq!(Filled::of(&page, path).get("texts.en.body"), "Hello **there**\n\n<script>alert(1)</script>");
    assert_eq!(office.get("/pages/about").await.status, StatusCode::NOT_FOUND);
    assert_eq!(form.press(&office, "save").await.status, StatusCode::SEE_OTHER);
    let shown = office.get("/pages/about").await;
    assert!(shown.has("<strong>there</strong>") && shown.has("About &#60;us&#62;") && !shown.has("<script>alert"));
    // The form as it was opened first knows nothing of what was written.
    let page = form.set("texts.en.title", "Mine").press(&office, "save").await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    assert_eq!(Filled::of(&page, path).press(&office, "save").await.status, StatusCode::SEE_OTHER);
    assert_eq!(office.get("/admin/pages/nonsense").await.status, StatusCode::NOT_FOUND);
    let untitled = Filled::of(&office.get("/admin/pages/terms").await, "/admin/pages/terms").set("texts.en.body", "x");
    assert_eq!(untitled.press(&office, "save").await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test(start_paused = true)]
async fn mail_is_set_up_and_read() {
    let office = Office::signed_in().await;
    assert!(office.get("/admin/mail").await.has("No sender is set"));
    let path = "/admin/mail/settings";
    let form = Filled::of(&office.get(path).await, path);
    let page = form.clone().set("from_address", "nobody").send(&office).await;
    assert!(page.status.is_client_error() && page.has("id=\"e-from_address\""), "{}", page.body);
    let page = form.clone().set("staff", "a@b.example\nnobody").send(&office).await;
    assert!(page.status.is_client_error() && page.has("id=\"e-staff\""), "{}", page.body);
    let form =
        form.set("from_address", "shop@shop.example").set("staff", "a@b.example, c@d.example").tick("muted", "shipped");
    assert_eq!(form.send(&office).await.status, StatusCode::SEE_OTHER);
    let (settings, _) = office.services.mail.settings().await.unwrap();
    assert_eq!((settings.staff.len(), settings.muted.len()), (2, 1));
    let again = Filled::of(&office.get(path).await, path);
    assert_eq!(again.send(&office).await.status, StatusCode::SEE_OTHER);
    assert_eq!(office.services.mail.settings().await.unwrap().0, settings);

    let read = office.get("/admin/mail/read?kind=placed&locale=en").await;
    assert!(read.has("<iframe") && read.has("<pre"), "{}", read.body);
    let letter = office.get("/admin/mail/letter?kind=placed&locale=en").await;
    let policy = letter.header(header::CONTENT_SECURITY_POLICY);
    assert!(
        policy.contains("sandbox") && policy.contains("default-src 'none'") && !policy.contains("script-src"),
        "{policy}"
    );
    assert_eq!(office.get("/admin/mail/read?kind=nonsense").await.status, StatusCode::NOT_FOUND);
    assert_eq!(office.get("/admin/mail?state=failed").await.status, StatusCode::OK);
    assert_eq!(office.get("/admin/mail?format=csv").await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_done_for_another_site_or_a_stranger() {
    let office = Office::signed_in().await;
    let id = office.services.staff_desk.members().await.unwrap()[0].id.clone();
    let deeds = [
        "/admin/products/new".to_owned(),
        "/admin/categories/new".to_owned(),
        "/admin/categories/of/x/remove".to_owned(),
        "/admin/stock/count".to_owned(),
        "/admin/settings".to_owned(),
        "/admin/settings/payments".to_owned(),
        "/admin/pages/about".to_owned(),
        "/admin/mail/settings".to_owned(),
        "/admin/import".to_owned(),
        "/admin/staff".to_owned(),
        format!("/admin/staff/{id}/remove"),
        "/admin/keys".to_owned(),
    ];
    for path in &deeds {
        let request = Request::post(path.as_str())
            .header("sec-fetch-site", "cross-site")
            .header("origin", "https://evil.example");
        let page = office.send(request, "email=evil%40evil.example".to_owned()).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{path}");
    }
    office.cookies.lock().clear();
    for path in &deeds {
        let page = office.post(path, &[("email", "evil@evil.example")]).await;
        assert!(page.location().starts_with("/admin/sign-in"), "{path}: {}", page.status);
    }
    assert_eq!(office.services.staff_desk.members().await.unwrap().len(), 1);
}
