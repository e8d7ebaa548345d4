//! Settings: forms in both directions, what stands in the way, and a shop that is opened from nothing.

use axum::http::StatusCode;
use domain::settings::{Settings, SettingsInput};
use serde_json::json;

use super::Office;
use super::filled::Filled;

const GENERAL: &str = "/admin/settings";
const COUNTRIES: &str = "/admin/settings/countries";
const SHIPPING: &str = "/admin/settings/shipping";
const PAYMENTS: &str = "/admin/settings/payments";

impl Office {
    async fn settings(&self) -> Settings {
        self.services.shop.settings().await.unwrap().settings.clone()
    }

    async fn form(&self, path: &str) -> Filled {
        Filled::of(&self.get(path).await, path)
    }

    /// Saves a form that must be taken.
    async fn save(&self, form: Filled) {
        let page = form.send(self).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}: {}", form.action, page.body);
    }
}

/// A shop with something in every field.
fn rich() -> SettingsInput {
    serde_json::from_value(json!({
        "name": "Low & Lamp", "legal_name": "Lamp <GmbH>", "registration": "HRB 1", "vat_id": "DE1", "email": "a@b.example",
        "phone": "+4930123456", "public_url": "https://lamp.example", "time_zone": "Europe/Berlin",
        "address": {"name": "Lamp", "line1": "Street \"1\"", "city": "Berlin", "postal_code": "10115", "country": "DE", "phone": "+4930123456"},
        "default_locale": "ko", "locales": ["en", "ko", "pt-BR"], "currencies": ["USD", "EUR", "KRW"],
        "countries": [{"country": "DE", "tax_rate_ppm": 190_000, "prices_include_tax": true}, {"country": "US", "tax_rate_ppm": 88_750}],
        "shipping_methods": [
            {"id": "std", "name": "Standard", "translations": {"en": {"name": "Standard"}, "fr": {"name": "Normal"}}, "countries": ["US", "DE"],
             "rates": [{"currency": "KRW", "amount": 3000, "free_above": 50_000}, {"currency": "EUR", "amount": 490}], "estimate_days": [2, 4]},
            {"id": "slow", "name": "Slow", "countries": ["DE"], "rates": []}],
        "payment_methods": [
            {"id": "bank", "provider": "manual", "name": "Bank", "instructions": "Pay to\nDE00"},
            {"id": "gone", "provider": "elsewhere", "name": "Elsewhere", "translations": {"en": {"name": "Else"}}}]
    }))
    .unwrap()
}

