//! `/pages/{slug}`: what staff wrote about the shop, shipping, privacy and terms.
//! It does not know how it was written; it comes as harmless HTML.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use contracts::Result;

use super::frame::{Frame, Subject};
use super::place::segment;
use super::visitor::Visitor;
use super::{Front, Storefront};

#[derive(Template)]
#[template(path = "storefront/written.html")]
struct WrittenPage {
    frame: Frame,
    title: String,
    html: String,
}

pub(super) async fn show(State(front): State<Front>, slug: Option<Path<String>>, visitor: Visitor) -> Response {
    let slug = slug.map(|Path(slug)| slug).unwrap_or_default();
    match front.written_page(&visitor, &slug).await {
        Ok(page) => front.shared(&visitor, &page, &page.frame.place),
        Err(error) => front.refuse(&error, &visitor).await,
    }
}

impl Storefront {
    async fn written_page(&self, visitor: &Visitor, slug: &str) -> Result<WrittenPage> {
        let path = format!("/pages/{}", segment(slug));
        let frame = self.frame(visitor, Subject::public(&path)).await?;
        let page = self.services.pages.page(slug, &frame.place.locale).await?;
        Ok(WrittenPage { frame, title: page.title, html: page.html })
    }
}
