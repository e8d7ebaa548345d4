//! Asks a running shop what it knows of itself: whether it is ready, whether its books balance, what its own doctor says.
//! It cannot look at the data; a doctor beside the data can.

use std::time::Duration;

use serde::Deserialize;

use super::findings::{Check, Findings};
use crate::client::{self, Ask, Shop};
use crate::until_ready;

/// A large shop takes a while to look through.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

pub async fn ask(url: &str, token: &str) -> Result<Findings, client::Error> {
    let shop = Shop::at(url, Some(token))?;
    let mut checks = vec![ready(&shop).await?, trial_balance(&shop).await?];
    let path = ["api", "admin", "doctor"];
    let asked = Ask { patience: PATIENCE, ..Ask::get(&path) };
    let answer = shop.expect(&asked, &[200]).await?;
    let own = Findings::deserialize(&answer.body);
    let own = own.unwrap_or_else(|error| {
        let problem = format!("the shop's own doctor answers something else: {error}");
        Findings { checks: vec![Check::of("doctor", "", vec![problem])], notes: Vec::new() }
    });
    checks.extend(own.checks);
    Ok(Findings { checks, notes: own.notes })
}

/// A shop that has just been started is given the time to get ready; one that does not is a finding, not the end.
async fn ready(shop: &Shop) -> Result<Check, client::Error> {
    let ask = Ask::get(&until_ready::PATH);
    let (status, said) = until_ready::wait("doctor", async || {
        let answer = shop.ask_once(&ask).await?;
        Ok::<_, client::Error>((answer.status, answer.body))
    })
    .await?;
    let problem = match status {
        200 => None,
        until_ready::NOT_READY => {
            let (within, missing) = (until_ready::WITHIN.as_secs(), until_ready::missing(&said));
            Some(format!("it did not get ready within {within} s: {missing}"))
        }
        status => Some(format!("it answers {status}: {said}")),
    };
    Ok(Check::of("ready", shop.address().to_string(), problem.into_iter().collect()))
}

async fn trial_balance(shop: &Shop) -> Result<Check, client::Error> {
    let path = ["api", "admin", "ledger", "trial-balance"];
    let answer = shop.expect(&Ask::get(&path), &[200]).await?;
    let totals = answer.body["totals"].as_array().cloned().unwrap_or_default();
    let mut check = Check::new("trial balance");
    let told = |total: &serde_json::Value| total["currency"].as_str().unwrap_or("?").to_owned();
    let currencies: Vec<String> = totals.iter().map(told).collect();
    check.looked_at = if currencies.is_empty() { "no postings".to_owned() } else { currencies.join(", ") };
    for total in totals.iter().filter(|total| total["amount"] != 0) {
        check.tell(format!("{} is {} instead of zero", told(total), total["amount"]));
    }
    if answer.body["balanced"] == false && check.is_well() {
        check.tell("the shop says that it does not balance".to_owned());
    }
    Ok(check)
}
