//! Payments over HTTP: the books for staff, notices from providers, and the test bank that plays a buyer's bank.
//! It does not serve orders' routes: capturing and refunding are asked of orders.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use contracts::Error;
use contracts::orders::Orders;
use contracts::payments::Payments as _;
use platform::http::extract::Segment;
use platform::http::problem::Problem;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::notices::Notices;
use super::provider::{TestBank, TestStatus};
use super::service::Payments;
use crate::http::{Answer, StaffCaller};
use crate::refusals::{Always, Refused, Schemas};

#[derive(Clone)]
struct Http {
    payments: Arc<Payments>,
    notices: Arc<Notices>,
    bank: Option<Arc<dyn TestBank>>,
}

/// `/api/admin/ledger`, `/api/payment-notices` and `/api/test-payments`. Without a `bank` there are no test payments.
pub fn router(payments: Arc<Payments>, orders: Arc<dyn Orders>, bank: Option<Arc<dyn TestBank>>) -> OpenApiRouter {
    let notices = Arc::new(Notices::new(payments.clone(), orders));
    OpenApiRouter::with_openapi(Schemas::openapi())
        .routes(routes!(trial_balance))
        .routes(routes!(receive_notice))
        .routes(routes!(test_payment))
        .routes(routes!(approve))
        .routes(routes!(decline))
        .with_state(Http { payments, notices, bank })
}

/// What one account was debited and credited in one currency, in minor units.
#[derive(Debug, Serialize, ToSchema)]
struct AccountLine {
    /// `sales`, `refunds`, or `clearing:{provider}`: what a provider or the bank holds for the shop.
    #[schema(example = "clearing:test")]
    account: String,
    #[schema(example = "EUR")]
    currency: String,
    debit: i64,
    credit: i64,
    /// Debit minus credit.
    balance: i64,
}

#[derive(Debug, Serialize, ToSchema)]
struct CurrencyTotal {
    #[schema(example = "EUR")]
    currency: String,
    /// Zero when the books are right.
    #[schema(example = 0)]
    amount: i64,
}

#[derive(Debug, Serialize, ToSchema)]
struct TrialBalance {
    accounts: Vec<AccountLine>,
    totals: Vec<CurrencyTotal>,
    /// Whether every total is zero.
    balanced: bool,
}

/// All accounts, and what they come to: zero in each currency when the books are right.
#[utoipa::path(
    get,
    path = "/api/admin/ledger/trial-balance",
    tag = "payments",
    security(("staff_key" = [])),
    responses(
        (status = 200, description = "The books", body = TrialBalance),
        Always,
    )
)]
async fn trial_balance(State(http): State<Http>, _: StaffCaller) -> Answer<Json<TrialBalance>> {
    let (accounts, totals) = http.payments.trial_balance().await?;
    let accounts = accounts.into_iter().map(|line| AccountLine {
        account: line.account,
        currency: line.currency.code().to_owned(),
        debit: line.debit,
        credit: line.credit,
        balance: line.debit - line.credit,
    });
    let balanced = totals.values().all(|amount| *amount == 0);
    let totals =
        totals.into_iter().map(|(currency, amount)| CurrencyTotal { currency: currency.code().to_owned(), amount });
    Ok(Json(TrialBalance { accounts: accounts.collect(), totals: totals.collect(), balanced }))
}

