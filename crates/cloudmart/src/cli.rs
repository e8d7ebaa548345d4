//! The command line: what `cloudmart` can be asked to do.
//! It does not do any of it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use contracts::transfer::Format;

use crate::config::SampleShop;
use crate::{bench, transfer};

/// A shop that keeps selling when everyone arrives at once.
///
/// Without a command, `cloudmart` serves the shop: its data in ./data, its pages and API at http://127.0.0.1:8080.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 110, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub serve: Serve,
}

const EXAMPLES: &str = "\
Examples:
  cloudmart                                      start the shop with its sample products
  cloudmart --sample-shop none --data ./mine     start an empty shop in another folder
  cloudmart staff new-key                        make an API key for staff
  cloudmart replay data/online-retail.csv --url http://127.0.0.1:8080
  cloudmart bench flash-sale --concurrency 64    many buyers, few pieces: is nothing oversold?
  cloudmart import products shopify.csv --dry-run   say what an import would do
  cloudmart doctor                               check that the books are right, beside a running shop
  cloudmart backup shop.backup                   save everything while selling
  cloudmart restore shop.backup --data ./again   and bring it back
  cloudmart migrate-store --from ./data --config cluster.toml   move a folder's shop into PostgreSQL
  cloudmart config check --config cluster.toml   is every setting right?

Environment:
  CLOUDMART_ADMIN_TOKEN   a staff API key of your own choice, at least 16 characters; it is never stored
  CLOUDMART_MASTER_KEY    the key that seals personal data, 64 hexadecimal digits; else ./data/master.key
  CLOUDMART_CONFIG        the file with settings, where --config names none
  CLOUDMART_SECTION_KEY   any setting: CLOUDMART_LISTEN, CLOUDMART_HTTP_IN_FLIGHT; above the file, below the command line

The shop stops on Ctrl-C or SIGTERM, after it has answered every request that it accepted.";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the shop until Ctrl-C or SIGTERM
    Serve(Serve),
    /// Sell a retailer's invoice lines (CSV) through a running shop's API
    Replay(Replay),
    /// Put a measured load on a running shop, and check afterwards that it kept its word
    ///
    /// What is measured: answers per second, latencies, answers by status, and what the load itself costs. At a --rate,
    /// requests are due at that rate whatever the shop does, and time counts from when a request was due, so that a stall
    /// cannot hide; with --concurrency each answer is followed by the next request.
    ///
    /// Scenarios with orders need a staff key in CLOUDMART_ADMIN_TOKEN and a shop that takes test payments. They make a
    /// product of their own, archive it afterwards, and then compare what buyers were told with the shop's books: accepted
    /// orders are stock sold, nothing is oversold, no order is without payment; and they ask the shop's own doctor.
    ///
    /// Ends with 0 when the shop kept its word; with 1 when it did not; with 2 when it could not be measured or judged: no
    /// shop, another one at --also, or one that went away for good, no or the wrong key, a limit that refuses this address,
    /// wrong options, output that cannot be written.
    Bench(bench::Options),
    /// Bring products in from a file, into a shop that is stopped or, by --url, through a running one
    Import {
        #[command(subcommand)]
        what: ImportCommand,
    },
    /// Write products into a file
    Export {
        #[command(subcommand)]
        what: ExportCommand,
    },
    /// Build every derived collection anew from the log, while the shop is stopped
    Rebuild(AtData),
    /// Save everything into one file, while selling: from a folder, or from PostgreSQL
    Backup {
        /// The file to write
        file: PathBuf,
        #[command(flatten)]
        at: AtData,
    },
    /// Bring a backup back into an empty folder, or a schema of PostgreSQL that has no shop yet, and check it
    ///
    /// Where to is what the settings say. A backup of either engine can be brought back into either.
    Restore {
        /// The file that `backup` wrote
        file: PathBuf,
        #[command(flatten)]
        at: AtData,
    },
    /// Move the shop of a folder into PostgreSQL, and check it
    ///
    /// The shop must be stopped, and the schema empty, or hold what an earlier attempt left: whatever ended it, the same
    /// command goes on there. Facts, documents and pictures are copied and read again on both sides; nobody can serve
    /// the shop from the database before they are the same, nor from the folder afterwards. Then the doctor looks at it.
    ///
    /// Ends with 0 when all is well.
    MigrateStore(MigrateStore),
    /// Make an order's buyer unreadable for ever, everywhere
    Erase {
        /// The order's id, ord_…
        order: String,
        #[command(flatten)]
        at: AtDataOrUrl,
    },
    /// Look after staff's ways in
    Staff {
        #[command(subcommand)]
        what: StaffCommand,
    },
    /// Check that the books are right: stock, orders, money, documents
    Doctor {
        #[command(flatten)]
        at: AtDataOrUrl,
        /// Tell it as JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Print every setting with its default, check them, show what they come to
    Config {
        #[command(subcommand)]
        what: Option<ConfigCommand>,
    },
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print every setting with its meaning and default, as a file to begin with
    Reference,
    /// Say what is wrong, where, and what would be right
    ///
    /// Ends with 0 when the shop would start, else with 1.
    Check(Serve),
    /// Print what the settings come to and where each was said; secrets are not shown
    Show(Serve),
}

