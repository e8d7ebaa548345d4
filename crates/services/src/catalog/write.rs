//! What staff do to products and categories: each change and the claims that it needs stand or fall together.
//! It does not decide what a product may be; `domain::catalog` does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use contracts::caller::Caller;
use contracts::{Error, Kind, Result};
use domain::catalog::{self, Categories, Claims, Draft, Fact, Product, ProductInput, State, Status};
use domain::field::FieldError;
use domain::ids::{MediaId, ProductId, VariantId};
use domain::sku::Sku;
use domain::text::Slug;
use platform::http::extract::IfMatch;
use platform::log::executor::{Command, Decision, RunError, View};
use platform::log::{StreamId, Version};

use super::Catalog;
use super::kinds::{CategoryTree, Claim, ClaimFact, Products, SkuClaims, SlugClaims, TreeFact};
use super::rich_text;
use crate::machinery::{cause, executed, stored};

/// How often a change is worked out anew because others changed the same product meanwhile.
const ATTEMPTS: usize = 5;
/// `cup`, `cup-2` … `cup-9`; then a piece of the product's id tells it from its namesakes.
const NUMBERED_SLUGS: usize = 9;
/// Room for what is put after a slug that is taken, in characters.
const SLUG_SUFFIX_CHARS: usize = 10;
/// How long staff wait until lists show what they wrote.
const OWN_WRITE_WAIT: Duration = Duration::from_millis(500);

type Decide = Arc<dyn Fn(&State) -> std::result::Result<Vec<Fact>, catalog::Error> + Send + Sync>;

/// Whether staff who wrote something see it in lists at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    AtOnce,
    /// For those who write many.
    Later,
}

/// One change to one product.
struct Change {
    name: &'static str,
    id: ProductId,
    /// The version that the change was worked out on.
    seen: Version,
    before: Claims,
    after: Claims,
    decide: Decide,
    told: Told,
}

/// Why a change was not made.
enum Refused {
    /// The product is no longer what the change was worked out on.
    Moved,
    /// These names are another product's.
    Taken {
        slug: bool,
        skus: Vec<Sku>,
    },
    Rule(catalog::Error),
}

enum Failed {
    Refused(Refused),
    Error(Error),
}

impl Catalog {
    /// Creates a product; of an id that is there already nothing happens.
    pub(super) async fn create(&self, id: ProductId, input: &ProductInput, caller: &Caller) -> Result<Arc<Product>> {
        self.create_told(id, input, Told::AtOnce, caller).await
    }

    pub(super) async fn create_told(
        &self,
        id: ProductId,
        input: &ProductInput,
        told_lists: Told,
        caller: &Caller,
    ) -> Result<Arc<Product>> {
        let mut input = input.clone();
        rich_text::make_harmless(&mut input);
        let input = &input;
        let (state, seen) = self.product_state(&id).await?;
        if let Some(product) = state.product() {
            return Ok(Arc::new(product.clone()));
        }
        let draft = input.validate().map_err(Error::invalid)?;
        self.check_media(input, &draft, &State::default()).await?;
        let variant_ids = self.new_variant_ids(&draft);
        let is_slug_chosen = draft.has_own_slug();
        for attempt in 1..=ATTEMPTS {
            let draft = if is_slug_chosen { draft.clone() } else { self.with_free_slug(&draft, &id).await? };
            let after = draft.claims(&State::default());
            let (own_id, ids, decided) = (id.clone(), variant_ids.clone(), draft.clone());
            let change = Change {
                name: "create_product",
                id: id.clone(),
                seen,
                before: Claims::default(),
                after,
                decide: Arc::new(move |state| catalog::create(state, own_id.clone(), &decided, &ids)),
                told: told_lists,
            };
            match self.commit(change, caller).await {
                Ok(product) => return Ok(product),
                // The same request, sent twice at once.
                Err(Failed::Refused(Refused::Moved)) => return self.by_id(&id).await,
                // Somebody took the slug that was free a moment ago; only one that staff chose is worth an error.
                Err(Failed::Refused(Refused::Taken { slug: true, skus }))
                    if skus.is_empty() && !is_slug_chosen && attempt < ATTEMPTS => {}
                Err(failed) => return Err(told(failed, input)),
            }
        }
        Err(contended())
    }

    /// Makes a product what `write` says, given what it is.
    pub(super) async fn rewrite(
        &self,
        id: &ProductId,
        if_match: &IfMatch,
        write: impl Fn(&Product) -> Result<ProductInput>,
        caller: &Caller,
    ) -> Result<Arc<Product>> {
        self.rewrite_told(id, if_match, write, Told::AtOnce, caller).await
    }

