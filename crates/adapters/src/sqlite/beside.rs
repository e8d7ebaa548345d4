//! Writing primary documents beside a running shop: for commands such as resetting a password.
//! It appends no facts and writes nothing derived; the running shop would not notice.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use platform::documents::Documents;
use platform::store::StoreResult;

use super::ports::{Access, SqliteDocuments};
use super::readers::{READ_MAX, Readers};
use super::writer::{Writer, WriterStats};
use super::{OpenError, join, schema};

/// A command does little.
const CACHE_KIB: u32 = 1 << 10;

/// The primary documents of a shop that may be running.
pub struct Beside {
    documents: Arc<SqliteDocuments>,
    readers: Arc<Readers>,
    writer: Writer,
    thread: Mutex<Vec<JoinHandle<()>>>,
}

/// Opens the store of a folder without locking it. Writes wait for the running shop's, up to five seconds.
pub fn open_beside(dir: &Path) -> Result<Beside, OpenError> {
    let file = schema::existing(dir)?;
    let conn = schema::open_writable(&file, CACHE_KIB)?;
    schema::recognise(&conn)?;
    let readers = Arc::new(Readers::start(vec![schema::open_readable(&file, CACHE_KIB)?], READ_MAX)?);
    let (writer, thread) = Writer::start(conn, None, Arc::default(), None, Arc::new(WriterStats::default()))?;
    let access = Access::PrimaryOnly(writer.clone());
    let documents = Arc::new(SqliteDocuments { readers: readers.clone(), access });
    Ok(Beside { documents, readers, writer, thread: Mutex::new(vec![thread]) })
}

impl Beside {
    pub fn documents(&self) -> Arc<dyn Documents> {
        self.documents.clone()
    }

    pub async fn close(&self) -> StoreResult<()> {
        self.writer.close().await;
        let threads = std::mem::take(&mut *self.thread.lock());
        join(threads.into_iter().chain(self.readers.close()).collect()).await
    }
}