#[derive(Debug, Clone, Default, Args)]
pub struct Serve {
    /// A TOML file with settings; `cloudmart config` prints them all
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the shop keeps what is its own on this machine [default: ./data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// What an empty shop begins with [default: default]
    #[arg(long, value_name = "WHICH")]
    pub sample_shop: Option<SampleShop>,
    /// Offer test payments on an address that is not this machine's own
    #[arg(long)]
    pub allow_test_payments: bool,
}

#[derive(Debug, Args)]
pub struct Replay {
    /// `;`-separated invoice lines, such as data/online-retail.csv
    pub file: PathBuf,
    /// The running shop
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub url: String,
}

#[derive(Debug, Clone, Args)]
pub struct AtData {
    /// The shop's settings, as it is served with
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The shop's folder [default: ./data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub struct MigrateStore {
    /// The folder of the shop that moves
    #[arg(long, value_name = "DIR")]
    pub from: PathBuf,
    /// Where it moves, postgres://user@host/database; else what the settings say. Passwords belong into a file, or
    /// CLOUDMART_POSTGRES_PASSWORD: everybody on this machine sees a command line
    #[arg(long, value_name = "URL")]
    pub to: Option<String>,
    #[command(flatten)]
    pub at: AtData,
}

#[derive(Debug, Clone, Args)]
pub struct AtDataOrUrl {
    /// The shop's settings, as it is served with
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The shop's folder [default: ./data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Ask a running shop instead (staff key in CLOUDMART_ADMIN_TOKEN)
    #[arg(long, conflicts_with = "data")]
    pub url: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Products: Shopify's CSV, or JSONL with a product of the staff API on each line
    ///
    /// A product is found by its handle, else by its SKUs, and changed only where the file says something else. Stock
    /// counts only for SKUs that are new. The same file again changes nothing.
    ///
    /// Ends with 0 when all rows were taken, 1 when some were bad, 2 when the file could not be imported.
    Products(ImportProducts),
}

#[derive(Debug, Clone, Args)]
pub struct ImportProducts {
    /// The file
    pub file: PathBuf,
    /// In which currency the prices are; the shop's first unless told
    #[arg(long, value_name = "CODE")]
    pub currency: Option<String>,
    /// `csv` or `jsonl`; else told by the file's name
    #[arg(long, value_parser = file_format)]
    pub format: Option<Format>,
    /// Say what would come of it, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Fetch the pictures that the file names, too
    #[arg(long)]
    pub fetch_images: bool,
    #[command(flatten)]
    pub at: AtDataOrUrl,
}

#[derive(Debug, Subcommand)]
pub enum ExportCommand {
    /// All products, in the order of their slugs; what `import products` reads
    Products(ExportProducts),
}

#[derive(Debug, Clone, Args)]
pub struct ExportProducts {
    /// The file to write
    pub file: PathBuf,
    /// In which currency the first price columns of a CSV file are; the shop's first unless told
    #[arg(long, value_name = "CODE")]
    pub currency: Option<String>,
    /// `csv` or `jsonl`, which tells everything; else told by the file's name
    #[arg(long, value_parser = file_format)]
    pub format: Option<Format>,
    #[command(flatten)]
    pub at: AtDataOrUrl,
}

fn file_format(text: &str) -> Result<Format, String> {
    Format::parse(text).ok_or_else(|| "csv or jsonl".to_owned())
}

impl From<ImportProducts> for transfer::Import {
    fn from(options: ImportProducts) -> Self {
        let ImportProducts { file, currency, format, dry_run, fetch_images, at } = options;
        Self { file, format, currency, dry_run, fetch_images, at }
    }
}

impl From<ExportProducts> for transfer::Export {
    fn from(options: ExportProducts) -> Self {
        let ExportProducts { file, currency, format, at } = options;
        Self { file, format, currency, at }
    }
}

#[derive(Debug, Subcommand)]
pub enum StaffCommand {
    /// Give a member of staff a new password, and end their sessions
    ResetPassword {
        /// Their e-mail address
        email: String,
        #[command(flatten)]
        at: AtData,
    },
    /// Make a new API key
    NewKey {
        /// Whose it is; the first member's unless told
        email: Option<String>,
        #[command(flatten)]
        at: AtData,
    },
}
