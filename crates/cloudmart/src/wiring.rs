//! Puts a shop together: the only place that constructs an adapter.
//! It does not serve anything, and it decides nothing that a setting does not say.

mod store;

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use adapters::fetch::{Allows, HttpFetcher};
use adapters::folder::FolderBlobs;
use adapters::mail::{MailFolder, Server, Smtp, Tls};
use adapters::passwords::Argon2id;
use adapters::payments::{self, Manual, TestProvider};
use adapters::pictures::Workshop;
use adapters::redis::{self, Redis};
use adapters::spool::FolderSpool;
use adapters::tantivy::TantivyIndex;
use adapters::{postgres, sqlite};
use contracts::staff::Staff as _;
use jiff::Timestamp;
use platform::cache::SecondLevel;
use platform::clock::{Clock, SystemClock};
use platform::documents::{Collection, Documents, Expected, Put};
use platform::entropy::{Entropy, SystemEntropy};
use platform::http::idempotency::Idempotency;
use platform::http::rate::Sharing;
use platform::log::executor::{Executor, Limits};
use platform::projection::Projector;
use platform::sealing::{MasterKey, Vault};
use platform::store::StoreError;
use services::carts::Carts;
use services::catalog::Catalog;
use services::http::Repeats;
use services::inventory::Inventory;
use services::machinery::Machinery;
use services::mail::{self, Mailroom};
use services::orders::{self, Neighbours, Orders};
use services::payments::Payments;
use services::presence::Presence;
use services::search::{self, Search};
use services::shop::{Shop, WrittenPages};
use services::staff::{self, Staff};
use services::statistics::Statistics;
use services::transfer::{self, Transfer};

pub use self::store::{Beside, MOVED_FILE, Moment, Store, must_be_there, postgres_options};
use crate::config::{self, Config, MailTls, MailTransport, Secret, Secrets};

/// The master key's file in the data folder.
pub const KEY_FILE: &str = "master.key";
/// The folder of files that are being imported, in the data folder; emptied at every start.
pub const SPOOL_FOLDER: &str = "imports";
/// The folder of the search index in the data folder; what is in it can be found again.
pub const SEARCH_FOLDER: &str = "search";

/// How long a stop waits for the store to take note of it: a commit may wait for a standby for ever.
const LEAVE_MAX: Duration = Duration::from_secs(2);