    pub(super) async fn rewrite_told(
        &self,
        id: &ProductId,
        if_match: &IfMatch,
        write: impl Fn(&Product) -> Result<ProductInput>,
        told_lists: Told,
        caller: &Caller,
    ) -> Result<Arc<Product>> {
        for _ in 0..ATTEMPTS {
            let (state, seen) = self.product_state(id).await?;
            let product = state.product().ok_or_else(|| Error::not_found("product"))?;
            check(if_match, seen)?;
            let mut input = write(product)?;
            rich_text::make_harmless(&mut input);
            let draft = input.validate().map_err(Error::invalid)?;
            self.check_media(&input, &draft, &state).await?;
            let variant_ids = self.new_variant_ids(&draft);
            let change = Change {
                name: "replace_product",
                id: id.clone(),
                seen,
                before: state.claims(),
                after: draft.claims(&state),
                decide: Arc::new(move |state| catalog::replace(state, &draft, &variant_ids)),
                told: told_lists,
            };
            match self.commit(change, caller).await {
                Err(Failed::Refused(Refused::Moved)) => {}
                done => return done.map_err(|failed| told(failed, &input)),
            }
        }
        Err(contended())
    }

    pub(super) async fn archive(&self, id: &ProductId, if_match: &IfMatch, caller: &Caller) -> Result<Arc<Product>> {
        self.put_away_or_back("archive_product", id, if_match, Arc::new(catalog::archive), caller).await
    }

    pub(super) async fn restore(
        &self,
        id: &ProductId,
        status: Status,
        if_match: &IfMatch,
        caller: &Caller,
    ) -> Result<Arc<Product>> {
        let decide: Decide = Arc::new(move |state| catalog::restore(state, status));
        self.put_away_or_back("restore_product", id, if_match, decide, caller).await
    }

    async fn put_away_or_back(
        &self,
        name: &'static str,
        id: &ProductId,
        if_match: &IfMatch,
        decide: Decide,
        caller: &Caller,
    ) -> Result<Arc<Product>> {
        for _ in 0..ATTEMPTS {
            let (state, seen) = self.product_state(id).await?;
            state.product().ok_or_else(|| Error::not_found("product"))?;
            check(if_match, seen)?;
            let (before, after) = (state.claims(), state.claims());
            let told_lists = Told::AtOnce;
            let change = Change { name, id: id.clone(), seen, before, after, decide: decide.clone(), told: told_lists };
            match self.commit(change, caller).await {
                Err(Failed::Refused(Refused::Moved)) => {}
                done => return done.map_err(|failed| told(failed, &ProductInput::default())),
            }
        }
        Err(contended())
    }

    /// Replaces all categories. Answers the tree's new version.
    pub(super) async fn plant(&self, tree: Categories, if_match: &IfMatch, caller: &Caller) -> Result<Version> {
        let stream = CategoryTree::stream();
        for _ in 0..ATTEMPTS {
            let seen = self.tree().await?.1;
            check(if_match, seen)?;
            let (own, tree) = (stream.clone(), tree.clone());
            let command = Command::new("replace_categories", cause(caller), [stream.clone()], move |view| {
                if view.version(&own) != seen {
                    return Err(Refused::Moved);
                }
                if *view.state::<CategoryTree>(&own) == tree {
                    return Ok(Decision::answer(seen));
                }
                let planted = TreeFact::Replaced { categories: tree.clone() };
                Ok(Decision::answer(seen + 1).with::<CategoryTree>(&own, planted))
            });
            match self.machinery.executor.run(command).await {
                Ok(committed) => return Ok(committed.answer),
                Err(RunError::Rejected(_)) => {}
                Err(RunError::Failed(error)) => return Err(executed(error)),
            }
        }
        Err(contended())
    }

    async fn commit(&self, change: Change, caller: &Caller) -> std::result::Result<Arc<Product>, Failed> {
        let id = change.id.clone();
        let waits = change.told == Told::AtOnce && caller.is_staff();
        let claims = ClaimChange::of(&change);
        let streams: Vec<StreamId> = std::iter::once(Products::stream(&id)).chain(claims.streams()).collect();
        let command = Command::new(change.name, cause(caller), streams, move |view| decide(view, &change, &claims));
        let committed = self.machinery.executor.run(command).await.map_err(|error| match error {
            RunError::Rejected(refused) => Failed::Refused(refused),
            RunError::Failed(error) => Failed::Error(executed(error)),
        })?;
        self.responses.forget(&id);
        if waits {
            self.machinery.projector.wait_for(&committed.positions, OWN_WRITE_WAIT).await;
        }
        committed.answer.ok_or_else(|| Failed::Error(Error::not_found("product")))
    }

