//! Categories: the tree, and the form of each.
//! It does not know what stands in them but for what the catalogue lists.

use std::collections::BTreeMap;

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use contracts::catalog::ListProducts;
use contracts::{Error, Kind};
use domain::catalog::{Categories, Category, CategoryInput, CategoryTextInput};
use domain::field::FieldError;
use domain::locale::Locale;
use domain::settings::Settings;
use domain::text::Slug;
use futures::stream;
use platform::http::extract::Params;
use serde::Deserialize;

use super::Admin;
use super::answer::{self, Answer};
use super::cell::Cell;
use super::csv;
use super::flash::Flash;
use super::form::Form;
use super::frame::Frame;
use super::lists::{Choice, Pager};
use super::session::Session;
use super::sheet::{PlainSheet, Sheet};
use super::words::fill;

const PATH: &str = "/admin/categories";
/// Products that are counted before a category is removed.
const COUNTED_MAX: usize = 100;

pub fn router() -> Router<Admin> {
    Router::new()
        .route(PATH, get(list))
        .route("/admin/categories/new", get(new).post(create))
        .route("/admin/categories/of/{slug}", get(show).post(change))
        .route("/admin/categories/of/{slug}/move", post(shift))
        .route("/admin/categories/of/{slug}/remove", get(ask_remove).post(remove))
}

#[derive(Template)]
#[template(path = "admin/categories.html")]
struct ListPage {
    frame: Frame,
    rows: Vec<Row>,
    pager: Pager,
}

struct Row {
    path: String,
    title: String,
    slug: String,
    depth: usize,
    is_first: bool,
    is_last: bool,
}

#[derive(Template)]
#[template(path = "admin/category.html")]
struct CategoryPage {
    frame: Frame,
    form: Form,
    action: String,
    version: u64,
    /// Only a new one may choose it.
    own_slug: Option<String>,
    parents: Vec<Choice>,
    texts: Vec<TextCells>,
    remove: Option<String>,
}

struct TextCells {
    title: Cell,
    description: Cell,
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    format: Option<String>,
}

/// The whole tree, and its version.
struct Tree {
    categories: Categories,
    version: u64,
}

impl Tree {
    fn get(&self, slug: &str) -> Result<&Category, Error> {
        let slug = Slug::parse(slug).map_err(|_| Error::not_found("category"))?;
        self.categories.get(&slug).ok_or_else(|| Error::not_found("category"))
    }

    /// Parents before children, each with its depth, siblings in their order.
    fn walk(&self) -> Vec<(usize, &Category)> {
        let mut rows = Vec::new();
        self.branch(None, 0, &mut rows);
        rows
    }

    fn branch<'a>(&'a self, parent: Option<&Slug>, depth: usize, rows: &mut Vec<(usize, &'a Category)>) {
        for category in self.categories.children(parent) {
            rows.push((depth, category));
            self.branch(Some(&category.slug), depth + 1, rows);
        }
    }

    fn inputs(&self) -> Vec<CategoryInput> {
        self.categories.all().iter().map(input_of).collect()
    }
}

async fn list(State(admin): State<Admin>, session: Session, Params(asked): Params<Asked>) -> Answer {
    let tree = admin.tree().await?;
    if asked.format.as_deref() == Some("csv") {
        return Ok(as_csv(&session, &tree));
    }
    let siblings = |category: &Category| tree.categories.children(category.parent.as_ref());
    let row = |(depth, category): (usize, &Category)| Row {
        path: path_of(&category.slug),
        title: category.title.to_string(),
        slug: category.slug.to_string(),
        depth,
        is_first: siblings(category).first().is_some_and(|first| first.slug == category.slug),
        is_last: siblings(category).last().is_some_and(|last| last.slug == category.slug),
    };
    let rows = tree.walk().into_iter().map(row).collect();
    let frame = admin.frame(&session, session.words.frame.categories).await?;
    Ok(answer::page(&ListPage { frame, rows, pager: Pager::new(PATH, &[], None, None) }))
}

