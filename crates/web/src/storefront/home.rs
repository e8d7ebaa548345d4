//! `/`: what is new, and the categories with a few things of each.
//! It does not know more than a page's worth; everything else is behind the categories.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use contracts::Result;
use contracts::catalog::CategoryView;
use contracts::search::{Order, Wanted};
use platform::http::Finished;

use super::cards::{CARD_SIZES, Card, card};
use super::frame::{Frame, Grounds, Subject};
use super::visitor::Visitor;
use super::{Front, Storefront, kept};
use crate::answer;

/// The first of them leads the page.
const NEW: usize = 5;
/// Of each category: a large one and four small ones.
const CARDS: usize = 5;
/// Categories that the page shows; the others stand in its header.
const SECTIONS_MAX: usize = 12;

#[derive(Template)]
#[template(path = "storefront/home.html")]
struct HomePage {
    frame: Frame,
    meta_description: String,
    lead: Option<Card>,
    newest: Vec<Card>,
    sections: Vec<Section>,
    card_sizes: &'static str,
    all: String,
}

struct Section {
    title: String,
    description: String,
    href: String,
    cards: Vec<Card>,
}

pub(super) async fn show(State(front): State<Front>, visitor: Visitor) -> Response {
    match front.answer_home(&visitor).await {
        Ok(response) => response,
        Err(error) => front.refuse(&error, &visitor).await,
    }
}

impl Storefront {
    async fn answer_home(self: &Arc<Self>, visitor: &Visitor) -> Result<Response> {
        let grounds = self.grounds(visitor).await?;
        let key = format!("{}|{}", grounds.place.key(), grounds.origin);
        let finished = match self.moments.get(&key, &grounds) {
            Some(kept) => kept,
            None => {
                let page = self.home_page(&grounds).await?;
                let finished = Arc::new(Finished::of(answer::whole(&page, &page.frame.lang)).await);
                self.moments.put(key.clone(), finished.clone(), &grounds);
                finished
            }
        };
        let mut response = finished.respond(&visitor.headers);
        grounds.place.remember(visitor, self.jar, &mut response);
        let (front, page) = (self.clone(), finished.clone());
        let holds = move || {
            let kept = front.moments.get(&key, &grounds);
            front.stands_on(&grounds) && kept.is_some_and(|kept| Arc::ptr_eq(&kept, &page))
        };
        kept::offer(&mut response, finished, &visitor.headers, holds);
        Ok(response)
    }

    async fn home_page(&self, grounds: &Grounds) -> Result<HomePage> {
        let frame = self.frame_on(grounds, Subject::public("/"));
        let tops: Vec<&CategoryView> =
            grounds.chrome.categories.iter().filter(|category| category.parent.is_none()).collect();
        let mut newest = self.some(&frame, None, NEW).await?;
        let lead = (!newest.is_empty()).then(|| newest.remove(0));
        let mut sections = Vec::new();
        for category in tops.iter().take(SECTIONS_MAX) {
            let cards = self.some(&frame, Some(&category.slug), CARDS).await?;
            if !cards.is_empty() {
                sections.push(Section {
                    title: category.title.clone(),
                    description: category.description.clone(),
                    href: frame.place.category(&category.slug),
                    cards,
                });
            }
        }
        Ok(HomePage {
            meta_description: tops.iter().map(|category| category.title.as_str()).collect::<Vec<_>>().join(", "),
            lead,
            newest,
            sections,
            card_sizes: CARD_SIZES,
            all: frame.place.href("/search", &[]),
            frame,
        })
    }

    /// The newest, of a category or of everything.
    async fn some(&self, frame: &Frame, category: Option<&str>, limit: usize) -> Result<Vec<Card>> {
        let wanted = Wanted {
            reading: frame.place.reading(),
            category: category.map(str::to_owned),
            order: Some(Order::Newest),
            limit,
            ..Wanted::default()
        };
        let found = self.services.search.find(&wanted).await?;
        Ok(found.items.iter().map(|item| card(item, &frame.place, frame.words)).collect())
    }
}
