//! Saving, bringing back, and files that were damaged on the way.
//! The shops here are small: what matters is every byte, not what it means.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use adapters::sqlite::{self, Sqlite};
use jiff::Timestamp;
use platform::documents::{Change, Collection, Put, WriteBatch};
use tempfile::TempDir;

use super::Error;
use super::load::load;
use super::manifest::Manifest;
use super::save::save;
use crate::doctor;

const LAMPS: Collection = Collection::primary("lamps");

fn put(id: String) -> Change {
    let body: Arc<str> = format!("{{\"lamp\":\"{id}\"}}").into();
    Change::Put(Put { collection: LAMPS, id, body, entries: Vec::new(), expires: None })
}

async fn write(store: &Sqlite, ids: std::ops::Range<u32>) {
    let changes = ids.map(|id| put(format!("lamp-{id:05}"))).collect();
    store.documents().write(WriteBatch { changes, checkpoints: Vec::new() }).await.unwrap();
}

/// A folder with a running shop, and a place for backups beside it.
struct Bench {
    home: TempDir,
    store: Sqlite,
}

impl Bench {
    async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        let store = Sqlite::open(&data, &sqlite::Options::default()).unwrap();
        write(&store, 0..1_000).await;
        std::fs::write(data.join("master.key"), "ab".repeat(32)).unwrap();
        std::fs::create_dir(data.join("media")).unwrap();
        std::fs::write(data.join("media/med_1.svg"), "<svg/>").unwrap();
        std::fs::write(data.join("media/.partial-7"), "half").unwrap();
        Self { home, store }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn save(&self, name: &str) -> Result<Manifest, Error> {
        save(&self.path("data"), &self.path(name), Timestamp::UNIX_EPOCH)
    }

    fn load(&self, name: &str) -> Result<Manifest, Error> {
        load(&self.path(name), &self.path("again"))
    }

    /// Nothing is left of a restore that failed, and the next one finds an empty folder.
    fn is_untouched(&self) -> bool {
        let Ok(entries) = std::fs::read_dir(self.path("again")) else { return true };
        entries.map(|entry| entry.unwrap().file_name()).all(|name| name == "lock")
    }
}

/// A runtime must not be dropped within another one's task.
fn drop_outside(runtime: tokio::runtime::Runtime) {
    runtime.shutdown_background();
}

fn lamps(data: &Path) -> usize {
    let inspection = sqlite::open_read_only(data).unwrap();
    let documents = inspection.documents();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let found = std::thread::scope(|scope| {
        let scan = scope.spawn(|| runtime.block_on(documents.scan(LAMPS, None, 100_000)).unwrap().len());
        scan.join().unwrap()
    });
    drop_outside(runtime);
    found
}

#[tokio::test]
async fn what_was_saved_while_selling_comes_back() {
    let bench = Bench::new().await;
    let manifest = bench.save("shop.backup").unwrap();
    let names: Vec<&str> = manifest.members.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["shop.db", "master.key", "media/med_1.svg"]);
    let mode = std::fs::metadata(bench.path("shop.backup")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!bench.path("shop.backup.partial").exists());
    write(&bench.store, 1_000..1_500).await;

    assert_eq!(bench.load("shop.backup").unwrap(), manifest);
    let again = bench.path("again");
    assert_eq!(lamps(&again), 1_000);
    assert_eq!(std::fs::read_to_string(again.join("media/med_1.svg")).unwrap(), "<svg/>");
    assert!(!again.join(".restoring").exists() && !again.join("media/.partial-7").exists());
    let findings = doctor::examine_data(&again, None).await.unwrap();
    assert!(findings.is_well(), "{findings}");
    let reopened = Sqlite::open(&again, &sqlite::Options::default()).unwrap();
    write(&reopened, 1_000..1_001).await;
    reopened.close().await.unwrap();
}

