//! Who else of the staff has an order or a product open: said on its page, and asked again by its script.
//! It does not know who is where; presence is asked.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use contracts::Error;
use contracts::presence::Thing;
use domain::ids::{OrderId, ProductId};
use platform::http::extract::Params;
use platform::http::problem::Problem;
use serde::Deserialize;

use super::Admin;
use super::answer::{self, Answer};
use super::form::Form;
use super::lists::href;
use super::session::Session;
use super::times::Times;
use super::words::fill;

const PATH: &str = "/admin/presence";

pub fn router() -> Router<Admin> {
    Router::new().route(PATH, get(look)).route("/admin/presence/leave", post(leave))
}

/// What a page says of who else has it open.
pub struct Beside {
    /// Where that is asked for again.
    pub href: String,
    /// A line for each colleague.
    pub notes: Vec<String>,
    /// Whether there may be others whom nobody can name now.
    pub is_partial: bool,
    pub partial: &'static str,
}

/// That part of a page alone.
#[derive(Template)]
#[template(path = "admin/presence.html")]
struct PresencePage {
    beside: Beside,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    thing: String,
    window: String,
}

async fn look(State(admin): State<Admin>, session: Session, asked: Result<Params<Asked>, Problem>) -> Answer {
    let Params(asked) = asked.map_err(|_| Error::not_found("page"))?;
    let settings = admin.services.shop.settings().await?;
    let times = Times::new(&settings.settings.time_zone, session.words);
    let thing = thing_of(&asked.thing)?;
    let beside = admin.beside_in(&session, &times, &thing, &asked.window).await?;
    Ok(answer::page(&PresencePage { beside }))
}

async fn leave(State(admin): State<Admin>, session: Session, form: Form) -> Answer {
    let thing = thing_of(form.value("thing"))?;
    admin.services.presence.close(&thing, &session.staff, form.value("window")).await;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn thing_of(text: &str) -> contracts::Result<Thing> {
    let order = OrderId::parse(text).map(Thing::Order);
    order.or_else(|_| ProductId::parse(text).map(Thing::Product)).map_err(|_| Error::not_found("page"))
}

impl Admin {
    /// Says that this page is open, and answers who else has it open.
    pub async fn beside(&self, session: &Session, times: &Times, thing: &Thing) -> contracts::Result<Beside> {
        self.beside_in(session, times, thing, &session.once).await
    }

    async fn beside_in(
        &self,
        session: &Session,
        times: &Times,
        thing: &Thing,
        window: &str,
    ) -> contracts::Result<Beside> {
        let colleagues = self.services.presence.open(thing, &session.staff, window).await;
        let names = if colleagues.others.is_empty() { None } else { Some(self.names().await?) };
        let words = session.words.presence;
        let note = |colleague: &contracts::presence::Colleague| {
            // Whoever left the staff has nothing open any more.
            let name = names.as_ref()?.of_staff(&colleague.staff)?;
            Some(fill(words.has_this_open, &[name, &times.hour(colleague.since)]))
        };
        let id = match thing {
            Thing::Order(id) => id.as_str(),
            Thing::Product(id) => id.as_str(),
        };
        Ok(Beside {
            href: href(PATH, &[("thing", id), ("window", window)]),
            notes: colleagues.others.iter().filter_map(note).collect(),
            is_partial: !colleagues.is_whole,
            partial: words.partial,
        })
    }
}
