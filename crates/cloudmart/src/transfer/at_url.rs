//! Through a running shop's API, as staff with a key.
//! It does not touch the shop's data.

use std::time::Duration;

use contracts::transfer::{Format, Operation};
use reqwest::{Client, RequestBuilder, Response, Url};

use super::{Export, Import, Partial, show};
use crate::Failure;
use crate::config::Secrets;
use crate::progress::Progress;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often progress is asked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often an answer that does not come is asked for again.
const LOOKS_FAILED_MAX: u32 = 10;

pub async fn import(
    url: &str,
    import: &Import,
    format: Format,
    secrets: &Secrets,
    progress: &mut Progress,
) -> Result<Operation, Failure> {
    let shop = Shop::at(url, secrets)?;
    let file = std::fs::read(&import.file)
        .map_err(|error| Failure::new(format!("{} cannot be read: {error}", import.file.display())))?;
    let mut address = shop.address("api/admin/imports")?;
    {
        let mut query = address.query_pairs_mut();
        query.append_pair("format", format.as_str());
        query.append_pair("dry_run", &import.dry_run.to_string());
        query.append_pair("fetch_images", &import.fetch_images.to_string());
        if let Some(currency) = &import.currency {
            query.append_pair("currency", currency);
        }
    }
    let request = shop.http.post(address).header("content-type", format.content_type()).body(file);
    let mut operation: Operation = shop.send(request).await?.json().await?;
    let address = shop.address(&format!("api/operations/{}", operation.id))?;
    let mut failed = 0;
    while !show(&operation, progress) {
        tokio::time::sleep(LOOK_EVERY).await;
        match shop.send(shop.http.get(address.clone())).await {
            Ok(answer) => (operation, failed) = (answer.json().await?, 0),
            Err(_) if failed < LOOKS_FAILED_MAX => failed += 1,
            Err(failure) => return Err(failure),
        }
    }
    Ok(operation)
}

pub async fn export(url: &str, export: &Export, format: Format, secrets: &Secrets) -> Result<u64, Failure> {
    let shop = Shop::at(url, secrets)?;
    let mut address = shop.address("api/admin/exports/products")?;
    address.query_pairs_mut().append_pair("format", format.as_str());
    if let Some(currency) = &export.currency {
        address.query_pairs_mut().append_pair("currency", currency);
    }
    let mut answer = shop.send(shop.http.get(address)).await?;
    let mut file = Partial::create(&export.file)?;
    while let Some(chunk) = answer.chunk().await? {
        file.write(&chunk)?;
    }
    file.finish()
}

struct Shop {
    http: Client,
    base: Url,
    token: String,
}

impl Shop {
    fn at(url: &str, secrets: &Secrets) -> Result<Self, Failure> {
        let token = secrets.admin_token.as_ref().ok_or_else(crate::commands::needs_token)?.expose().to_owned();
        let wrong = || Failure::new(format!("`{url}` is no address of a shop, such as http://127.0.0.1:8080"));
        let base = Url::parse(&format!("{}/", url.trim_end_matches('/'))).map_err(|_| wrong())?;
        let host = base.host_str().ok_or_else(wrong)?;
        let builder = Client::builder().connect_timeout(CONNECT_TIMEOUT).redirect(reqwest::redirect::Policy::none());
        let is_here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        let http = if is_here { builder.no_proxy() } else { builder }.build()?;
        Ok(Self { http, base, token })
    }

    fn address(&self, path: &str) -> Result<Url, Failure> {
        Ok(self.base.join(path)?)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let answer = request.bearer_auth(&self.token).send().await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let problem: serde_json::Value = answer.json().await.unwrap_or_default();
        let detail = problem["detail"].as_str().or(problem["title"].as_str()).unwrap_or_default();
        Err(Failure::new(format!("the shop answered {status}: {detail}")))
    }
}