    pub(super) async fn product_state(&self, id: &ProductId) -> Result<(Arc<State>, Version)> {
        self.machinery.executor.read::<Products>(&Products::stream(id)).await.map_err(stored)
    }

    pub(super) async fn by_id(&self, id: &ProductId) -> Result<Arc<Product>> {
        let (state, _) = self.product_state(id).await?;
        state.product().cloned().map(Arc::new).ok_or_else(|| Error::not_found("product"))
    }

    pub(super) async fn tree(&self) -> Result<(Arc<Categories>, Version)> {
        self.machinery.executor.read::<CategoryTree>(&CategoryTree::stream()).await.map_err(stored)
    }

    fn new_variant_ids(&self, draft: &Draft) -> Arc<[VariantId]> {
        (0..draft.variant_count()).map(|_| VariantId::from_bytes(self.machinery.id_bytes())).collect()
    }

    /// The draft under the first slug made from its title that nobody has.
    async fn with_free_slug(&self, draft: &Draft, id: &ProductId) -> Result<Draft> {
        let base: String =
            draft.slug().as_str().chars().take(domain::text::MAX_SLUG_CHARS - SLUG_SUFFIX_CHARS).collect();
        let base = base.trim_end_matches('-');
        let numbered = (2..=NUMBERED_SLUGS).map(|number| format!("{base}-{number}"));
        let last = format!("{base}-{}", &id.key()[id.key().len() - (SLUG_SUFFIX_CHARS - 2)..]);
        let others = numbered.chain([last]).filter_map(|slug| Slug::parse(&slug).ok());
        for slug in std::iter::once(draft.slug().clone()).chain(others) {
            let claim = self.machinery.executor.read::<SlugClaims>(&SlugClaims::stream(&slug)).await.map_err(stored)?;
            if claim.0.holder.is_none() {
                // Not `with_slug` for the first: it would count as chosen by staff.
                return Ok(if slug == *draft.slug() { draft.clone() } else { draft.clone().with_slug(slug) });
            }
        }
        Ok(draft.clone())
    }

    /// Pictures that a product is to show must be there; those that it shows already are not asked for.
    pub(super) async fn check_media(&self, input: &ProductInput, draft: &Draft, before: &State) -> Result<()> {
        let shown = |id: &MediaId| before.product().is_some_and(|product| shows(product, id));
        let mut wanted: BTreeMap<MediaId, String> = BTreeMap::new();
        for (index, variant) in input.variants.iter().enumerate() {
            let image = variant.image.as_deref().and_then(|id| MediaId::parse(id).ok());
            wanted.extend(image.map(|id| (id, format!("/variants/{index}/image"))));
        }
        let images = draft.images().iter().enumerate();
        wanted.extend(images.map(|(index, image)| (image.media.clone(), format!("/images/{index}/media"))));
        wanted.retain(|id, _| !shown(id));
        if wanted.is_empty() {
            return Ok(());
        }
        let ids: Vec<MediaId> = wanted.keys().cloned().collect();
        let missing = self.pictures.missing(&ids).await?;
        let pointers = missing.iter().filter_map(|id| wanted.remove(id));
        let errors: Vec<FieldError> =
            pointers.map(|at| FieldError::new(at, "unknown_media", "no picture was uploaded under this id")).collect();
        if errors.is_empty() { Ok(()) } else { Err(Error::invalid(errors)) }
    }
}

fn shows(product: &Product, id: &MediaId) -> bool {
    let content = &product.content;
    content.images.iter().any(|image| image.media == *id)
        || content.variants.iter().any(|variant| variant.image.as_ref() == Some(id))
}

/// Names to take and names to give up; those that stay are not touched.
struct ClaimChange {
    slug_taken: Option<StreamId>,
    slug_given_up: Option<StreamId>,
    skus_taken: Vec<(Sku, StreamId)>,
    skus_given_up: Vec<StreamId>,
}

impl ClaimChange {
    fn of(change: &Change) -> Self {
        let Change { before, after, .. } = change;
        let slug = |claims: &Claims| claims.slug.as_ref().filter(|_| before.slug != after.slug).map(SlugClaims::stream);
        let skus_taken = after.skus.difference(&before.skus).map(|sku| (sku.clone(), SkuClaims::stream(sku)));
        Self {
            slug_taken: slug(after),
            slug_given_up: slug(before),
            skus_taken: skus_taken.collect(),
            skus_given_up: before.skus.difference(&after.skus).map(SkuClaims::stream).collect(),
        }
    }

