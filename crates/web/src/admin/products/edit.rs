//! The page on which a product is written: new, copied or changed.
//! It does not decide what a product may be; what the catalogue refuses stands beside its field, and nothing typed is lost.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Multipart, Path, State};
use axum::http::StatusCode;
use contracts::caller::Caller;
use contracts::presence::Thing;
use contracts::{Error, Kind};
use domain::catalog::{Product, ProductInput, Status};
use domain::field::FieldError;
use domain::ids::ProductId;
use domain::sku::Sku;
use domain::stock::{Location, Reason};

use super::form::ProductForm;
use super::rows;
use super::sent::{self, Sent};
use super::view::{ProductView, Viewer};
use crate::admin::Admin;
use crate::admin::answer::{self, Answer, Refused};
use crate::admin::flash::Flash;
use crate::admin::form::{Form, Wrong};
use crate::admin::frame::Frame;
use crate::admin::presence::Beside;
use crate::admin::session::Session;
use crate::admin::words::{Words, fill};

/// Errors that are shown at once; a form of 2,000 variants can be wrong 10,000 times.
const ERRORS_MAX: usize = 100;

#[derive(Template)]
#[template(path = "admin/product.html")]
struct ProductPage {
    frame: Frame,
    /// The fields at the top, and all that is wrong.
    form: Form,
    view: ProductView,
    wrongs: Vec<Wrong>,
    action: String,
    /// What the next change names.
    version: u64,
    /// Names this attempt to create, however often it is sent.
    once: String,
    status: &'static str,
    there: Option<There>,
    beside: Option<Beside>,
    conflict: Option<Conflict>,
    waiting_pictures: Option<String>,
}

/// A product that is there already.
struct There {
    path: String,
    in_shop: Option<String>,
    is_archived: bool,
}

/// Somebody else was faster.
struct Conflict {
    changed: String,
    path: String,
}

/// A form on its way to the page.
struct Draft {
    form: ProductForm,
    errors: Vec<FieldError>,
    before: Option<Arc<Product>>,
    version: u64,
    once: Option<String>,
    /// What others changed meanwhile.
    theirs: Option<Arc<Product>>,
    status: StatusCode,
}

impl Draft {
    fn new(form: ProductForm) -> Self {
        Self { form, errors: Vec::new(), before: None, version: 0, once: None, theirs: None, status: StatusCode::OK }
    }

    fn of(product: Arc<Product>) -> Self {
        Self { version: product.version, before: Some(product.clone()), ..Self::new(ProductForm::of(&product.content)) }
    }
}

pub async fn new(State(admin): State<Admin>, session: Session) -> Answer {
    admin.product_page(&session, Draft::new(ProductForm::empty())).await
}

pub async fn copy(State(admin): State<Admin>, session: Session, Path(id): Path<String>) -> Answer {
    let product = admin.product(&id).await?;
    let title = fill(session.words.goods.copy_title, &[product.content.title.as_str()]);
    admin.product_page(&session, Draft::new(ProductForm::of(&product.content).copied(title))).await
}

pub async fn show(State(admin): State<Admin>, session: Session, Path(id): Path<String>) -> Answer {
    let product = admin.product(&id).await?;
    admin.product_page(&session, Draft::of(product)).await
}

pub async fn create(State(admin): State<Admin>, session: Session, body: Multipart) -> Answer {
    let caller = session.caller();
    let sent = sent::read(body, admin.services.products.as_ref(), &caller).await?;
    let once = sent.typed.some("once").unwrap_or_else(|| session.once.to_string());
    let mut draft = Draft { once: Some(once.clone()), ..Draft::new(ProductForm::empty()) };
    let Some(input) = draft.take(sent, session.words)? else {
        return admin.product_page(&session, draft).await;
    };
    match admin.services.products.create(input.product, &once, &caller).await {
        Ok(product) => {
            let title = product.content.title.as_str();
            let counted = admin.count_new(&input.on_hand, &once, &caller).await;
            let flash = match counted {
                Ok(()) => Flash::good(fill(session.words.goods.created, &[title])),
                Err(error) => {
                    Flash::bad(fill(session.words.goods.not_counted, &[title, &session.words.message(&error)]))
                }
            };
            Ok(admin.done(&path_of(&product.id), &flash))
        }
        Err(error) => {
            draft.refuse(error, &input.places)?;
            admin.product_page(&session, draft).await
        }
    }
}

