//! All routes of a shop: services, pages, readiness, metrics, and the API's own description.
//! It does not know what a route does.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::http::header;
use axum::http::request::Parts;
use axum::middleware;
use axum::routing::get;
use contracts::staff::Staff;
use platform::http::guard::Guard;
use platform::http::limits::Limits;
use platform::http::metrics::Registry;
use platform::http::rate::{Policy, RateLimiter, Sharing};
use platform::http::{self, Conventions, Holder, HolderRate, Holders, Site};
use services::http::identify;
use services::payments::provider::TestBank;
use services::payments::{BankWindow, Notices};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::config::{Config, Secrets};
use crate::doctor::http::Patient;
use crate::readiness::{self, Readiness};
use crate::wiring::Mart;
use crate::{Failure, api_docs, doctor, openapi};

/// Every route, with the conventions of `api.md` around it.
pub fn site(
    mart: &Arc<Mart>,
    config: &Config,
    secrets: &Secrets,
    readiness: &Readiness,
    registry: &Arc<Registry>,
) -> Result<Site, Failure> {
    readiness.missing("the shop is starting".to_owned());
    let patient =
        Patient { store: mart.store.clone(), data: config.data.clone(), master_key: secrets.master_key.clone() };
    let (api, document) = api(mart).merge(doctor::http::router(patient)).split_for_parts();
    let document = Arc::new(openapi::complete(document));
    let staff: Arc<dyn Staff> = mart.staff.clone();
    let api = api.layer(middleware::from_fn_with_state(staff, identify));
    let services = page_services(mart);
    let public_url = config.public_url().unwrap_or_default().to_owned();
    let options = web::Options { public_url, limits: sharing(mart) };
    let pages = web::router(&services, &options);
    show_machinery(mart, registry);
    let registry_state = registry.clone();
    let router = Router::new()
        .merge(api)
        .merge(pages)
        .merge(described(&document))
        .merge(readiness::router(mart, readiness))
        .route("/metrics", get(move || async move { registry_state.respond() }));
    let conventions = Conventions::new(http_config(mart, config, registry)?);
    Ok(Site::new(web::for_people(conventions.around(router), &services, &options), conventions))
}

/// What the pages are made from.
fn page_services(mart: &Mart) -> web::Services {
    web::Services {
        shop: mart.shop.clone(),
        pages: mart.pages.clone(),
        catalog: mart.catalog.clone(),
        search: mart.search.clone(),
        products: mart.catalog.clone(),
        stock: Arc::new(services::inventory::Desk::new(mart.inventory.clone(), mart.catalog.clone())),
        shopping: mart.carts.clone(),
        checkout: Arc::new(services::orders::Counter::new(mart.orders.clone())),
        orders: Arc::new(services::orders::Desk::new(mart.orders.clone())),
        mail: mart.mail.clone(),
        payments: mart.payments.clone(),
        test_bank: bank_window(mart),
        staff: mart.staff.clone(),
        staff_desk: mart.staff.clone(),
        presence: mart.presence.clone(),
        transfer: mart.transfer.clone(),
        statistics: mart.statistics.clone(),
    }
}

/// Where test payments are allowed, the window of their bank.
fn bank_window(mart: &Mart) -> Option<Arc<dyn contracts::payments::TestBank>> {
    let notices = Arc::new(Notices::new(mart.payments.clone(), mart.orders.clone()));
    let bank = mart.test_bank.clone()?;
    Some(Arc::new(BankWindow::new(bank, notices)))
}

/// The services' routes, which describe themselves.
pub fn api(mart: &Arc<Mart>) -> OpenApiRouter {
    let repeats = || mart.repeats.clone();
    let bank = mart.test_bank.clone().map(|bank| bank as Arc<dyn TestBank>);
    OpenApiRouter::new()
        .merge(services::shop::http::router(mart.shop.clone(), repeats()))
        .merge(services::staff::http::router(mart.staff.clone(), repeats()))
        .merge(services::catalog::http::router(mart.catalog.clone(), repeats()))
        .merge(services::search::http::router(mart.search.clone()))
        .merge(services::inventory::http::router(mart.inventory.clone(), mart.catalog.clone(), repeats()))
        .merge(services::carts::http::router(mart.carts.clone(), repeats()))
        .merge(services::payments::http::router(mart.payments.clone(), mart.orders.clone(), bank))
        .merge(services::orders::http::router(mart.orders.clone(), repeats()))
        .merge(services::statistics::http::router(mart.statistics.clone()))
        .merge(services::transfer::http::router(mart.transfer.clone(), repeats()))
        .merge(services::mail::http::router(mart.mail.clone(), repeats()))
}