    fn streams(&self) -> Vec<StreamId> {
        let slugs = self.slug_taken.iter().chain(&self.slug_given_up);
        let skus = self.skus_taken.iter().map(|(_, stream)| stream).chain(&self.skus_given_up);
        slugs.chain(skus).cloned().collect()
    }
}

/// The product after it, with its facts and those of its claims.
fn decide(
    view: &View<'_>,
    change: &Change,
    claims: &ClaimChange,
) -> std::result::Result<Decision<Option<Arc<Product>>>, Refused> {
    let stream = Products::stream(&change.id);
    if view.version(&stream) != change.seen {
        return Err(Refused::Moved);
    }
    let state = view.state::<Products>(&stream);
    let facts = (change.decide)(state).map_err(Refused::Rule)?;
    let is_others = |claim: &Claim| claim.holder.as_ref().is_some_and(|holder| *holder != change.id);
    let slug = claims.slug_taken.iter().any(|stream| is_others(view.state::<SlugClaims>(stream)));
    let taken = claims.skus_taken.iter().filter(|(_, stream)| is_others(view.state::<SkuClaims>(stream)));
    let skus: Vec<Sku> = taken.map(|(sku, _)| sku.clone()).collect();
    if slug || !skus.is_empty() {
        return Err(Refused::Taken { slug, skus });
    }
    let mut after = state.clone();
    facts.iter().for_each(|fact| after.apply(fact, view.now));
    let mut decision = Decision::answer(after.into_product().map(Arc::new)).with_all::<Products>(&stream, facts);
    let take = || ClaimFact::Taken { product: change.id.clone() };
    claims.slug_taken.iter().for_each(|stream| decision.add::<SlugClaims>(stream, take()));
    claims.slug_given_up.iter().for_each(|stream| decision.add::<SlugClaims>(stream, ClaimFact::GivenUp {}));
    claims.skus_taken.iter().for_each(|(_, stream)| decision.add::<SkuClaims>(stream, take()));
    claims.skus_given_up.iter().for_each(|stream| decision.add::<SkuClaims>(stream, ClaimFact::GivenUp {}));
    Ok(decision)
}

fn check(if_match: &IfMatch, version: Version) -> Result<()> {
    if_match.check(version).map_err(|_| {
        let message = format!("it is at version {version} by now; read it again, then change it");
        Error::new(Kind::Stale, "precondition_failed", message).with("version", version)
    })
}

fn contended() -> Error {
    Error::unavailable("others keep changing the same product; try again shortly", 1)
}

fn told(failed: Failed, input: &ProductInput) -> Error {
    match failed {
        Failed::Error(error) => error,
        Failed::Refused(Refused::Moved) => contended(),
        Failed::Refused(Refused::Taken { slug, skus }) => taken(slug, &skus, input),
        Failed::Refused(Refused::Rule(error)) => ruled(&error),
    }
}

pub(super) fn taken(slug: bool, skus: &[Sku], input: &ProductInput) -> Error {
    let at_sku =
        input.variants.iter().enumerate().filter(|(_, variant)| skus.iter().any(|sku| sku.as_str() == variant.sku));
    let mut fields: Vec<FieldError> = at_sku
        .map(|(index, variant)| {
            let message = format!("another product has the SKU {}", variant.sku);
            FieldError::new(format!("/variants/{index}/sku"), "sku_taken", message)
        })
        .collect();
    if slug {
        fields.push(FieldError::new("/slug", "slug_taken", "another product has this slug"));
    }
    let code = if skus.is_empty() { "slug_taken" } else { "sku_taken" };
    let message = fields.first().map_or_else(String::new, |field| field.message.clone());
    Error { fields, ..Error::conflict(code, message) }
}

pub(super) fn ruled(error: &catalog::Error) -> Error {
    match error {
        catalog::Error::NotFound => Error::not_found("product"),
        catalog::Error::AlreadyExists => Error::conflict("already_exists", error.to_string()),
        catalog::Error::UnknownVariant { .. } | catalog::Error::RestoredAsArchived => {
            let field = error.field().unwrap_or_else(|| FieldError::new("/status", "invalid", error.to_string()));
            Error::invalid(vec![field])
        }
        catalog::Error::TooFewVariantIds { .. } => Error::internal(error.to_string()),
    }
}