pub async fn change(State(admin): State<Admin>, session: Session, Path(id): Path<String>, body: Multipart) -> Answer {
    let caller = session.caller();
    let sent = sent::read(body, admin.services.products.as_ref(), &caller).await?;
    let product = admin.product(&id).await?;
    let seen = sent.typed.text("version").parse().unwrap_or(product.version);
    let mut draft = Draft { version: seen, ..Draft::of(product.clone()) };
    let Some(input) = draft.take(sent, session.words)? else {
        return admin.product_page(&session, draft).await;
    };
    match admin.services.products.replace(&product.id, input.product, seen, &caller).await {
        Ok(changed) => {
            let counted = admin.count_new(&input.on_hand, &session.once, &caller).await;
            let words = session.words.goods;
            let flash = match counted {
                Err(error) => Flash::bad(session.words.message(&error)),
                Ok(()) if changed.version == seen && input.on_hand.is_empty() => Flash::good(words.nothing_changed),
                Ok(()) => Flash::good(fill(words.saved, &[changed.content.title.as_str()])),
            };
            Ok(admin.done(&path_of(&product.id), &flash))
        }
        Err(error) if error.kind == Kind::Stale => {
            let theirs = admin.product(&id).await?;
            draft.version = theirs.version;
            draft.theirs = Some(theirs);
            draft.status = StatusCode::CONFLICT;
            admin.product_page(&session, draft).await
        }
        Err(error) => {
            draft.refuse(error, &input.places)?;
            admin.product_page(&session, draft).await
        }
    }
}

/// What a form asks for that makes sense so far.
struct Input {
    product: ProductInput,
    on_hand: Vec<(String, i64)>,
    places: crate::admin::places::Places,
}

impl Draft {
    /// Takes what was sent; `None`: the page is to be shown again, because of a button or of what is wrong.
    fn take(&mut self, sent: Sent, words: &Words) -> Result<Option<Input>, Refused> {
        self.form = ProductForm::read(&sent.typed);
        if self.form.status.is_none() {
            self.form.status = self.before.as_ref().map(|product| product.content.status);
        }
        sent.pictures.into_iter().for_each(|media| self.form.add_image(media.id.to_string()));
        for (file, error) in &sent.refused {
            let why = words.message(error);
            self.errors.push(FieldError::new("pictures", "refused_picture", format!("{file}: {why}")));
        }
        let button = sent.typed.text("do");
        let is_save = button.is_empty() || button == "save";
        if !is_save && self.form.press(button) == Err(rows::Error::TooManyVariants) {
            self.errors.push(FieldError::new("options", "too_many_variants", words.goods.too_many_variants));
        }
        if !is_save || !self.errors.is_empty() {
            self.status = if self.errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
            return Ok(None);
        }
        let reading = self.form.reading(self.before.as_ref().map(|product| &product.content));
        if !reading.errors.is_empty() {
            self.errors = reading.errors;
            self.status = StatusCode::UNPROCESSABLE_ENTITY;
            return Ok(None);
        }
        Ok(Some(Input { product: reading.input, on_hand: reading.on_hand, places: reading.places }))
    }

    fn refuse(&mut self, error: Error, places: &crate::admin::places::Places) -> Result<(), Refused> {
        if matches!(error.kind, Kind::Internal | Kind::NotFound | Kind::Unauthenticated) {
            return Err(Refused(error));
        }
        self.status = answer::status(&error);
        self.errors = match error.fields.is_empty() {
            true => vec![FieldError::new("", error.code, error.message)],
            false => places.fields(error.fields),
        };
        Ok(())
    }

    fn told(&self, words: &Words) -> Form {
        let form = &self.form;
        let status = match form.status {
            Some(Status::Draft) => "draft",
            Some(Status::Archived) => "archived",
            _ => "active",
        };
        let fields = [("title", &form.title), ("slug", &form.slug), ("brand", &form.brand)];
        let mut told = fields.into_iter().fold(Form::default(), |told, (name, value)| told.with(name, value.as_str()));
        told.set("status", status);
        for error in self.errors.iter().take(ERRORS_MAX) {
            told.refuse(&error.pointer, words.field_message(error));
        }
        told
    }
}

impl Admin {
    pub(super) async fn product(&self, id: &str) -> Result<Arc<Product>, Refused> {
        let id = ProductId::parse(id).map_err(|_| Error::not_found("product"))?;
        Ok(self.services.products.product(&id).await?)
    }

    /// Puts new SKUs on the shelf, once each.
    async fn count_new(&self, on_hand: &[(String, i64)], once: &str, caller: &Caller) -> contracts::Result<()> {
        for (sku, count) in on_hand {
            let sku = Sku::parse(sku).map_err(|error| Error::field("/sku", "invalid_sku", error.to_string()))?;
            let once = format!("{once} {sku}");
            let location = Location::default();
            self.services.stock.count(&sku, &location, *count, Reason::Received, &once, caller).await?;
        }
        Ok(())
    }

