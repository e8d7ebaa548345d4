//! Stock: how many there are of each SKU, counting, and what happened to one.
//! It does not know what a SKU is sold as.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use contracts::Error;
use contracts::inventory::{MovementType, StockDesk, StockLevels, StockMovement, StockPolicy};
use domain::sku::Sku;
use domain::stock::{FEW_LEFT, Location, Policy, Reason};
use futures::TryStreamExt;
use platform::http::extract::Params;
use serde::Deserialize;

use super::Admin;
use super::answer::{self, Answer, Refused};
use super::csv;
use super::flash::Flash;
use super::form::Form;
use super::frame::Frame;
use super::lists::{Choice, Pager, href};
use super::session::Session;
use super::words::{Words, fill};

const PATH: &str = "/admin/stock";
const ITEM: &str = "/admin/stock/item";
const ROWS: usize = 50;
/// The longest prefix that is looked for, in characters.
const PREFIX_CHARS_MAX: usize = domain::sku::MAX_SKU_CHARS;

pub fn router() -> Router<Admin> {
    Router::new()
        .route(PATH, get(list))
        .route(ITEM, get(item))
        .route("/admin/stock/count", post(count))
        .route("/admin/stock/policy", post(choose_policy))
}

#[derive(Template)]
#[template(path = "admin/stock.html")]
struct ListPage {
    frame: Frame,
    views: Vec<Choice>,
    sku: String,
    is_low: bool,
    rows: Vec<Row>,
    pager: Pager,
    is_filtered: bool,
}

struct Row {
    href: String,
    sku: String,
    on_hand: i64,
    reserved: i64,
    available: i64,
    is_low: bool,
    policy: &'static str,
    updated: String,
}

#[derive(Template)]
#[template(path = "admin/stock_item.html")]
struct ItemPage {
    frame: Frame,
    form: Form,
    once: String,
    sku: String,
    levels: Vec<Level>,
    total: StockLevels,
    policies: Vec<Choice>,
    reasons: Vec<Choice>,
    has_places: bool,
    movements: Vec<Movement>,
    pager: Pager,
}

struct Level {
    location: String,
    on_hand: i64,
    reserved: i64,
    available: i64,
}

