//! Where a load goes: one node of a shop or several, each of them named once, and all of them of one shop.
//! It does not put any load on.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::goods;
use super::options::Options;
use super::question;
use super::wire::{self, Line, Request, Target};
use crate::Failure;

/// How long one node may take to hear of what another one has written, and how often it is asked meanwhile.
const HEARD_WITHIN: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

/// All nodes, each of them once.
pub async fn reach_all(options: &Options) -> Result<Vec<Target>, Failure> {
    let mut targets: Vec<Target> = Vec::new();
    for url in std::iter::once(&options.url).chain(&options.also) {
        let target = reach(url, options).await?;
        if let Some(same) = targets.iter().find(|known| known.leads_where(&target)) {
            let (one, other) = (&same.url, &target.url);
            return Err(Failure::new(format!(
                "{one} and {other} are the same node: name each once, by --url or --also"
            )));
        }
        targets.push(target);
    }
    for target in &targets {
        question::ready(&mut Line::to(target)).await?;
    }
    if let [first, _, ..] = &targets[..] {
        are_one_shop(first, &targets[1..]).await?;
    }
    Ok(targets)
}

/// A node that answers, and that may be loaded.
async fn reach(url: &str, options: &Options) -> Result<Target, Failure> {
    let target = Target::find(url).await?;
    if !target.is_here() && !options.yes {
        let advice = "is not on this machine; say --yes when it is yours to put a load on";
        return Err(Failure::new(format!("{} {advice}", target.url)));
    }
    target.reach().await?;
    Ok(target)
}

/// A new cart has a random name, so that only the shop that made it knows it: another one may have the same settings,
/// and the same goods. It needs no key, holds nothing back, and is forgotten.
async fn are_one_shop(first: &Target, others: &[Target]) -> Result<(), Failure> {
    let look = a_cart_of(first).await?;
    for other in others {
        if !is_known(&look, &mut Line::to(other)).await? {
            let (one, other) = (&first.url, &other.url);
            return Err(Failure::new(format!(
                "{one} and {other} are two different shops: a cart of the one is not known to the other; --also is for \
                 another node of the same shop"
            )));
        }
    }
    Ok(())
}

/// Makes one, and says how it is looked at.
async fn a_cart_of(node: &Target) -> Result<Request, Failure> {
    let mut line = Line::to(node);
    let (_, currency) = goods::look_at_shop(&mut line).await?;
    let request = Request::post("/api/carts", json!({ "currency": currency }).to_string());
    let said = question::ask(&mut line, &request).await?;
    match (said.status, said.body["id"].as_str(), said.body["token"].as_str()) {
        (201, Some(id), Some(token)) => {
            Ok(Request { bearer: Some(token.into()), ..Request::get(format!("/api/carts/{id}")) })
        }
        _ => Err(question::refused(&request, &said).into()),
    }
}

async fn is_known(look: &Request, node: &mut Line) -> Result<bool, question::Error> {
    let deadline = Instant::now() + HEARD_WITHIN;
    loop {
        let said = question::ask(node, look).await?;
        match said.status {
            200 => return Ok(true),
            404 if Instant::now() < deadline => tokio::time::sleep(PAUSE).await,
            404 => return Ok(false),
            _ => return Err(question::refused(look, &said)),
        }
    }
}

/// Why one of them cannot be reached any more.
pub async fn missing(targets: &[Target]) -> Option<wire::Error> {
    for target in targets {
        if let Err(gone) = target.reach().await {
            return Some(gone);
        }
    }
    None
}