/// What a payment provider tells by itself, in its own format and with its signature.
#[utoipa::path(
    post,
    path = "/api/payment-notices/{provider}",
    tag = "payments",
    params(("provider" = String, Path, description = "The provider's name", example = "test")),
    request_body(content = serde_json::Value, description = "As the provider sends it", content_type = "application/json"),
    responses(
        (status = 204, description = "Taken, or known already"),
        Refused<400>, Refused<404>, Refused<413>, Always,
    )
)]
async fn receive_notice(
    State(http): State<Http>,
    Segment(provider): Segment<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Answer<StatusCode> {
    let body = body.map_err(|rejection| match rejection.into_response().status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(),
        _ => Problem::malformed("malformed_body", "the body did not arrive whole"),
    })?;
    http.notices.receive(&provider, &headers, &body).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum TestPaymentStatus {
    Waiting,
    Approved,
    Declined,
    Expired,
    Cancelled,
}

/// A test payment as the buyer's bank would show it.
#[derive(Debug, Serialize, ToSchema)]
struct TestPayment {
    reference: String,
    #[schema(example = "ord_06e4t0q3cg0p9n5sgyqm0bxvmw")]
    order_id: String,
    /// In minor units.
    amount: i64,
    #[schema(example = "EUR")]
    currency: String,
    status: TestPaymentStatus,
    #[schema(format = DateTime)]
    expires_at: String,
}

impl From<super::provider::TestPayment> for TestPayment {
    fn from(payment: super::provider::TestPayment) -> Self {
        Self {
            reference: payment.reference,
            order_id: payment.order.to_string(),
            amount: payment.amount,
            currency: payment.currency.code().to_owned(),
            status: match payment.status {
                TestStatus::Waiting => TestPaymentStatus::Waiting,
                TestStatus::Approved => TestPaymentStatus::Approved,
                TestStatus::Declined => TestPaymentStatus::Declined,
                TestStatus::Expired => TestPaymentStatus::Expired,
                TestStatus::Cancelled => TestPaymentStatus::Cancelled,
            },
            expires_at: payment.expires_at.to_string(),
        }
    }
}

/// A test payment that waits for its buyer.
#[utoipa::path(
    get,
    path = "/api/test-payments/{reference}",
    tag = "payments",
    params(("reference" = String, Path, description = "As in the address that the buyer was sent to")),
    responses(
        (status = 200, description = "How it stands", body = TestPayment),
        Refused<404>, Always,
    )
)]
async fn test_payment(State(http): State<Http>, Segment(reference): Segment<String>) -> Answer<Json<TestPayment>> {
    let found = http.bank()?.look(&reference).await?;
    Ok(Json(found.ok_or_else(|| Error::not_found("test payment"))?.into()))
}

/// Plays the buyer who approves the payment at the bank.
#[utoipa::path(
    post,
    path = "/api/test-payments/{reference}/approve",
    tag = "payments",
    params(("reference" = String, Path, description = "As in the address that the buyer was sent to")),
    responses(
        (status = 200, description = "Approved; the bank has told the shop", body = TestPayment),
        Refused<404>, Refused<409>, Always,
    )
)]
async fn approve(State(http): State<Http>, Segment(reference): Segment<String>) -> Answer<Json<TestPayment>> {
    http.decide(&reference, true).await
}

/// Plays the buyer who declines the payment at the bank.
#[utoipa::path(
    post,
    path = "/api/test-payments/{reference}/decline",
    tag = "payments",
    params(("reference" = String, Path, description = "As in the address that the buyer was sent to")),
    responses(
        (status = 200, description = "Declined; the bank has told the shop", body = TestPayment),
        Refused<404>, Refused<409>, Always,
    )
)]
async fn decline(State(http): State<Http>, Segment(reference): Segment<String>) -> Answer<Json<TestPayment>> {
    http.decide(&reference, false).await
}

impl Http {
    fn bank(&self) -> Result<&Arc<dyn TestBank>, Error> {
        self.bank.as_ref().ok_or_else(|| Error::not_found("test payment"))
    }

    async fn decide(&self, reference: &str, approve: bool) -> Answer<Json<TestPayment>> {
        let decided = self.bank()?.decide(reference, approve).await?;
        let (payment, notices) = decided.ok_or_else(|| Error::not_found("test payment"))?;
        for notice in notices {
            self.notices.receive(notice.provider, &notice.headers, &notice.body).await?;
        }
        let wanted = if approve { TestStatus::Approved } else { TestStatus::Declined };
        if payment.status != wanted {
            let message = "this payment was decided, called off or has expired";
            return Err(Error::conflict("test_payment_decided", message).into());
        }
        Ok(Json(payment.into()))
    }
}