#[tokio::test(start_paused = true)]
async fn forms_that_nobody_changed_change_nothing() {
    let office = Office::signed_in().await;
    office.services.shop.replace_settings(rich(), None).await.unwrap();
    let before = office.settings().await;
    for path in [GENERAL, COUNTRIES, SHIPPING, PAYMENTS] {
        office.save(office.form(path).await).await;
        assert_eq!(office.settings().await, before, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_stands_beside_its_field() {
    let office = Office::signed_in().await;
    let form =
        office.form(GENERAL).await.set("email", "nobody").set("currencies", "EUR, euro").set("time_zone", "Mars/Base");
    let form = form.set("address.line1", "Street 1").set("public_url", "javascript:alert(1)");
    let page = form.send(&office).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    for id in ["e-email", "e-currencies", "e-address.city", "e-public_url"] {
        assert!(page.has(&format!("id=\"{id}\"")), "{id} in {}", page.body);
    }
    assert_eq!(Filled::of(&page, GENERAL).get("email"), "nobody");
    let page = office.form(GENERAL).await.set("time_zone", "Mars/Base").send(&office).await;
    assert!(page.has("id=\"e-time_zone\""), "{}", page.body);

    let page = office.form(COUNTRIES).await.set("new.country", "FR").set("new.rate", "a lot").send(&office).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.has("id=\"e-new.rate\""));
    let page = office
        .form(SHIPPING)
        .await
        .set("methods.0.amounts.EUR", "4.901")
        .set("methods.0.days_from", "3")
        .send(&office)
        .await;
    assert!(page.has("id=\"e-methods.0.amounts.EUR\"") && page.has("id=\"e-methods.0.days_to\""), "{}", page.body);
    let page = office.form(PAYMENTS).await.set("methods.0.name", " ").send(&office).await;
    assert!(page.has("id=\"e-methods.0.name\""), "{}", page.body);
}

#[tokio::test(start_paused = true)]
async fn what_is_still_used_is_not_taken_away() {
    let office = Office::signed_in().await;
    let page = office.form(GENERAL).await.set("currencies", "USD").send(&office).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.has("“Standard” still has a price in EUR"), "{}", page.body);

    let page = office.form(COUNTRIES).await.press(&office, "countries.0.remove").await;
    assert!(office.settings().await.countries.len() == 1, "nothing is removed before it is saved");
    let page = Filled::of(&page, COUNTRIES).send(&office).await;
    assert!(page.has("“Standard” still sends to Germany"), "{}", page.body);
}

#[tokio::test(start_paused = true)]
async fn sections_are_changed_side_by_side() {
    let office = Office::signed_in().await;
    let (mine, theirs) = (office.form(GENERAL).await.set("name", "Mine"), office.form(COUNTRIES).await);
    office.save(theirs.set("countries.0.rate", "7")).await;
    let page = mine.send(&office).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    assert!(page.has("Somebody changed the settings"));
    office.save(Filled::of(&page, GENERAL)).await;
    let settings = office.settings().await;
    assert_eq!(settings.name.unwrap().as_str(), "Mine");
    assert_eq!(settings.countries[0].tax_rate_ppm, 70_000);
}

#[tokio::test(start_paused = true)]
async fn methods_are_added_moved_and_removed() {
    let office = Office::signed_in().await;
    let page = office.form(SHIPPING).await.press(&office, "methods.add").await;
    let form = Filled::of(&page, SHIPPING).set("methods.1.name", "Express!").set("methods.1.amounts.EUR", "9,90");
    let page = form.press(&office, "methods.1.earlier").await;
    office.save(Filled::of(&page, SHIPPING)).await;
    let methods = office.settings().await.shipping_methods;
    let told: Vec<&str> = methods.iter().map(|method| method.id.as_str()).collect();
    assert_eq!((told, methods[0].rates[0].amount), (vec!["express", "standard"], 990));

    let page = office.form(PAYMENTS).await.press(&office, "methods.0.remove").await;
    office.save(Filled::of(&page, PAYMENTS)).await;
    assert_eq!(office.settings().await.payment_methods.len(), 1);
    assert!(office.get(PAYMENTS).await.has("value=\"manual\" selected"));
}

#[tokio::test(start_paused = true)]
async fn an_empty_shop_is_opened_by_forms_alone() {
    let office = Office::empty().await;
    let page = office.get(GENERAL).await;
    assert!(page.has("0 of 7 done"), "{}", page.body);
    let form = Filled::of(&page, GENERAL).set("name", "New").set("currencies", "eur").set("time_zone", "Europe/Berlin");
    office.save(form.tick("locales", "ko")).await;
    office
        .save(office.form(COUNTRIES).await.set("new.country", "DE").set("new.rate", "19").tick("new.included", "on"))
        .await;
    let page = office.form(SHIPPING).await.press(&office, "methods.add").await;
    office
        .save(
            Filled::of(&page, SHIPPING)
                .set("methods.0.name", "택배")
                .set("methods.0.key", "standard")
                .set("methods.0.amounts.EUR", "4.90"),
        )
        .await;
    let page = office.form(PAYMENTS).await.press(&office, "methods.add").await;
    office.save(Filled::of(&page, PAYMENTS).set("methods.0.name", "Test card").set("methods.0.provider", "test")).await;
    let page = office.get(GENERAL).await;
    assert!(page.has("5 of 7 done"), "{}", page.body);

    let new = "/admin/products/new";
    let form =
        office.form(new).await.set("title", "Lamp").set("variants.0.sku", "A").set("variants.0.prices.EUR", "19.99");
    let page = form.set("variants.0.on_hand", "3").press(&office, "save").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    assert!(!office.get(GENERAL).await.has("Set up your shop"));

    office.buy("first", 2).await;
    let settings = office.settings().await;
    assert_eq!(settings.locales.len(), 2);
    assert_eq!(settings.countries[0].tax_rate_ppm, 190_000);
    assert!(settings.countries[0].prices_include_tax);
}
