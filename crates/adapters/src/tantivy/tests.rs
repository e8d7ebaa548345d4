//! What is true of this engine alone: typos, ranks, and a folder that was cut off, damaged or of another format. What
//! is true of every index is in testkit's contract suite.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use contracts::search::Order;
use domain::ids::ProductId;
use jiff::Timestamp;
use services::search::index::{AskedWord, Changes, Entry, Index, Positions, Query};
use services::search::words::{asked, fold, words};

use super::TantivyIndex;

fn product(n: u8) -> ProductId {
    ProductId::from_bytes([n; 16])
}

fn entry(n: u8, title: &str) -> Entry {
    Entry {
        id: product(n),
        title: words(title),
        brand: Vec::new(),
        codes: Vec::new(),
        rest: Vec::new(),
        title_key: fold(title),
        created_at: Timestamp::from_second(1_750_000_000 + i64::from(n)).unwrap(),
        prices: BTreeMap::new(),
        is_in_stock: true,
        facets: BTreeSet::new(),
        labels: BTreeSet::new(),
    }
}

async fn write(index: &TantivyIndex, put: Vec<Entry>, position: u64) {
    index.write(Changes { put, gone: Vec::new(), positions: Positions::from([(0, position)]) }).await.unwrap();
}

async fn found(index: &TantivyIndex, q: &str) -> Vec<u8> {
    let words = asked(q).into_iter().map(|word| AskedWord { word, categories: BTreeSet::new() }).collect();
    let query = Query {
        words,
        tree: Arc::default(),
        currency: None,
        category: None,
        brands: BTreeSet::new(),
        attributes: BTreeMap::new(),
        price_min: None,
        price_max: None,
        only_in_stock: false,
        locales: Vec::new(),
        order: Order::Relevance,
        after: None,
        limit: 100,
        with_counts: true,
    };
    let hits = index.find(query).await.unwrap();
    hits.ids.iter().map(|id| (0..=u8::MAX).find(|n| product(*n) == *id).unwrap()).collect()
}

fn open(folder: &Path) -> TantivyIndex {
    TantivyIndex::open(folder).unwrap()
}

#[tokio::test]
async fn small_typos_are_forgiven_and_come_last() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    let mut described = entry(4, "Set of two");
    described.rest = words("A teapot and a cup");
    let put = vec![entry(1, "Glass teapod"), entry(2, "Teapot"), entry(3, "Teapot with a lid"), described];
    write(&index, put, 1).await;
    write(&index, vec![entry(5, "Umbrella"), entry(6, "Mug"), entry(7, "Candles"), entry(8, "1234567")], 2).await;
    // In the title before the description, the shorter title first, the mistyped last.
    assert_eq!(found(&index, "teapot").await, [2, 3, 4, 1]);
    for (q, expected) in [
        ("tepaot lid", vec![3]),
        ("umbrela", vec![5]),
        ("umbrlela", vec![5]),
        ("umrbelal", vec![5]),
        ("candels", vec![7]),
        ("candel", vec![7]),
        ("mog", vec![]),
        ("1234568", vec![]),
        ("umb", vec![5]),
        ("ubmr", vec![5]),
    ] {
        assert_eq!(found(&index, q).await, expected, "{q}");
    }
}

#[tokio::test]
async fn enough_as_written_is_not_diluted() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    let shirts = (0..5).map(|n| entry(n, "Shirt"));
    write(&index, shirts.chain([entry(9, "Skirt"), entry(10, "Short")]).collect(), 1).await;
    assert_eq!(found(&index, "shirt").await, [4, 3, 2, 1, 0]);
    assert_eq!(found(&index, "skirt").await[0], 9);
}

#[tokio::test]
async fn a_word_that_many_have_is_not_mistyped() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    let put =
        (0..5).map(|n| entry(n, "Blue lamp")).chain([entry(8, "Glue"), entry(9, "Glue tray"), entry(10, "Blue tary")]);
    write(&index, put.collect(), 1).await;
    assert_eq!(found(&index, "blue tray").await, [10], "no glue");
    assert_eq!(found(&index, "bule tray").await, [10]);
    assert_eq!(found(&index, "glue lamp").await, [4, 3, 2, 1, 0], "few have glue, so it may be meant otherwise");
    write(&index, vec![entry(11, "Slate holder")], 2).await;
    write(&index, (12..17).map(|n| entry(n, "Late bloom")).collect(), 3).await;
    assert_eq!(found(&index, "late holder").await, [11], "nothing else is found");
}

#[tokio::test]
async fn many_small_writes_stay_findable() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    for n in 0..60 {
        write(&index, vec![entry(n % 20, &format!("Lamp {n}"))], u64::from(n) + 1).await;
    }
    assert_eq!((found(&index, "lamp").await.len(), index.count().await.unwrap()), (20, 20));
    assert_eq!(found(&index, "lamp 57").await, [17]);
    assert_eq!(found(&index, "17").await, [] as [u8; 0]);
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let copy = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    write(&index, vec![entry(1, "Lamp")], 7).await;
    // As a crash leaves it: while the writer is open, and without the files of what comes next.
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    write(&index, vec![entry(2, "Lamp")], 9).await;
    let again = open(copy.path());
    assert_eq!((found(&again, "lamp").await, again.positions().await.unwrap()), (vec![1], Positions::from([(0, 7)])));
    write(&again, vec![entry(3, "Lamp")], 8).await;
    assert_eq!(found(&again, "lamp").await, [3, 1]);
}

#[tokio::test]
async fn what_cannot_be_read_is_begun_anew() {
    let damage: [fn(&Path); 4] = [
        |folder| std::fs::write(folder.join("meta.json"), "{").unwrap(),
        |folder| {
            let meta = std::fs::read_to_string(folder.join("meta.json")).unwrap();
            std::fs::write(folder.join("meta.json"), meta.replace("format\\\":1", "format\\\":0")).unwrap();
        },
        |folder| each(folder, "fast", |path| std::fs::write(path, "short").unwrap()),
        |folder| each(folder, "term", |path| std::fs::remove_file(path).unwrap()),
    ];
    for (n, damage) in damage.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let index = open(folder.path());
        write(&index, vec![entry(1, "Lamp")], 7).await;
        drop(index);
        damage(folder.path());
        let index = open(folder.path());
        assert_eq!(index.positions().await.unwrap(), Positions::new(), "{n}");
        assert_eq!(found(&index, "lamp").await, [] as [u8; 0], "{n}");
        write(&index, vec![entry(2, "Lamp")], 1).await;
        assert_eq!(found(&index, "lamp").await, [2], "{n}");
    }
}

fn each(folder: &Path, extension: &str, change: impl Fn(&Path)) {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|own| own == extension)).for_each(|path| change(&path));
}
