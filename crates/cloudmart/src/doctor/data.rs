//! Checks a data folder, as it is at one moment, whether or not its shop is running.
//! It writes nothing there.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use adapters::sqlite;
use adapters::tantivy::{self, Examined};
use jiff::Timestamp;
use platform::clock::SystemClock;
use platform::documents::tuple::Key;
use platform::documents::{Collection, Documents, Query, Range};
use platform::entropy::SystemEntropy;
use platform::log::{Log, Position, Shard};
use platform::sealing::{self, KEYS, MasterKey, Vault};
use platform::store::StoreError;

use super::findings::{Check, Findings, count};
use crate::config::{Config, Secret, Secrets};
use crate::numbers::bytes;
use crate::progress::Progress;
use crate::wiring::{self, Moment, SEARCH_FOLDER, Store};

/// The master key's file.
const KEY_FILE: &str = "master.key";
const DATABASE: &str = "shop.db";
/// What was written lately, and is moved into the database by and by.
const LATELY: &str = "shop.db-wal";
/// Documents of products that are counted together.
const PRODUCTS_AT_ONCE: usize = 500;
/// How many keys are tried: a wrong master key opens none of them.
const KEYS_TRIED_MAX: usize = 1_000;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Open(#[from] sqlite::OpenError),
    #[error(transparent)]
    Wiring(#[from] wiring::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the connection to the database was lost, and with it the moment that was looked at; ask again")]
    MomentLost,
}

/// Everything that can be said about a folder without asking its shop: whether the database is whole, and
/// [`examine_moment`].
pub async fn examine_data(data: &Path, master_key: Option<&Secret>) -> Result<Findings, Error> {
    let checking = Progress::start("pages", 0);
    let problems = sqlite::integrity_check(data)?;
    drop(checking);
    let size = |name: &str| std::fs::metadata(data.join(name)).map_or(0, |file| file.len());
    let sizes = format!("{}, and {} written lately", bytes(size(DATABASE)), bytes(size(LATELY)));
    let whole = Check::of(DATABASE, sizes, problems);
    let mut progress = Progress::start("facts", 0);
    let index = look_at_index(data);
    let moment = Moment::of_folder(data)?;
    let found = examine_showing(index, &moment, data, master_key, &mut progress).await?;
    let checks = [whole].into_iter().chain(found.checks).collect();
    Ok(Findings { checks, notes: found.notes })
}

/// What a shop in a database says. Its pages are the database's own business.
pub async fn examine_database(config: &Config, secrets: &Secrets) -> Result<Findings, Error> {
    let store = Store::open(config, secrets).await?;
    let (data, master_key) = (&config.data, secrets.master_key.as_ref());
    let index = look_at_index(data);
    let moment = store.at_one_moment(data)?;
    let found = examine_showing(index, &moment, data, master_key, &mut Progress::start("facts", 0)).await;
    store.close().await?;
    found
}

/// What a store holds now: also from within a shop that runs, since it is read by connections of its own. It does not
/// look at a database's pages, which would block.
pub async fn examine_moment(store: &Store, data: &Path, master_key: Option<&Secret>) -> Result<Findings, Error> {
    let index = look_at_index(data);
    let moment = store.at_one_moment(data)?;
    examine_showing(index, &moment, data, master_key, &mut Progress::silent()).await
}

type Index = Result<Option<Examined>, String>;

/// Before the log, so that an index that goes on meanwhile is not taken for one that is ahead of it.
fn look_at_index(data: &Path) -> Index {
    tantivy::examine(&data.join(SEARCH_FOLDER))
}

async fn examine_showing(
    index: Index,
    moment: &Moment,
    data: &Path,
    master_key: Option<&Secret>,
    progress: &mut Progress,
) -> Result<Findings, Error> {
    let (log, documents) = (moment.log(), moment.documents());
    let (kinds, projections) = (services::kinds(), services::projections());
    let mut found = super::check_showing(log.as_ref(), &kinds, documents.as_ref(), &projections, progress).await?;
    found.checks.push(search_index(index, log.as_ref(), documents.as_ref()).await?);
    found.checks.push(sealing_keys(data, master_key, documents).await?);
    if moment.is_one() { Ok(found) } else { Err(Error::MomentLost) }
}

/// Whether the search index is readable and this shop's, and what it still has to take in. A running shop does so by
/// itself within a moment, and a start builds what is missing, so being behind is no mistake.
async fn search_index(index: Index, log: &dyn Log, documents: &dyn Documents) -> Result<Check, Error> {
    let mut check = Check::new("search index");
    let Examined { positions, products: held } = match index {
        Ok(Some(held)) => held,
        Ok(None) => {
            check.looked_at = "there is none yet; the next start builds it".to_owned();
            return Ok(check);
        }
        Err(reason) => {
            check.tell(format!("{reason}; stop the shop and run `cloudmart rebuild`"));
            return Ok(check);
        }
    };
    let heads: BTreeMap<Shard, Position> = log.shards().await?.iter().map(|info| (info.shard, info.head)).collect();
    if positions.iter().any(|(shard, position)| heads.get(shard).is_none_or(|head| position > head)) {
        check.tell("it knows of facts that are not in the log; the next start builds it anew".to_owned());
    }
    let for_sale = count_for_sale(documents).await?;
    check.looked_at = match held == for_sale {
        true => format!("{} found", count(held, "product")),
        false => format!("{} found, {for_sale} for sale; the rest follows", count(held, "product")),
    };
    Ok(check)
}

async fn count_for_sale(documents: &dyn Documents) -> Result<u64, Error> {
    let (mut counted, mut after) = (0, None);
    loop {
        let everything = Range::prefix(Key::new().null());
        let mut query = Query::new(Collection::derived("products"), "by_time", everything).limit(PRODUCTS_AT_ONCE);
        query.after = after;
        let page = documents.query(query, Timestamp::MIN).await?;
        counted += page.documents.len() as u64;
        after = page.next;
        if after.is_none() {
            return Ok(counted);
        }
    }
}

/// Whether the master key opens what personal data is sealed with.
async fn sealing_keys(data: &Path, given: Option<&Secret>, documents: Arc<dyn Documents>) -> Result<Check, Error> {
    let mut check = Check::new("personal data");
    let kept = documents.scan(KEYS, None, KEYS_TRIED_MAX).await?;
    let (text, origin) = match given {
        Some(key) => (Some(key.expose().to_owned()), wiring::origin_of_key(key)),
        None => (std::fs::read_to_string(data.join(KEY_FILE)).ok(), KEY_FILE.to_owned()),
    };
    let Some(text) = text else {
        check.looked_at = format!(
            "not tried: there is no {KEY_FILE} here, and the settings name none (master_key_file, CLOUDMART_MASTER_KEY)"
        );
        return Ok(check);
    };
    let Some(master) = MasterKey::from_hex(&text) else {
        check.tell(format!("{origin} is not a key of 64 hexadecimal digits"));
        return Ok(check);
    };
    let vault = Vault::new(master, documents, Arc::new(SystemClock), Arc::new(SystemEntropy));
    for document in &kept {
        match vault.key(&document.id).await {
            Ok(_) | Err(sealing::Error::Erased) => {}
            Err(sealing::Error::Store(StoreError::Unavailable(reason))) => {
                return Err(StoreError::Unavailable(reason).into());
            }
            Err(error) => check.tell(format!("the key of {}: {error}", document.id)),
        }
    }
    check.looked_at = format!("{} tried with {origin}", count(kept.len() as u64, "key"));
    Ok(check)
}
