//! Statistics over HTTP, for staff.
//! It does not count anything.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use contracts::Error;
use contracts::statistics::{Bar, Sales, SalesReport, Statistics as _};
use domain::field::FieldError;
use domain::money::Currency;
use platform::http::extract::Params;
use platform::http::problem::Problem;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{DAYS_MAX, Statistics};
use crate::http::{Answer, StaffCaller};
use crate::refusals::{Always, Refused, Schemas};

const DAYS_DEFAULT: u16 = 30;

pub fn router(statistics: Arc<Statistics>) -> OpenApiRouter {
    OpenApiRouter::with_openapi(Schemas::openapi()).routes(routes!(sales)).with_state(statistics)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// The one with the most orders, unless told.
    #[param(example = "EUR")]
    currency: Option<String>,
    /// The last days, today among them.
    #[param(minimum = 1, maximum = 366, default = 30)]
    days: Option<u16>,
    /// Test orders instead of real ones.
    #[serde(default)]
    test: Option<bool>,
}

/// What was sold, in minor units of the report's currency.
#[derive(Debug, Serialize, ToSchema)]
struct SalesView {
    /// Confirmed orders.
    orders: u64,
    /// Their totals.
    revenue: i64,
    /// What went back to buyers in that time.
    refunded: i64,
    /// Pieces.
    units: u64,
}

#[derive(Debug, Serialize, ToSchema)]
struct BarView {
    #[schema(format = DateTime)]
    from: String,
    #[schema(format = DateTime)]
    until: String,
    /// The day in the shop's time zone on which it begins.
    #[schema(format = Date, example = "2026-11-27")]
    day: String,
    sales: SalesView,
}

/// Sales over time. Days are the shop's own.
#[derive(Debug, Serialize, ToSchema)]
struct SalesReportView {
    /// Null in a shop where nothing was ever sold.
    #[schema(example = "EUR")]
    currency: Option<String>,
    /// Currencies in which anything was ever ordered, the one with the most orders first.
    currencies: Vec<String>,
    test: bool,
    /// An IANA name.
    #[schema(example = "Asia/Seoul")]
    time_zone: Option<String>,
    today: SalesView,
    /// Yesterday until the same time of the day, to the quarter hour.
    yesterday_so_far: SalesView,
    yesterday: SalesView,
    /// The oldest first, today at the end.
    days: Vec<BarView>,
    today_by_hour: Vec<BarView>,
    yesterday_by_hour: Vec<BarView>,
}

/// What was sold today, yesterday and on the last days, in one currency.
#[utoipa::path(
    get,
    path = "/api/admin/statistics/sales",
    tag = "statistics",
    params(Asked),
    security(("staff_key" = [])),
    responses(
        (status = 200, description = "The numbers", body = SalesReportView),
        Refused<400>, Refused<422>, Always,
    )
)]
async fn sales(
    State(statistics): State<Arc<Statistics>>,
    _: StaffCaller,
    asked: Result<Params<Asked>, Problem>,
) -> Answer<Json<SalesReportView>> {
    let Params(asked) = asked?;
    let test = asked.test.unwrap_or(false);
    let days = asked.days.unwrap_or(DAYS_DEFAULT);
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(Error::field("/days", "out_of_range", format!("1 to {DAYS_MAX} days")).into());
    }
    let wanted = asked.currency.as_deref().map(Currency::parse).transpose();
    let wanted = wanted
        .map_err(|error| Error::invalid(vec![FieldError::new("/currency", "unknown_currency", error.to_string())]))?;
    let currencies = statistics.currencies(test).await?;
    let report = match wanted.or(currencies.first().copied()) {
        Some(currency) => Some(statistics.sales(currency, days, test).await?),
        None => None,
    };
    Ok(Json(view(report, &currencies, test)))
}

fn view(report: Option<SalesReport>, currencies: &[Currency], test: bool) -> SalesReportView {
    let bars = |bars: &[Bar]| bars.iter().map(bar).collect::<Vec<BarView>>();
    let of = |part: fn(&SalesReport) -> &[Bar]| report.as_ref().map(|report| bars(part(report))).unwrap_or_default();
    let sums = |part: fn(&SalesReport) -> Sales| sales_view(report.as_ref().map(part).unwrap_or_default());
    SalesReportView {
        currency: report.as_ref().map(|report| report.currency.code().to_owned()),
        currencies: currencies.iter().map(|currency| currency.code().to_owned()).collect(),
        test,
        time_zone: report.as_ref().map(|report| report.time_zone.clone()),
        today: sums(|report| report.today),
        yesterday_so_far: sums(|report| report.yesterday_so_far),
        yesterday: sums(|report| report.yesterday),
        days: of(|report| &report.days),
        today_by_hour: of(|report| &report.today_by_hour),
        yesterday_by_hour: of(|report| &report.yesterday_by_hour),
    }
}

fn bar(bar: &Bar) -> BarView {
    BarView {
        from: bar.from.to_string(),
        until: bar.until.to_string(),
        day: bar.day.to_string(),
        sales: sales_view(bar.sales),
    }
}

fn sales_view(sales: Sales) -> SalesView {
    let Sales { orders, revenue, refunded, units } = sales;
    SalesView { orders, revenue, refunded, units }
}