#[tokio::test]
async fn writes_during_the_copy_do_not_tear_it() {
    let bench = Bench::new().await;
    let (data, file) = (bench.path("data"), bench.path("shop.backup"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    std::thread::scope(|scope| {
        let saving = scope.spawn(|| save(&data, &file, Timestamp::UNIX_EPOCH).unwrap());
        scope.spawn(|| {
            for start in (1_000..6_000).step_by(10) {
                runtime.block_on(write(&bench.store, start..start + 10));
            }
        });
        saving.join().unwrap();
    });
    drop_outside(runtime);
    bench.load("shop.backup").unwrap();
    let found = lamps(&bench.path("again"));
    assert!(found >= 1_000 && found.is_multiple_of(10), "{found}");
}

#[tokio::test]
async fn nothing_is_overwritten() {
    let bench = Bench::new().await;
    bench.save("shop.backup").unwrap();
    assert!(matches!(bench.save("shop.backup"), Err(Error::Exists(_))));
    let missing = save(&bench.path("nowhere"), &bench.path("other"), Timestamp::UNIX_EPOCH);
    assert!(matches!(missing, Err(Error::Open(sqlite::OpenError::Missing(_)))), "{missing:?}");
    assert!(!bench.path("other").exists() && !bench.path("other.partial").exists());

    let into_the_shop = load(&bench.path("shop.backup"), &bench.path("data"));
    assert!(matches!(into_the_shop, Err(Error::NotEmpty(_))));
    std::fs::create_dir(bench.path("again")).unwrap();
    std::fs::write(bench.path("again/notes.txt"), "mine").unwrap();
    assert!(matches!(bench.load("shop.backup"), Err(Error::NotEmpty(_))));
    std::fs::remove_file(bench.path("again/notes.txt")).unwrap();
    std::fs::create_dir(bench.path("again/.restoring")).unwrap();
    bench.load("shop.backup").unwrap();
}

#[tokio::test]
async fn two_backups_to_one_name_do_not_meet() {
    let bench = Bench::new().await;
    std::fs::create_dir(bench.path("shop.backup.partial")).unwrap();
    let lock = std::fs::File::create(bench.path("shop.backup.partial/lock")).unwrap();
    lock.lock().unwrap();
    assert!(matches!(bench.save("shop.backup"), Err(Error::UnderWay(_))));
    drop(lock);
    std::fs::write(bench.path("shop.backup.partial/shop.db"), "left by a crash").unwrap();
    bench.save("shop.backup").unwrap();
}

#[tokio::test]
async fn a_shop_without_a_key_file_is_saved_without() {
    let bench = Bench::new().await;
    std::fs::remove_file(bench.path("data/master.key")).unwrap();
    bench.save("shop.backup").unwrap();
    bench.load("shop.backup").unwrap();
    assert!(!bench.path("again/master.key").exists());
}

#[tokio::test]
async fn any_truncation_is_noticed_and_leaves_nothing() {
    let bench = Bench::new().await;
    bench.save("shop.backup").unwrap();
    let whole = std::fs::read(bench.path("shop.backup")).unwrap();
    // The two empty blocks at the end carry nothing.
    let content = whole.len() - 1_024;
    for length in [0, 1, 511, 512, 700, 1_024, 1_536, content / 2, content - 513, content - 512, content - 511] {
        std::fs::write(bench.path("short"), &whole[..length]).unwrap();
        let loaded = bench.load("short");
        assert!(matches!(loaded, Err(Error::Foreign(_) | Error::Damaged(_))), "{length}: {loaded:?}");
        assert!(bench.is_untouched(), "{length}");
    }
}

#[tokio::test]
async fn any_changed_byte_is_noticed() {
    let bench = Bench::new().await;
    bench.save("shop.backup").unwrap();
    let whole = std::fs::read(bench.path("shop.backup")).unwrap();
    let at = |words: &[u8]| whole.windows(words.len()).position(|window| window == words).unwrap();
    let database = at(b"SQLite format 3");
    for place in [0, 100, 600, database, database + 5_000, at(b"<svg/>") + 1, at(b"abababab")] {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        std::fs::write(bench.path("changed"), &changed).unwrap();
        let loaded = bench.load("changed");
        let is_noticed = matches!(loaded, Err(Error::Foreign(_) | Error::Damaged(_) | Error::OtherFormat { .. }));
        assert!(is_noticed, "{place}: {loaded:?}");
        assert!(bench.is_untouched(), "{place}");
    }
}

/// An archive whose manifest promises what the members are; the names and kinds are the test's.
fn forged(manifest: &str, members: &[(&str, &[u8], tar::EntryType)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut add = |name: &str, content: &[u8], kind: tar::EntryType| {
        let mut header = tar::Header::new_ustar();
        // Past the library's own checks.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_entry_type(kind);
        header.set_cksum();
        archive.append(&header, content).unwrap();
    };
    add("manifest.json", manifest.as_bytes(), tar::EntryType::Regular);
    members.iter().for_each(|(name, content, kind)| add(name, content, *kind));
    archive.into_inner().unwrap()
}

#[tokio::test]
async fn strangers_are_refused() {
    let bench = Bench::new().await;
    let manifest = |members: &str| {
        let base = r#"{"name": "shop.db", "size": 1, "sha256": ""}"#;
        format!(
            r#"{{"format": 1, "created_at": "1970-01-01T00:00:00Z", "cloudmart": "0", "members": [{base}{members}]}}"#
        )
    };
    let honest = manifest("");
    let out = manifest(r#", {"name": "../../out", "size": 1, "sha256": ""}"#);
    let huge = manifest(r#", {"name": "media/a", "size": 1, "sha256": ""}"#);
    let regular = tar::EntryType::Regular;
    for (what, archive) in [
        ("a path that leads out", forged(&out, &[("../../out", b"x", regular)])),
        ("a name that the manifest lacks", forged(&honest, &[("media/b", b"x", regular)])),
        ("a link", forged(&honest, &[("shop.db", b"x", tar::EntryType::Symlink)])),
        ("a long name", forged(&honest, &[("shop.db", b"x", tar::EntryType::GNULongName)])),
        ("more bytes than promised", forged(&huge, &[("media/a", b"xy", regular)])),
        ("another checksum", forged(&honest, &[("shop.db", b"x", regular)])),
        ("no manifest", forged("", &[])),
        ("some other file", b"PK\x03\x04 and so on".repeat(100)),
    ] {
        std::fs::write(bench.path("forged"), archive).unwrap();
        let loaded = bench.load("forged");
        assert!(matches!(loaded, Err(Error::Foreign(_) | Error::Damaged(_))), "{what}: {loaded:?}");
        assert!(bench.is_untouched() && !bench.path("out").exists(), "{what}");
    }
}
