//! Taking a product off sale, and bringing it back: asked about before it is done.
//! It does not know what else names the product.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use contracts::Error;
use domain::catalog::{Product, Status};

use super::edit::path_of;
use crate::admin::Admin;
use crate::admin::answer::{self, Answer};
use crate::admin::flash::Flash;
use crate::admin::form::Form;
use crate::admin::frame::Frame;
use crate::admin::lists::Choice;
use crate::admin::session::Session;
use crate::admin::sheet::{PlainSheet, Sheet};
use crate::admin::words::fill;

#[derive(Template)]
#[template(path = "admin/product_restore.html")]
struct RestorePage {
    frame: Frame,
    sheet: Sheet,
    choices: Vec<Choice>,
}

pub async fn ask_archive(State(admin): State<Admin>, session: Session, Path(id): Path<String>) -> Answer {
    let product = admin.product(&id).await?;
    admin.archive_page(&session, &product, Form::default(), StatusCode::OK).await
}

pub async fn archive(State(admin): State<Admin>, session: Session, Path(id): Path<String>, mut form: Form) -> Answer {
    let product = admin.product(&id).await?;
    match admin.services.products.archive(&product.id, product.version, &session.caller()).await {
        Ok(product) => {
            let flash = Flash::good(fill(session.words.goods.is_archived, &[product.content.title.as_str()]));
            Ok(admin.done(&path_of(&product.id), &flash))
        }
        Err(error) => {
            let status = answer::status(&error);
            form.take_error(error, session.words)?;
            admin.archive_page(&session, &product, form, status).await
        }
    }
}

pub async fn ask_restore(State(admin): State<Admin>, session: Session, Path(id): Path<String>) -> Answer {
    let product = admin.product(&id).await?;
    admin.restore_page(&session, &product, Form::default(), StatusCode::OK).await
}

pub async fn restore(State(admin): State<Admin>, session: Session, Path(id): Path<String>, mut form: Form) -> Answer {
    let product = admin.product(&id).await?;
    let status = if form.value("status") == "active" { Status::Active } else { Status::Draft };
    match admin.services.products.restore(&product.id, status, product.version, &session.caller()).await {
        Ok(product) => {
            let flash = Flash::good(fill(session.words.goods.is_restored, &[product.content.title.as_str()]));
            Ok(admin.done(&path_of(&product.id), &flash))
        }
        Err(error) => {
            let status = answer::status(&error);
            form.take_error(error, session.words)?;
            admin.restore_page(&session, &product, form, status).await
        }
    }
}

impl Admin {
    async fn archive_page(&self, session: &Session, product: &Product, form: Form, status: StatusCode) -> Answer {
        let (words, path) = (session.words.goods, path_of(&product.id));
        let frame = self.product_frame(session, product, words.archive_title).await?;
        let sheet = Sheet::new(&frame, format!("{path}/archive"), path, form)
            .says(words.archive_says_1)
            .says(words.archive_says_2)
            .says(words.archive_says_3)
            .button(words.archive)
            .grave();
        Ok(answer::page_with(status, &PlainSheet { frame, sheet }))
    }

    async fn restore_page(&self, session: &Session, product: &Product, form: Form, status: StatusCode) -> Answer {
        let (words, path) = (session.words.goods, path_of(&product.id));
        let frame = self.product_frame(session, product, words.restore_title).await?;
        let sheet =
            Sheet::new(&frame, format!("{path}/restore"), path, form).says(words.restore_says).button(words.restore);
        let choice = |value: &str, label: &str| Choice {
            value: value.to_owned(),
            label: label.to_owned(),
            href: String::new(),
            is_current: false,
        };
        let choices = vec![choice("draft", words.draft_text), choice("active", words.active_text)];
        Ok(answer::page_with(status, &RestorePage { frame, sheet, choices }))
    }

    async fn product_frame(&self, session: &Session, product: &Product, title: &str) -> Result<Frame, Error> {
        let name = product.content.title.as_str();
        let frame = self.frame(session, fill(title, &[name])).await?;
        Ok(frame.below("/admin/products", session.words.frame.products).below(path_of(&product.id), name))
    }
}