fn as_csv(session: &Session, tree: &Tree) -> Response {
    let words = session.words.shelves;
    let row = |(_, category): (usize, &Category)| {
        Ok(vec![
            category.slug.to_string(),
            category.title.to_string(),
            category.parent.as_ref().map(ToString::to_string).unwrap_or_default(),
            category.description.clone(),
        ])
    };
    let rows: Vec<_> = tree.walk().into_iter().map(row).collect();
    csv::download("categories.csv", &[words.address, words.title, words.parent, words.description], stream::iter(rows))
}

async fn new(State(admin): State<Admin>, session: Session) -> Answer {
    admin.category_page(&session, None, Form::default(), StatusCode::OK).await
}

async fn show(State(admin): State<Admin>, session: Session, Path(slug): Path<String>) -> Answer {
    let tree = admin.tree().await?;
    let category = tree.get(&slug)?;
    let mut form = Form::default()
        .with("title", category.title.as_str())
        .with("description", category.description.as_str())
        .with("parent", category.parent.as_ref().map(ToString::to_string).unwrap_or_default());
    for (locale, text) in &category.translations {
        let title = text.title.as_ref().map(ToString::to_string);
        form.set(&format!("translations.{locale}.title"), title.unwrap_or_default());
        form.set(&format!("translations.{locale}.description"), text.description.clone().unwrap_or_default());
    }
    admin.category_page(&session, Some(category), form, StatusCode::OK).await
}

async fn create(State(admin): State<Admin>, session: Session, form: Form) -> Answer {
    let tree = admin.tree().await?;
    let mut input = CategoryInput { slug: form.text("slug"), ..read(&form) };
    input.position = last_position(&tree, input.parent.as_deref());
    let mut inputs = tree.inputs();
    inputs.push(input);
    admin.write_category(&session, None, inputs, tree.categories.all().len(), form).await
}

async fn change(State(admin): State<Admin>, session: Session, Path(slug): Path<String>, form: Form) -> Answer {
    let tree = admin.tree().await?;
    let category = tree.get(&slug)?;
    let mut input = CategoryInput { slug: Some(category.slug.to_string()), position: category.position, ..read(&form) };
    if input.parent.as_deref() != category.parent.as_ref().map(|parent| parent.as_str()) {
        input.position = last_position(&tree, input.parent.as_deref());
    }
    let mut inputs = tree.inputs();
    let place =
        inputs.iter().position(|there| there.slug.as_deref() == Some(category.slug.as_str())).unwrap_or_default();
    inputs[place] = input;
    admin.write_category(&session, Some(category), inputs, place, form).await
}

/// Puts a category before the sibling in front of it, or behind the next one.
async fn shift(State(admin): State<Admin>, session: Session, Path(slug): Path<String>, form: Form) -> Answer {
    let tree = admin.tree().await?;
    let category = tree.get(&slug)?;
    let mut siblings: Vec<&Slug> =
        tree.categories.children(category.parent.as_ref()).into_iter().map(|sibling| &sibling.slug).collect();
    let place = siblings.iter().position(|sibling| **sibling == category.slug).unwrap_or_default();
    let other = if form.value("do") == "earlier" { place.checked_sub(1) } else { Some(place + 1) };
    if let Some(other) = other.filter(|other| *other < siblings.len()) {
        siblings.swap(place, other);
        let mut inputs = tree.inputs();
        for input in &mut inputs {
            let at = siblings.iter().position(|sibling| Some(sibling.as_str()) == input.slug.as_deref());
            input.position = at.and_then(|at| i32::try_from(at).ok()).unwrap_or(input.position);
        }
        admin.services.products.replace_categories(inputs, tree.version, &session.caller()).await?;
    }
    Ok(answer::see_other(PATH))
}

