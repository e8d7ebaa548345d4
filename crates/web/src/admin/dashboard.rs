//! `/admin`: how the shop does today.
//! It does not know how anything is counted.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::routing::get;

use super::Admin;
use super::answer::{self, Answer};
use super::frame::Frame;
use super::session::Session;

pub fn router() -> Router<Admin> {
    Router::new().route("/admin", get(show))
}

#[derive(Template)]
#[template(path = "admin/dashboard.html")]
struct DashboardPage {
    frame: Frame,
}

async fn show(State(admin): State<Admin>, session: Session) -> Answer {
    let frame = admin.frame(&session, session.words.frame.home).await?;
    Ok(answer::page(&DashboardPage { frame }))
}