    async fn product_page(&self, session: &Session, draft: Draft) -> Answer {
        let words = session.words;
        let title = match &draft.before {
            Some(product) => product.content.title.to_string(),
            None => words.goods.new_product.to_owned(),
        };
        let frame = self.frame(session, title).await?.below("/admin/products", words.frame.products);
        let (tree, _) = self.services.products.categories().await?;
        let told = draft.told(words);
        let form = draft.form.clone().with_spares();
        let columns = form.columns(&frame.settings.settings);
        let desk = self.services.products.as_ref();
        let view = Viewer { form: &form, columns: &columns, errors: &told, words, desk, tree: &tree }.view();
        let beside = match &draft.before {
            Some(product) => Some(self.beside(session, &frame.times, &Thing::Product(product.id.clone())).await?),
            None => None,
        };
        let waiting = draft.before.as_ref().map_or(0, |product| product.content.image_urls.len());
        let page = ProductPage {
            wrongs: wrongs(&told, words),
            view,
            action: draft.before.as_ref().map_or("/admin/products/new".to_owned(), |product| path_of(&product.id)),
            version: draft.version,
            once: draft.once.unwrap_or_else(|| session.once.to_string()),
            status: status_word(draft.before.as_ref().map(|product| product.content.status), words),
            there: draft.before.as_deref().map(there),
            beside,
            conflict: conflict(&draft.form, draft.theirs.as_deref(), words),
            waiting_pictures: (waiting > 0).then(|| fill(words.goods.waiting_pictures, &[&waiting.to_string()])),
            form: told,
            frame,
        };
        Ok(answer::page_with(draft.status, &page))
    }
}

fn there(product: &Product) -> There {
    let slug: String = form_urlencoded::byte_serialize(product.content.slug.as_str().as_bytes()).collect();
    There {
        path: path_of(&product.id),
        in_shop: product.is_for_sale().then(|| format!("/p/{slug}")),
        is_archived: product.content.status == Status::Archived,
    }
}

/// In what the form differs from the product as it is by now.
fn conflict(form: &ProductForm, theirs: Option<&Product>, words: &Words) -> Option<Conflict> {
    let theirs = theirs?;
    let (mine, is) = (form.reading(Some(&theirs.content)).input, ProductInput::from(&theirs.content));
    let others = |input: &ProductInput| {
        (input.slug.clone(), input.brand.clone(), input.description.clone(), input.description_html.clone())
    };
    let parts = [
        (mine.title != is.title, words.goods.part_title),
        (mine.status != is.status, words.goods.status),
        (mine.variants != is.variants || mine.options != is.options, words.goods.part_variants),
        (mine.images != is.images, words.goods.pictures),
        (mine.categories != is.categories, words.goods.categories),
        (mine.attributes != is.attributes, words.goods.attributes),
        (mine.translations != is.translations, words.goods.part_texts),
        (others(&mine) != others(&is), words.goods.part_others),
    ];
    let differing: Vec<&str> = parts.into_iter().filter_map(|(differs, part)| differs.then_some(part)).collect();
    let changed = match differing.is_empty() {
        true => String::new(),
        false => fill(words.goods.differs_in, &[&differing.join(", ")]),
    };
    Some(Conflict { changed, path: path_of(&theirs.id) })
}

/// What is wrong, each with what the field is called where many are called alike.
fn wrongs(form: &Form, words: &Words) -> Vec<Wrong> {
    let named = |wrong: Wrong| {
        let pieces: Vec<&str> = wrong.field.split('.').collect();
        let number =
            |text: &str| text.parse::<usize>().map_or_else(|_| text.to_owned(), |place| (place + 1).to_string());
        let name = match pieces.as_slice() {
            ["variants", place, ..] => fill(words.goods.variant_number, &[&number(place)]),
            ["options", place, ..] => format!("{} {}", words.goods.option_name, number(place)),
            ["attributes", place, ..] => format!("{} {}", words.goods.attribute_key, number(place)),
            ["images", place, ..] => fill(words.goods.picture_number, &[&number(place)]),
            ["texts", tag, ..] => crate::admin::languages::own_name(tag).to_owned(),
            ["title"] => words.goods.title.to_owned(),
            ["slug"] => words.goods.slug.to_owned(),
            ["brand"] => words.goods.brand.to_owned(),
            ["description"] => words.goods.description.to_owned(),
            _ => return wrong,
        };
        Wrong { text: format!("{name}: {}", wrong.text), ..wrong }
    };
    form.wrongs().into_iter().map(named).collect()
}

pub(super) fn status_word(status: Option<Status>, words: &Words) -> &'static str {
    match status {
        Some(Status::Draft) => words.goods.draft,
        Some(Status::Active) => words.goods.active,
        Some(Status::Archived) => words.goods.archived,
        None => "",
    }
}

pub(super) fn path_of(id: &ProductId) -> String {
    format!("/admin/products/{id}")
}