async fn ask_remove(State(admin): State<Admin>, session: Session, Path(slug): Path<String>) -> Answer {
    let tree = admin.tree().await?;
    let category = tree.get(&slug)?;
    let words = session.words.shelves;
    let frame = admin.frame(&session, fill(words.remove_title, &[category.title.as_str()])).await?;
    let frame = frame.below(PATH, session.words.frame.categories);
    let path = path_of(&category.slug);
    let wanted = ListProducts { category: Some(slug), limit: COUNTED_MAX, ..ListProducts::default() };
    let listing = admin.services.catalog.products(&wanted).await?;
    let count = match listing.next_cursor {
        Some(_) => fill(words.more_than, &[&COUNTED_MAX.to_string()]),
        None => listing.items.len().to_string(),
    };
    let children: Vec<&str> =
        tree.categories.children(Some(&category.slug)).into_iter().map(|child| child.title.as_str()).collect();
    let mut sheet = Sheet::new(&frame, format!("{path}/remove"), path, Form::default()).says(words.remove_says_1);
    sheet = match listing.items.is_empty() {
        true => sheet.says(words.remove_says_no_products),
        false => sheet.says(fill(words.remove_says_products, &[&count])),
    };
    if !children.is_empty() {
        sheet = sheet.says(fill(words.remove_says_children, &[&children.join(", ")]));
    }
    let sheet = sheet.says(fill(words.remove_says_back, &[category.slug.as_str()])).button(words.remove).grave();
    Ok(answer::page(&PlainSheet { frame, sheet }))
}

async fn remove(State(admin): State<Admin>, session: Session, Path(slug): Path<String>) -> Answer {
    let tree = admin.tree().await?;
    let category = tree.get(&slug)?;
    let rest = Tree { categories: tree.categories.without(&category.slug), version: tree.version };
    admin.services.products.replace_categories(rest.inputs(), rest.version, &session.caller()).await?;
    let flash = Flash::good(fill(session.words.shelves.category_removed, &[category.title.as_str()]));
    Ok(admin.done(PATH, &flash))
}

impl Admin {
    async fn tree(&self) -> Result<Tree, Error> {
        let (list, version) = self.services.products.categories().await?;
        let categories = Categories::new(list).map_err(|_| Error::internal("the categories are no tree"))?;
        Ok(Tree { categories, version })
    }

    /// Writes the whole tree with one category that came from a form, at `place`.
    async fn write_category(
        &self,
        session: &Session,
        category: Option<&Category>,
        inputs: Vec<CategoryInput>,
        place: usize,
        mut form: Form,
    ) -> Answer {
        let seen = form.value("version").parse().unwrap_or_default();
        let title = inputs[place].title.clone();
        match self.services.products.replace_categories(inputs, seen, &session.caller()).await {
            Ok(_) => {
                let flash = Flash::good(fill(session.words.shelves.category_saved, &[title.trim()]));
                Ok(self.done(PATH, &flash))
            }
            Err(error) if error.kind == Kind::Stale => {
                form.refuse("", session.words.shelves.changed_meanwhile);
                self.category_page(session, category, form, StatusCode::CONFLICT).await
            }
            Err(mut error) => {
                let status = answer::status(&error);
                let own = format!("/{place}/");
                let within = |field: FieldError| match field.pointer.strip_prefix(&own) {
                    Some(rest) => FieldError { pointer: format!("/{rest}"), ..field },
                    None => FieldError { pointer: String::new(), ..field },
                };
                error.fields = error.fields.into_iter().map(within).collect();
                form.take_error(error, session.words)?;
                self.category_page(session, category, form, status).await
            }
        }
    }