struct Movement {
    at: String,
    what: String,
    on_hand: String,
    reserved: String,
    who: String,
    /// The order's id, and the link to it.
    order: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Asked {
    sku: Option<String>,
    low: Option<String>,
    cursor: Option<String>,
    format: Option<String>,
}

fn some(text: &Option<String>) -> Option<String> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

async fn list(State(admin): State<Admin>, session: Session, Params(asked): Params<Asked>) -> Answer {
    let prefix = some(&asked.sku).map(|sku| sku.chars().take(PREFIX_CHARS_MAX).collect::<String>());
    let (is_low, cursor) = (some(&asked.low).is_some(), some(&asked.cursor));
    if asked.format.as_deref() == Some("csv") {
        return Ok(levels_as_csv(&admin, &session, prefix, is_low));
    }
    let listing = admin.services.stock.levels(prefix.as_deref(), is_low, cursor.as_deref(), ROWS).await?;
    let words = session.words;
    let frame = admin.frame(&session, words.frame.stock).await?;
    let sku = prefix.unwrap_or_default();
    let low = if is_low { "on" } else { "" };
    let view = |value: &str, label: &str| Choice {
        value: value.to_owned(),
        label: label.to_owned(),
        href: href(PATH, &[("sku", &sku), ("low", value)]),
        is_current: low == value,
    };
    let page = ListPage {
        views: vec![view("", words.shelves.everything), view("on", words.shelves.low_only)],
        rows: listing.items.iter().map(|levels| row(&frame, levels)).collect(),
        pager: Pager::new(PATH, &[("sku", &sku), ("low", low)], cursor.as_deref(), listing.next_cursor.as_deref()),
        is_filtered: is_low || !sku.is_empty() || cursor.is_some(),
        is_low,
        sku,
        frame,
    };
    Ok(answer::page(&page))
}

fn row(frame: &Frame, levels: &StockLevels) -> Row {
    Row {
        href: item_path(&levels.sku),
        sku: levels.sku.clone(),
        on_hand: levels.on_hand,
        reserved: levels.reserved,
        available: levels.available,
        is_low: levels.policy != StockPolicy::Untracked && levels.available <= FEW_LEFT,
        policy: policy_word(levels.policy, frame.words),
        updated: levels.updated_at.as_deref().map(|at| frame.times.of_text(at)).unwrap_or_default(),
    }
}

fn levels_as_csv(admin: &Admin, session: &Session, prefix: Option<String>, is_low: bool) -> Response {
    let words = session.words.shelves;
    let desk: Arc<dyn StockDesk> = admin.services.stock.clone();
    let fetch = move |cursor: Option<String>| {
        let (desk, prefix) = (desk.clone(), prefix.clone());
        async move { desk.levels(prefix.as_deref(), is_low, cursor.as_deref(), csv::ROWS_AT_A_TIME).await }
    };
    let all = session.words;
    let rows = csv::all(fetch).map_ok(move |levels| {
        let counts = [levels.on_hand, levels.reserved, levels.available].map(|count| count.to_string());
        let [on_hand, reserved, available] = counts;
        let policy = policy_word(levels.policy, all).to_owned();
        vec![levels.sku, on_hand, reserved, available, policy, levels.updated_at.unwrap_or_default()]
    });
    let header = [words.sku, words.on_hand, words.reserved, words.available, words.policy, words.updated];
    csv::download("stock.csv", &header, rows)
}

async fn item(State(admin): State<Admin>, session: Session, Params(asked): Params<Asked>) -> Answer {
    let sku = read_sku(&asked.sku.clone().unwrap_or_default())?;
    if asked.format.as_deref() == Some("csv") {
        // A SKU that nobody knows is told on a page, not in the middle of a file.
        admin.services.stock.level(&sku).await?;
        return Ok(movements_as_csv(&admin, &session, sku));
    }
    admin.stock_page(&session, &sku, some(&asked.cursor).as_deref(), Form::default(), StatusCode::OK).await
}

fn movements_as_csv(admin: &Admin, session: &Session, sku: Sku) -> Response {
    let words = session.words.shelves;
    let desk: Arc<dyn StockDesk> = admin.services.stock.clone();
    let fetch = move |cursor: Option<String>| {
        let (desk, sku) = (desk.clone(), sku.clone());
        async move { desk.movements(&sku, cursor.as_deref(), csv::ROWS_AT_A_TIME).await }
    };
    let all = session.words;
    let rows = csv::all(fetch).map_ok(move |movement: StockMovement| {
        vec![
            movement.at.clone(),
            what(&movement, all),
            movement.on_hand_change.to_string(),
            movement.reserved_change.to_string(),
            movement.location.clone().unwrap_or_default(),
            movement.actor.clone(),
            movement.order.clone().unwrap_or_default(),
        ]
    });
    let header = [words.when, words.what, words.on_hand, words.reserved, words.location, words.who, words.order];
    csv::download("stock-history.csv", &header, rows)
}

async fn count(State(admin): State<Admin>, session: Session, mut form: Form) -> Answer {
    let sku = read_sku(form.value("sku"))?;
    let typed = form.value("delta").trim_start_matches('+').replace('\u{2212}', "-");
    let delta = typed.parse::<i64>().ok().filter(|delta| *delta != 0);
    let reason = Reason::parse(form.value("reason"));
    let location = match form.text("location") {
        Some(text) => Location::parse(&text).map_err(|error| form.refuse("location", error.to_string())).ok(),
        None => Some(Location::default()),
    };
    if delta.is_none() {
        form.refuse("delta", session.words.shelves.is_number);
    }
    let (Some(delta), Some(reason), Some(location)) = (delta, reason, location) else {
        return admin.stock_page(&session, &sku, None, form, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    let once = form.text("once").unwrap_or_else(|| session.once.to_string());
    match admin.services.stock.count(&sku, &location, delta, reason, &once, &session.caller()).await {
        Ok(levels) => {
            let counts = [levels.on_hand.to_string(), levels.available.to_string()];
            let text = fill(session.words.shelves.counted, &[sku.as_str(), &counts[0], &counts[1]]);
            Ok(admin.done(&item_path(sku.as_str()), &Flash::good(text)))
        }
        Err(error) => {
            let status = answer::status(&error);
            form.take_error(error, session.words)?;
            admin.stock_page(&session, &sku, None, form, status).await
        }
    }
}

async fn choose_policy(State(admin): State<Admin>, session: Session, mut form: Form) -> Answer {
    let sku = read_sku(form.value("sku"))?;
    let Some(policy) = Policy::parse(form.value("policy")) else {
        form.refuse("policy", session.words.goods.choose);
        return admin.stock_page(&session, &sku, None, form, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    match admin.services.stock.choose_policy(&sku, policy, &session.caller()).await {
        Ok(levels) => {
            let text =
                fill(session.words.shelves.policy_set, &[sku.as_str(), policy_word(levels.policy, session.words)]);
            Ok(admin.done(&item_path(sku.as_str()), &Flash::good(text)))
        }
        Err(error) => {
            let status = answer::status(&error);
            form.take_error(error, session.words)?;
            admin.stock_page(&session, &sku, None, form, status).await
        }
    }
}

impl Admin {
    async fn stock_page(
        &self,
        session: &Session,
        sku: &Sku,
        cursor: Option<&str>,
        mut form: Form,
        status: StatusCode,
    ) -> Answer {
        let total = self.services.stock.level(sku).await?;
        let listing = self.services.stock.movements(sku, cursor, ROWS).await?;
        let words = session.words;
        let frame = self.frame(session, sku.as_str()).await?.below(PATH, words.frame.stock);
        if form.text("policy").is_none() {
            form.set("policy", policy_value(total.policy).as_str());
        }
        if form.text("reason").is_none() {
            form.set("reason", Reason::Received.as_str());
        }
        let choice = |value: &str, label: &str| Choice {
            value: value.to_owned(),
            label: label.to_owned(),
            href: String::new(),
            is_current: false,
        };
        let level = |there: &contracts::inventory::StockLocation| Level {
            location: there.location.clone(),
            on_hand: there.on_hand,
            reserved: there.reserved,
            available: there.available,
        };
        let levels: Vec<Level> = total.locations.iter().map(level).collect();
        let is_elsewhere = levels.iter().any(|level| level.location != Location::default().as_str());
        let page = ItemPage {
            once: form.text("once").unwrap_or_else(|| session.once.to_string()),
            policies: Policy::ALL.map(|policy| choice(policy.as_str(), policy_word(policy.into(), words))).to_vec(),
            reasons: Reason::ALL.map(|reason| choice(reason.as_str(), reason_word(reason, words))).to_vec(),
            has_places: is_elsewhere,
            movements: listing.items.iter().map(|movement| shown(&frame, movement)).collect(),
            pager: Pager::new(ITEM, &[("sku", sku.as_str())], cursor, listing.next_cursor.as_deref()),
            sku: sku.to_string(),
            levels,
            total,
            form,
            frame,
        };
        Ok(answer::page_with(status, &page))
    }
}

fn shown(frame: &Frame, movement: &StockMovement) -> Movement {
    let words = frame.words.shelves;
    let signed = |change: i64| if change == 0 { String::new() } else { format!("{change:+}") };
    let who = match movement.actor.as_str() {
        "guest" if movement.order.is_some() => words.a_guest,
        actor if actor.starts_with("staff:") => words.one_of_staff,
        _ => words.the_shop,
    };
    Movement {
        at: frame.times.of_text(&movement.at),
        what: what(movement, frame.words),
        on_hand: signed(movement.on_hand_change),
        reserved: signed(movement.reserved_change),
        who: who.to_owned(),
        order: movement.order.clone(),
    }
}

fn what(movement: &StockMovement, words: &Words) -> String {
    let shelves = words.shelves;
    let kind = match movement.kind {
        MovementType::PolicySet => shelves.moved_policy_set,
        MovementType::Adjusted => shelves.moved_adjusted,
        MovementType::Reserved => shelves.moved_reserved,
        MovementType::Released => shelves.moved_released,
        MovementType::Shipped => shelves.moved_shipped,
        MovementType::Restocked => shelves.moved_restocked,
    };
    let reason = movement.reason.as_deref().and_then(Reason::parse).map(|reason| reason_word(reason, words));
    let more = reason.or(movement.policy.map(|policy| policy_word(policy, words)));
    more.map_or_else(|| kind.to_owned(), |more| format!("{kind}: {more}"))
}

fn policy_word(policy: StockPolicy, words: &Words) -> &'static str {
    match policy {
        StockPolicy::Untracked => words.shelves.policy_untracked,
        StockPolicy::TrackOnly => words.shelves.policy_track_only,
        StockPolicy::Reserve => words.shelves.policy_reserve,
    }
}

fn policy_value(policy: StockPolicy) -> Policy {
    match policy {
        StockPolicy::Untracked => Policy::Untracked,
        StockPolicy::TrackOnly => Policy::TrackOnly,
        StockPolicy::Reserve => Policy::Reserve,
    }
}

fn reason_word(reason: Reason, words: &Words) -> &'static str {
    match reason {
        Reason::Received => words.shelves.reason_received,
        Reason::Correction => words.shelves.reason_correction,
        Reason::Damaged => words.shelves.reason_damaged,
        Reason::Lost => words.shelves.reason_lost,
        Reason::Returned => words.shelves.reason_returned,
        Reason::Found => words.shelves.reason_found,
    }
}

fn read_sku(text: &str) -> Result<Sku, Refused> {
    Sku::parse(text).map_err(|_| Refused(Error::not_found("SKU")))
}

pub fn item_path(sku: &str) -> String {
    href(ITEM, &[("sku", sku)])
}