fn http_config(mart: &Arc<Mart>, config: &Config, registry: &Arc<Registry>) -> Result<http::Config, Failure> {
    let http = &config.http;
    let guard =
        Guard::new(&http.cors_origins, &[]).map_err(|error| Failure::new(format!("http.cors_origins: {error}")))?;
    let limiter = |name, quota| {
        let policy = Policy { name, quota, window: Duration::from_secs(60) };
        (quota > 0).then(|| RateLimiter::new(policy).sharing(sharing(mart)))
    };
    let rate = limiter("requests", http.rate_limit_per_minute);
    let of_staff = limiter("staff", http.rate_limit_staff_per_minute);
    let rate_of_holders = of_staff.map(|limiter| HolderRate { limiter, who: holders(mart.clone()) });
    let presence = mart.presence.clone();
    let mart = mart.clone();
    Ok(http::Config {
        limits: Limits {
            json_body_bytes: http.json_body_bytes,
            request_timeout: Duration::from_secs(http.request_timeout_s),
            in_flight: http.in_flight,
            patient_paths: vec![services::transfer::http::IMPORTS_PATH.to_owned(), "/admin/import".to_owned()],
            ..Limits::default()
        },
        guard,
        trusted_proxies: http.trusted_proxies.clone(),
        rate,
        rate_of_holders,
        rate_exempt: Arc::new(move |parts| {
            let bearer = bearer(parts);
            let mart = mart.clone();
            Box::pin(async move {
                match bearer {
                    Some(bearer) => mart.is_staff(&bearer).await,
                    None => false,
                }
            })
        }),
        rate_on_loopback: http.rate_limit_on_loopback,
        witness: Some(Arc::new(move |given: &http::Given<'_>| presence.saw(given))),
        ..http::Config::new(Arc::new(platform::entropy::SystemEntropy), registry.clone())
    })
}

fn bearer(parts: &Parts) -> Option<String> {
    let bearer = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    bearer.and_then(|value| value.strip_prefix("Bearer ")).map(ToOwned::to_owned)
}

/// Staff, by the keys and sessions that they come with.
fn holders(mart: Arc<Mart>) -> Holders {
    Arc::new(move |parts| {
        let (bearer, mart) = (bearer(parts), mart.clone());
        Box::pin(async move {
            let key = bearer?;
            let user = mart.staff.authenticate(&key).await.ok()??.to_string();
            Some(Holder { key, user })
        })
    })
}

/// With whom it is counted how often somebody asks.
fn sharing(mart: &Mart) -> Sharing {
    Sharing(mart.redis.as_ref().map(|redis| redis.buckets()))
}

fn described(document: &Arc<OpenApi>) -> Router {
    let text: Arc<str> = document.to_pretty_json().unwrap_or_default().into();
    let page: Arc<str> = api_docs::page(&text).into();
    let json = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=300")];
    Router::new()
        .route("/openapi.json", get(move || async move { (json, text.to_string()) }))
        .route("/docs", get(move || async move { api_docs::respond(&page) }))
        .route("/docs/style.css", get(|| async { api_docs::style() }))
}

type ReadStat = fn(&platform::log::executor::ExecutorStats) -> u64;

/// The machinery's own counters, beside those of HTTP.
fn show_machinery(mart: &Arc<Mart>, registry: &Arc<Registry>) {
    use Ordering::Relaxed;
    if let Some(redis) = &mart.redis {
        redis.show_in(registry);
    }
    if let Some(level) = &mart.second_level {
        level.show_in(registry);
    }
    mart.store.show_in(registry);
    let executor = &mart.machinery.executor;
    let gauges: [(&'static str, &'static str, ReadStat); 7] = [
        ("executor_commands_total", "Commands decided.", |stats| stats.commands.load(Relaxed)),
        ("executor_rejections_total", "Commands whose answer was no.", |stats| stats.rejections.load(Relaxed)),
        ("executor_batches_total", "Batches appended, one commit each.", |stats| stats.batches.load(Relaxed)),
        ("executor_groups_total", "Groups appended.", |stats| stats.groups.load(Relaxed)),
        ("executor_facts_total", "Facts appended.", |stats| stats.facts.load(Relaxed)),
        ("executor_conflicts_total", "Groups decided again after a conflict.", |stats| stats.conflicts.load(Relaxed)),
        ("executor_busy_total", "Commands refused because the queue was full.", |stats| {
            stats.refused_busy.load(Relaxed)
        }),
    ];
    for (name, help, read) in gauges {
        let executor = executor.clone();
        #[expect(clippy::cast_precision_loss, reason = "a number for graphs")]
        registry.gauge(name, help, move || read(executor.stats()) as f64);
    }
    type ReadMail = fn(&services::mail::Counts) -> u64;
    let mails: [(&'static str, &'static str, ReadMail); 3] = [
        ("mails_sent_total", "Mails that were handed over.", |counts| counts.sent.load(Relaxed)),
        ("mails_put_off_total", "Attempts after which a mail is tried again.", |counts| counts.put_off.load(Relaxed)),
        ("mails_failed_total", "Mails that were refused for good.", |counts| counts.failed.load(Relaxed)),
    ];
    for (name, help, read) in mails {
        let mail = mart.mail.clone();
        #[expect(clippy::cast_precision_loss, reason = "a number for graphs")]
        registry.gauge(name, help, move || read(mail.counts()) as f64);
    }
    let (waiting, resident, news) = (executor.clone(), executor.clone(), executor.clone());
    let help = "How old the news of other nodes may be.";
    registry.gauge("executor_news_age_seconds", help, move || news.news_age().as_secs_f64());
    let leases = mart.machinery.projector.leases().clone();
    #[expect(clippy::cast_precision_loss, reason = "a number for graphs")]
    registry.gauge("nodes", "Nodes that share this shop, as far as this one knows.", move || leases.nodes() as f64);
    let leases = mart.machinery.projector.leases().clone();
    let help = "Duties that this node has for all; none are counted where it is alone.";
    #[expect(clippy::cast_precision_loss, reason = "a number for graphs")]
    registry.gauge("duties", help, move || leases.held().len() as f64);
    #[expect(clippy::cast_precision_loss, reason = "a number for graphs")]
    registry.gauge("executor_waiting", "Commands waiting to be decided.", move || waiting.waiting() as f64);
    #[expect(clippy::cast_precision_loss, reason = "a number for graphs")]
    registry.gauge("executor_states_bytes", "Memory of states at hand.", move || resident.resident_bytes() as f64);
}