    async fn category_page(
        &self,
        session: &Session,
        category: Option<&Category>,
        form: Form,
        status: StatusCode,
    ) -> Answer {
        let words = session.words;
        let tree = self.tree().await?;
        let title = category.map_or(words.shelves.new_category.to_owned(), |category| category.title.to_string());
        let frame = self.frame(session, title).await?.below(PATH, words.frame.categories);
        let tags = tags(&frame.settings.settings, category);
        let text = |tag: &String| {
            let cell = |piece: &str, label: &str| {
                let name = format!("translations.{tag}.{piece}");
                let label = fill(words.shelves.in_language, &[label, super::languages::own_name(tag)]);
                Cell::new(name.clone(), label, form.value(&name)).told(&form).in_language(tag)
            };
            TextCells {
                title: cell("title", words.shelves.title),
                description: cell("description", words.shelves.description),
            }
        };
        let texts = tags.iter().map(text).collect();
        let page = CategoryPage {
            parents: parents(&tree, category, words.shelves.at_the_top),
            action: category.map_or("/admin/categories/new".to_owned(), |category| path_of(&category.slug)),
            version: tree.version,
            own_slug: category.map(|category| category.slug.to_string()),
            remove: category.map(|category| format!("{}/remove", path_of(&category.slug))),
            texts,
            form,
            frame,
        };
        Ok(answer::page_with(status, &page))
    }
}

fn read(form: &Form) -> CategoryInput {
    let mut translations: BTreeMap<String, CategoryTextInput> = BTreeMap::new();
    for name in form.names() {
        let Some((tag, piece)) = name.strip_prefix("translations.").and_then(|rest| rest.rsplit_once('.')) else {
            continue;
        };
        let Some(text) = form.text(name) else { continue };
        let translation = translations.entry(tag.to_owned()).or_default();
        match piece {
            "title" => translation.title = Some(text),
            _ => translation.description = Some(text),
        }
    }
    CategoryInput {
        slug: None,
        parent: form.text("parent"),
        title: form.value("title").to_owned(),
        description: form.text("description"),
        position: 0,
        translations,
    }
}

fn input_of(category: &Category) -> CategoryInput {
    let text = |text: &domain::catalog::CategoryText| CategoryTextInput {
        title: text.title.as_ref().map(ToString::to_string),
        description: text.description.clone(),
    };
    CategoryInput {
        slug: Some(category.slug.to_string()),
        parent: category.parent.as_ref().map(ToString::to_string),
        title: category.title.to_string(),
        description: Some(category.description.clone()),
        position: category.position,
        translations: category.translations.iter().map(|(locale, there)| (locale.to_string(), text(there))).collect(),
    }
}

/// Behind all that stand under the same parent.
fn last_position(tree: &Tree, parent: Option<&str>) -> i32 {
    let parent = parent.and_then(|parent| Slug::parse(parent).ok());
    let positions = tree.categories.children(parent.as_ref()).into_iter().map(|sibling| sibling.position);
    positions.max().map_or(0, |last| last.saturating_add(1))
}

/// Where a category may stand: anywhere but under itself.
fn parents(tree: &Tree, category: Option<&Category>, top: &str) -> Vec<Choice> {
    let below = category.map(|category| tree.categories.subtree(&category.slug)).unwrap_or_default();
    let choice = |value: String, label: String| Choice { value, label, href: String::new(), is_current: false };
    let others = tree.walk().into_iter().filter(|(_, there)| !below.contains(&there.slug));
    let others =
        others.map(|(depth, there)| choice(there.slug.to_string(), format!("{}{}", "— ".repeat(depth), there.title)));
    std::iter::once(choice(String::new(), top.to_owned())).chain(others).collect()
}

/// The shop's languages but its own one, and those that the category has beyond them.
fn tags(settings: &Settings, category: Option<&Category>) -> Vec<String> {
    let mut tags: Vec<String> =
        settings.locales.iter().filter(|locale| **locale != settings.default_locale).map(ToString::to_string).collect();
    let own = category.into_iter().flat_map(|category| category.translations.keys().map(Locale::to_string));
    let more: Vec<String> = own.filter(|tag| !tags.contains(tag)).collect();
    tags.extend(more);
    tags
}

fn path_of(slug: &Slug) -> String {
    let slug: String = form_urlencoded::byte_serialize(slug.as_str().as_bytes()).collect();
    format!("/admin/categories/of/{slug}")
}