/// Why a shop does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Open(#[from] sqlite::OpenError),
    #[error(transparent)]
    Database(#[from] postgres::OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "the shop of {} has moved into a database and sells there; if it is to sell from this folder again, and not from \
         there, remove {}", data.display(), file.display()
    )]
    Moved { data: PathBuf, file: PathBuf },
    #[error("the key file {path} cannot be used: {reason}")]
    Key { path: PathBuf, reason: String },
    #[error(
        "this shop's data is sealed with another master key: bring its {KEY_FILE} back, from a backup perhaps; with \
         any other key, buyers' data cannot be read"
    )]
    OtherKey,
    #[error("{0} is not a key: it must be 64 hexadecimal digits")]
    NoKey(String),
    #[error("CLOUDMART_ADMIN_TOKEN: {0}")]
    Staff(#[from] staff::SetupError),
    #[error("the shop cannot fetch pictures: {0}")]
    Fetch(String),
    #[error("a thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
    #[error("the mail folder {path} cannot be used: {source}")]
    MailFolder { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    MailServer(#[from] adapters::mail::OpenError),
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error("mail cannot find its place in the log: {0}")]
    Mail(contracts::Error),
    #[error("the search index cannot be opened: {0}")]
    Search(std::io::Error),
    #[error(transparent)]
    Redis(#[from] redis::OpenError),
}

/// A shop that is put together.
pub struct Mart {
    pub store: Arc<Store>,
    pub machinery: Machinery,
    pub repeats: Repeats,
    pub shop: Arc<Shop>,
    pub pages: Arc<WrittenPages>,
    pub staff: Arc<Staff>,
    pub presence: Arc<Presence>,
    pub catalog: Arc<Catalog>,
    pub inventory: Arc<Inventory>,
    pub carts: Arc<Carts>,
    pub payments: Arc<Payments>,
    pub orders: Arc<Orders>,
    pub statistics: Arc<Statistics>,
    pub transfer: Arc<Transfer>,
    pub mail: Arc<Mailroom>,
    pub search: Arc<Search>,
    /// What nodes share and could do without.
    pub redis: Option<Redis>,
    /// The second level of the catalogue's answers, where there is one.
    pub second_level: Option<Arc<SecondLevel>>,
    /// Where test payments are allowed, the bank that plays along.
    pub test_bank: Option<Arc<TestProvider>>,
}

/// Opens the data folder and puts the services together. Projections begin to catch up.
pub async fn open(config: &Config, secrets: &Secrets) -> Result<Mart, Error> {
    let store = Arc::new(Store::open(config, secrets).await?);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let master = own_key(&store.documents(), &config.data, secrets, entropy.as_ref()).await?;
    let machinery = machinery(config, &store, master, clock, entropy).await?;
    if !machinery.is_alone() {
        // By this name the others say that it is gone.
        let node = machinery.projector.leases().me();
        tracing::info!(node, name = config.node.name(), "this node is one of those that serve the shop");
    }
    let idempotency = Idempotency::new(
        machinery.documents.clone(),
        machinery.clock.clone(),
        &machinery.vault.master().hash("idempotency keys", &[]),
    );
    let shop = Arc::new(Shop::new(&machinery));
    let pages = Arc::new(WrittenPages::new(&machinery, shop.clone()));
    let redis = redis(config, secrets, machinery.vault.master())?;
    let staff = staff(&machinery, secrets, redis.as_ref())?;
    let presence = presence(&machinery, redis.as_ref());
    let inventory = Arc::new(Inventory::new(machinery.clone()));
    let catalog = Catalog::new(machinery.clone(), shop.clone(), inventory.clone(), Arc::new(Workshop::start()?));
    let second_level = redis.as_ref().map(|redis| SecondLevel::start(redis.shelf(), "products"));
    if let Some(level) = &second_level {
        catalog.share(level.clone());
    }
    let search = searching(config, &machinery, &shop, &catalog, &inventory)?;
    let carts = Arc::new(Carts::new(&machinery, shop.clone(), catalog.clone(), inventory.clone()));
    let (test_bank, is_open) = test_bank(config, &machinery);
    let payments = Arc::new(Payments::new(machinery.clone(), vec![Arc::new(Manual), test_bank.clone()]));
    let neighbours = Neighbours {
        shop: shop.clone(),
        catalog: catalog.clone(),
        inventory: inventory.clone(),
        payments: payments.clone(),
        carts: carts.clone(),
    };
    let orders = Orders::new(machinery.clone(), neighbours, limits_of_orders(config));
    let statistics = Arc::new(Statistics::new(&machinery, shop.clone()));
    let mail = mailroom(config, secrets, &machinery, shop.clone(), &orders)?;
    // Before anything can happen to an order, so that nothing of a new shop is old news.
    mail.begin().await.map_err(Error::Mail)?;
    let repeats = Repeats::new(Arc::new(idempotency));
    let transfer = Transfer::new(transfer::Parts {
        machinery: machinery.clone(),
        shop: shop.clone(),
        catalog: catalog.clone(),
        book: catalog.clone(),
        inventory: inventory.clone(),
        spool: Arc::new(FolderSpool::open(&config.data.join(SPOOL_FOLDER))?),
        fetcher: Arc::new(fetcher(config)?),
    });
    Ok(Mart {
        store,
        machinery,
        repeats,
        shop,
        pages,
        staff,
        presence,
        catalog,
        inventory,
        carts,
        payments,
        orders,
        statistics,
        transfer,
        mail,
        search,
        redis,
        second_level,
        test_bank: is_open.then_some(test_bank),
    })
}

/// The search over what the catalogue lists, with its index in the data folder.
fn searching(
    config: &Config,
    machinery: &Machinery,
    shop: &Arc<Shop>,
    catalog: &Arc<Catalog>,
    inventory: &Arc<Inventory>,
) -> Result<Arc<Search>, Error> {
    let index = Arc::new(TantivyIndex::open(&config.data.join(SEARCH_FOLDER)).map_err(Error::Search)?);
    let found = search::Neighbours {
        shop: shop.clone(),
        lists: catalog.clone(),
        shelves: catalog.clone(),
        inventory: inventory.clone(),
    };
    Ok(Search::start(machinery, found, index))
}

/// The bank that plays along, and whether it may: without being told so, only for buyers of this machine.
fn test_bank(config: &Config, machinery: &Machinery) -> (Arc<TestProvider>, bool) {
    let allowed = config.payments.allow_test || config.listen.ip().is_loopback();
    let bank = TestProvider::new(
        machinery.documents.clone(),
        machinery.clock.clone(),
        machinery.vault.master().clone(),
        payments::Options { allowed, shop_url: String::new() },
    );
    (Arc::new(bank), allowed)
}

fn limits_of_orders(config: &Config) -> orders::Limits {
    orders::Limits {
        payment_wait: Duration::from_millis(config.payments.wait_ms),
        reservation_ttl: Duration::from_secs(config.orders.reservation_ttl_s),
        ..orders::Limits::default()
    }
}

/// So many letters tell shops in one Redis apart.
const SHOP_LETTERS: usize = 12;

/// Redis, where one is named. It need not be there yet. Keys there say whose they are, so that two shops that share one do
/// not take each other's answers for their own: only nodes of one shop have the same master key, and a copy that has it, too,
/// lies in another place.
fn redis(config: &Config, secrets: &Secrets, master: &MasterKey) -> Result<Option<Redis>, Error> {
    let said = config.redis.server(secrets.redis_password.clone());
    let Some(server) = said.map_err(|(key, reason)| config::Error::Unworkable { key, reason })? else {
        return Ok(None);
    };
    let place = Store::place(config, secrets)?;
    let shop = master.hash_text("which shop this is", &[place.as_bytes()]);
    let shop: String = shop.chars().take(SHOP_LETTERS).collect();
    let options = redis::Options {
        host: server.host.name,
        port: server.host.port,
        user: server.user,
        password: server.password.map(|password| password.expose().to_owned()),
        database: server.database,
        is_encrypted: server.is_encrypted,
        ca_file: Some(config.redis.ca_file.clone()).filter(|path| !path.as_os_str().is_empty()),
        timeout: Duration::from_millis(config.redis.timeout_ms),
        prefix: format!("{}:{shop}", config.redis.prefix),
    };
    Ok(Some(Redis::start(options)?))
}

/// Staff, who count failed sign-ins together with other nodes, and hear of each other's sessions where there are others.
fn staff(machinery: &Machinery, secrets: &Secrets, redis: Option<&Redis>) -> Result<Arc<Staff>, Error> {
    let staff = Staff::new(staff::Parts::of(machinery), Arc::new(Argon2id::start()?), admin_token(secrets))?;
    let Some(redis) = redis else { return Ok(Arc::new(staff)) };
    let staff = staff.counting_with(&Sharing(Some(redis.buckets())));
    Ok(Arc::new(match machinery.is_alone() {
        true => staff,
        false => staff.among_others(SecondLevel::start(redis.shelf(), staff::SHARED_NAME)),
    }))
}

/// Who is where, as far as nodes can tell each other.
fn presence(machinery: &Machinery, redis: Option<&Redis>) -> Arc<Presence> {
    let leases = machinery.projector.leases().clone();
    let shared = redis.map(Redis::presence);
    let known = platform::presence::Presence::start(shared, move || leases.nodes() == 1);
    Arc::new(Presence::new(known, machinery.vault.master().clone(), machinery.clock.clone()))
}

fn fetcher(config: &Config) -> Result<HttpFetcher, Error> {
    let allows = if config.imports.fetch_from_loopback { Allows::Loopback } else { Allows::PublicOnly };
    HttpFetcher::new(allows).map_err(|error| Error::Fetch(error.to_string()))
}

async fn machinery(
    config: &Config,
    store: &Store,
    master: MasterKey,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Result<Machinery, Error> {
    let documents = store.documents();
    let limits = Limits {
        queue: config.executor.queue,
        batch_groups: config.executor.batch_groups,
        states_bytes: config.executor.states_bytes,
        ..Limits::default()
    };
    let starts = Executor::start(store.log(), services::kinds(), clock.clone(), entropy.clone(), limits);
    let executor = match store.lane() {
        Some(lane) => lane.spawn(starts).await.map_err(std::io::Error::from)??,
        None => starts.await?,
    };
    let projector = Projector::start(&executor, &documents, &clock, &services::projections()).await?;
    let projector = match store.replicas() {
        Some(replicas) => projector.showing(replicas.clone()),
        None => projector,
    };
    let vault = Vault::new(master, documents.clone(), clock.clone(), entropy.clone());
    let vault = if executor.log().owned_alone() { vault } else { vault.among_others() };
    let blobs = Arc::new(FolderBlobs::open(&config.media_folder())?);
    Ok(Machinery { executor, documents, projector, vault, blobs, clock, entropy })
}

fn mailroom(
    config: &Config,
    secrets: &Secrets,
    machinery: &Machinery,
    shop: Arc<Shop>,
    orders: &Arc<Orders>,
) -> Result<Arc<Mailroom>, Error> {
    let transport: Arc<dyn mail::Transport> = match config.mail.transport {
        MailTransport::Smtp => Arc::new(Smtp::open(mail_server(&config.mail, secrets)?)?),
        MailTransport::Folder => {
            let path = config.mail_folder();
            let folder = MailFolder::open(&path, config.mail.keep);
            Arc::new(folder.map_err(|source| Error::MailFolder { path, source })?)
        }
    };
    let options = mail::Options {
        public_url: config.public_url().map(ToOwned::to_owned),
        listen_url: config.listen_url(),
        per_second: config.mail.per_second,
    };
    let desk = Arc::new(orders::Desk::new(orders.clone()));
    Ok(Mailroom::new(machinery.clone(), shop, desk, transport, options))
}

fn mail_server(mail: &config::Mail, secrets: &Secrets) -> Result<Server, Error> {
    let credentials = match mail.username.is_empty() {
        true => None,
        false => Some((mail.username.clone(), mail.password(secrets)?)),
    };
    Ok(Server {
        host: mail.host.clone(),
        port: mail.port,
        tls: match mail.tls {
            MailTls::Implicit => Tls::Implicit,
            MailTls::Starttls => Tls::StartTls,
            MailTls::Opportunistic => Tls::Opportunistic,
            MailTls::None => Tls::None,
        },
        ca_file: Some(mail.ca_file.clone()).filter(|path| !path.as_os_str().is_empty()),
        credentials,
        timeout: Duration::from_secs(mail.timeout_s),
    })
}

fn admin_token(secrets: &Secrets) -> Option<String> {
    secrets.admin_token.as_ref().map(|token| token.expose().to_owned())
}

/// What tells a shop's own master key from another: a keyed hash, which tells nothing of the key.
const KEYS_OF_THE_SHOP: Collection = Collection::primary("master_keys");
const CURRENT: &str = "current";

/// The master key, if it is the one that this shop's data was sealed with. A new shop remembers its own.
async fn own_key(
    documents: &Arc<dyn Documents>,
    data: &Path,
    secrets: &Secrets,
    entropy: &dyn Entropy,
) -> Result<MasterKey, Error> {
    let remembered = documents.get(KEYS_OF_THE_SHOP, CURRENT, Timestamp::MIN).await?;
    let is_lost = secrets.master_key.is_none() && !data.join(KEY_FILE).exists();
    if remembered.is_some() && is_lost {
        return Err(Error::OtherKey);
    }
    let key = master_key(data, secrets, entropy)?;
    let mark = mark_of(&key);
    match remembered {
        Some(known) if *known.body != mark => Err(Error::OtherKey),
        Some(_) => Ok(key),
        None => {
            let id = CURRENT.to_owned();
            let put = Put { collection: KEYS_OF_THE_SHOP, id, body: mark.into(), entries: Vec::new(), expires: None };
            documents.put_if(put, Expected::Absent, Timestamp::MIN).await?;
            Ok(key)
        }
    }
}

fn mark_of(key: &MasterKey) -> String {
    serde_json::Value::String(key.hash_text("which key this is", &[])).to_string()
}

/// Whether the data of a store was sealed with this key; `None` where the store has not been told any.
pub async fn is_key_of(documents: &dyn Documents, key: &MasterKey) -> Result<Option<bool>, StoreError> {
    let remembered = documents.get(KEYS_OF_THE_SHOP, CURRENT, Timestamp::MIN).await?;
    Ok(remembered.map(|known| *known.body == mark_of(key)))
}

/// Where a master key comes from that the settings name.
pub fn origin_of_key(key: &Secret) -> String {
    key.file().map_or("CLOUDMART_MASTER_KEY".to_owned(), |file| format!("{} (master_key_file)", file.display()))
}

/// The key that the settings name, else from its file, which is made where there is none.
pub fn master_key(data: &Path, secrets: &Secrets, entropy: &dyn Entropy) -> Result<MasterKey, Error> {
    if let Some(text) = &secrets.master_key {
        return MasterKey::from_hex(text.expose()).ok_or_else(|| Error::NoKey(origin_of_key(text)));
    }
    let path = data.join(KEY_FILE);
    let wrong = |reason: String| Error::Key { path: path.clone(), reason };
    match std::fs::read_to_string(&path) {
        Ok(text) => MasterKey::from_hex(&text).ok_or_else(|| wrong("it is not 64 hexadecimal digits".to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = MasterKey::generate(entropy);
            write_key(&path, &key).map_err(|error| wrong(error.to_string()))?;
            Ok(key)
        }
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// Readable by its owner only, whole or not at all, and durable before anything is sealed with it.
pub fn write_key(path: &Path, key: &MasterKey) -> std::io::Result<()> {
    let partial = path.with_extension("key.partial");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
    writeln!(file, "{}", key.to_hex())?;
    file.sync_all()?;
    std::fs::rename(&partial, path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()
}

impl Mart {
    /// Leaves this node's duties to others, so that they go on at once, and closes the store.
    pub async fn close(&self) -> Result<(), StoreError> {
        if tokio::time::timeout(LEAVE_MAX, self.machinery.projector.leases().leave()).await.is_err() {
            tracing::warn!("the store does not answer; the duties of this node are found free when it is missed");
        }
        self.store.close().await
    }

    /// Whose bearer token this is; used where only yes or no matters.
    pub async fn is_staff(&self, bearer: &str) -> bool {
        matches!(self.staff.authenticate(bearer).await, Ok(Some(_)))
    }
}

/// Staff alone, on a store that another process may be serving from.
pub fn staff_beside(documents: Arc<dyn Documents>, data: &Path, secrets: &Secrets) -> Result<Staff, Error> {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let master = master_key(data, secrets, entropy.as_ref())?;
    let parts = staff::Parts { documents, clock: Arc::new(SystemClock), entropy, master };
    Ok(Staff::new(parts, Arc::new(Argon2id::start()?), None)?)
}
