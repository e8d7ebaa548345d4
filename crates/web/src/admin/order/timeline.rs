//! Everything that happened to an order, in plain words, each with its time, its cause and what it says.
//! It does not open what is sealed.

use std::collections::BTreeMap;

use contracts::orders::EventView;
use domain::ids::StaffId;

use crate::admin::Admin;
use crate::admin::frame::Frame;
use crate::admin::lists::href;
use crate::admin::words::Words;

/// One fact.
pub struct Happening {
    /// 1 for the first.
    pub index: usize,
    pub title: String,
    pub kind: String,
    pub at: String,
    /// RFC 3339, for programs and for looking back.
    pub instant: String,
    pub actor: String,
    pub command: String,
    pub trace_id: Option<String>,
    pub stream: String,
    pub data: String,
    /// The order as it was when this had happened.
    pub href: String,
    /// Whether the page shows the order at this very fact.
    pub is_here: bool,
    /// It happened after the moment that the page shows.
    pub is_later: bool,
}

/// What staff are called.
#[derive(Debug, Clone, Default)]
pub struct Names(BTreeMap<String, String>);

impl Names {
    /// `staff:…`, `guest` or `system` as people say it.
    pub fn of(&self, words: &Words, actor: &str) -> String {
        match actor {
            "guest" => words.orders.guest.to_owned(),
            "system" => words.orders.system.to_owned(),
            _ => self.0.get(actor).cloned().unwrap_or_else(|| words.orders.former_staff.to_owned()),
        }
    }

    /// `None` for who is no member of staff any more.
    pub fn of_staff(&self, staff: &StaffId) -> Option<&str> {
        self.0.get(&format!("staff:{staff}")).map(String::as_str)
    }
}

impl Admin {
    pub async fn names(&self) -> contracts::Result<Names> {
        let members = self.services.staff_desk.members().await?;
        Ok(Names(members.into_iter().map(|member| (format!("staff:{}", member.id), member.email)).collect()))
    }
}

/// `at`: the moment that the page shows, as it was asked for.
pub fn timeline(frame: &Frame, order: &str, events: &[EventView], at: Option<&str>, names: &Names) -> Vec<Happening> {
    let path = format!("/admin/orders/{order}");
    let at = at.and_then(|at| at.parse::<jiff::Timestamp>().ok());
    let here = at.and_then(|at| events.iter().rposition(|event| instant(event).is_some_and(|time| time <= at)));
    let happening = |(index, event): (usize, &EventView)| Happening {
        index: index + 1,
        title: frame.words.happening(&event.kind),
        kind: event.kind.clone(),
        at: frame.times.exact_of_text(&event.time),
        instant: event.time.clone(),
        actor: names.of(frame.words, &event.actor),
        command: event.command.clone(),
        trace_id: event.trace_id.clone(),
        stream: event.stream.clone(),
        data: serde_json::to_string_pretty(&event.data).unwrap_or_default(),
        href: href(&path, &[("at", &event.time)]) + "#then",
        is_here: here == Some(index),
        is_later: here.is_some_and(|here| index > here),
    };
    events.iter().enumerate().map(happening).collect()
}

fn instant(event: &EventView) -> Option<jiff::Timestamp> {
    event.time.parse().ok()
}
