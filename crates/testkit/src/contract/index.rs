//! What every search index must keep, with the one that looks at every entry as the measure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contracts::search::Order;
use domain::ids::ProductId;
use domain::money::Currency;
use services::search::index::{
    AskedWord, Changes, Counts, Entry, Facet, Hits, Index, Label, Node, Positions, Query, Tree,
};
use services::search::naive::NaiveIndex;
use services::search::words::{asked, fold, words};

use super::second;
use crate::dice::Dice;

/// How many random searches are compared.
const SEARCHES: u64 = 500;
const ENTRIES: u64 = 240;

/// Runs all cases, each on an index of its own.
pub async fn all<I: Index + 'static>(fresh: impl AsyncFn() -> Arc<I>) {
    words_are_found_in_every_field(&*fresh().await).await;
    hangul_is_found_by_any_part(&*fresh().await).await;
    what_is_written_replaces_what_was(&*fresh().await).await;
    orders_are_kept_over_all_pages(&*fresh().await).await;
    what_is_chosen_does_not_narrow_its_own_choices(&*fresh().await).await;
    labels_are_in_the_asked_language(&*fresh().await).await;
    everything_agrees_with_looking_at_every_entry(&*fresh().await).await;
}

/// The `n`th product.
pub fn product(n: u64) -> ProductId {
    ProductId::from_bytes((u128::from(n) * 7_919 % 100_003 * 1_000 + u128::from(n)).to_be_bytes())
}

/// The `n`th entry, called so.
pub fn entry(n: u64, title: &str) -> Entry {
    Entry {
        id: product(n),
        title: words(title),
        brand: Vec::new(),
        codes: Vec::new(),
        rest: Vec::new(),
        title_key: fold(title),
        created_at: second(i64::try_from(n).unwrap_or(0)),
        prices: BTreeMap::from([(usd(), 1_000)]),
        is_in_stock: true,
        facets: BTreeSet::new(),
        labels: BTreeSet::new(),
    }
}

/// Everything, the best first.
pub fn query(q: &str) -> Query {
    let words = asked(q).into_iter().map(|word| AskedWord { word, categories: BTreeSet::new() }).collect();
    Query {
        words,
        tree: Arc::default(),
        currency: Some(usd()),
        category: None,
        brands: BTreeSet::new(),
        attributes: BTreeMap::new(),
        price_min: None,
        price_max: None,
        only_in_stock: false,
        locales: vec!["en".to_owned()],
        order: Order::Relevance,
        after: None,
        limit: 100,
        with_counts: false,
    }
}

pub fn usd() -> Currency {
    Currency::parse("USD").expect("a currency")
}

pub async fn write(index: &dyn Index, put: Vec<Entry>, gone: Vec<ProductId>, position: u64) {
    let positions = Positions::from([(3, position)]);
    index.write(Changes { put, gone, positions }).await.expect("a write");
}

/// The numbers of what is found, in its order.
pub async fn found(index: &dyn Index, query: Query) -> Vec<u64> {
    let hits = index.find(query).await.expect("an answer");
    let number = |id: &ProductId| (0..1_000).find(|n| product(*n) == *id).expect("one that was written");
    hits.ids.iter().map(number).collect()
}

async fn words_are_found_in_every_field(index: &dyn Index) {
    let mut mug = entry(1, "Stoneware Mug");
    mug.brand = words("Holzamt");
    mug.codes = words("MUG-0042");
    mug.rest = words("For coffee, crème brûlée, or one’s tea.");
    write(index, vec![mug, entry(2, "T-Shirt"), entry(3, "Tea towels")], vec![], 1).await;
    for (q, expected) in [
        ("mug", vec![1]),
        ("STONEWARE", vec![1]),
        ("holzamt mug", vec![1]),
        ("holzamt shirt", vec![]),
        ("MUG-0042", vec![1]),
        ("mug0042", vec![1]),
        ("0042", vec![1]),
        ("creme brulee", vec![1]),
        ("Crème Brûlée", vec![1]),
        ("ones tea", vec![1]),
        ("stonew", vec![1]),
        ("stonew mug", vec![]),
        ("t-shirt", vec![2]),
        ("tshirt", vec![2]),
        ("teatowels", vec![3]),
        ("towelstea", vec![]),
        ("towel", vec![3]),
        ("mugs", vec![1]),
        ("", vec![3, 2, 1]),
    ] {
        assert_eq!(found(index, query(q)).await, expected, "{q}");
    }
    let tea: BTreeSet<u64> = found(index, query("tea")).await.into_iter().collect();
    assert_eq!(tea, BTreeSet::from([1, 3]));
}

async fn hangul_is_found_by_any_part(index: &dyn Index) {
    let put = vec![entry(1, "가죽가방끈 Leather 30호"), entry(2, "방수 가죽"), entry(3, "끈")];
    write(index, put, vec![], 1).await;
    for (q, expected) in [
        ("가방", vec![1]),
        ("가방끈", vec![1]),
        ("죽가방", vec![1]),
        ("방가죽", vec![]),
        ("방수가죽", vec![2]),
        ("가죽방수", vec![]),
        ("가죽", vec![1, 2]),
        ("끈", vec![1, 3]),
        ("방", vec![1, 2]),
        ("수", vec![2]),
        ("가방 leather", vec![1]),
        ("30호", vec![1]),
        ("호", vec![1]),
        ("leath 가죽", vec![]),
        ("가죽 leath", vec![1]),
    ] {
        let mut numbers = found(index, query(q)).await;
        numbers.sort_unstable();
        assert_eq!(numbers, expected, "{q}");
    }
}

async fn what_is_written_replaces_what_was(index: &dyn Index) {
    assert_eq!(
        (index.positions().await.expect("positions"), index.count().await.expect("a number")),
        Default::default()
    );
    write(index, vec![entry(1, "Lamp"), entry(2, "Table")], vec![], 5).await;
    write(index, vec![Entry { is_in_stock: false, ..entry(1, "Chair") }], vec![product(2), product(9)], 8).await;
    assert_eq!(found(index, query("")).await, [1]);
    assert_eq!((found(index, query("lamp")).await, found(index, query("chair")).await), (vec![], vec![1]));
    let known = index.in_stock(&[product(1), product(2)]).await.expect("an answer");
    assert_eq!(known, BTreeMap::from([(product(1), false)]));
    assert_eq!(index.positions().await.expect("positions"), Positions::from([(3, 8)]));
    assert_eq!(index.count().await.expect("a number"), 1);
    index.clear().await.expect("an empty index");
    assert_eq!((index.positions().await.expect("positions"), found(index, query("")).await), Default::default());
    write(index, vec![entry(4, "Lamp")], vec![], 2).await;
    assert_eq!(found(index, query("lamp")).await, [4]);
}

async fn orders_are_kept_over_all_pages(index: &dyn Index) {
    let titles = ["Älg", "apple", "Zebra", "banana", "apple"];
    for chunk in (0..40_u64).collect::<Vec<_>>().chunks(7) {
        let put = chunk.iter().map(|n| {
            let mut entry = entry(*n, titles[usize::try_from(*n).unwrap_or(0) % titles.len()]);
            entry.prices = BTreeMap::from([(usd(), i64::try_from(n % 4).unwrap_or(0) * 500)]);
            entry
        });
        write(index, put.collect(), vec![], chunk[0] + 1).await;
    }
    for order in [Order::Relevance, Order::Newest, Order::Title, Order::PriceAsc, Order::PriceDesc] {
        for limit in [1, 3, 40] {
            let (mut all, mut after) = (Vec::new(), None);
            loop {
                let page = index.find(Query { order, limit, after, ..query("") }).await.expect("a page");
                assert!(page.ids.len() <= limit && page.total == 40, "{order:?}");
                all.extend(page.ids);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let number = |id: &ProductId| (0..40).find(|n| product(*n) == *id).expect("one that was written");
            let all: Vec<u64> = all.iter().map(number).collect();
            assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 40, "{order:?} by {limit}: each once");
            let is_before = |a: &u64, b: &u64| match order {
                Order::Relevance | Order::Newest => a > b,
                Order::Title => fold(titles[(a % 5) as usize]) <= fold(titles[(b % 5) as usize]),
                Order::PriceAsc => (a % 4, b) < (b % 4, a),
                Order::PriceDesc => (b % 4, b) < (a % 4, a),
            };
            assert!(all.is_sorted_by(is_before), "{order:?} by {limit}: {all:?}");
        }
    }
}

fn with_facets(n: u64, category: &str, brand: &str, colours: &[&str]) -> Entry {
    let colour = |colour: &&str| Facet::Attribute { key: "Colour".to_owned(), value: (*colour).to_owned() };
    let facets = [Facet::Category(category.to_owned()), Facet::Brand(brand.to_owned())];
    Entry { facets: facets.into_iter().chain(colours.iter().map(colour)).collect(), ..entry(n, "Thing") }
}

/// `top > middle > leaf`, and `other`.
fn tree() -> Arc<Tree> {
    let node = |slug: &str, parent| Node { slug: slug.to_owned(), parent };
    Arc::new(Tree {
        nodes: vec![node("top", None), node("middle", Some(0)), node("leaf", Some(1)), node("other", None)],
    })
}

async fn what_is_chosen_does_not_narrow_its_own_choices(index: &dyn Index) {
    let put = vec![
        with_facets(1, "leaf", "A", &["Red", "Blue"]),
        with_facets(2, "middle", "A", &["Red"]),
        with_facets(3, "other", "B", &["Blue"]),
        with_facets(4, "gone", "B", &[]),
    ];
    write(index, put, vec![], 1).await;
    let base = Query { tree: tree(), with_counts: true, ..query("") };
    let chosen = Query {
        brands: BTreeSet::from(["A".to_owned()]),
        attributes: BTreeMap::from([("Colour".to_owned(), BTreeSet::from(["Blue".to_owned()]))]),
        ..base.clone()
    };
    let hits = index.find(chosen.clone()).await.expect("an answer");
    let counts = hits.counts.expect("counts");
    assert_eq!(hits.total, 1);
    assert_eq!(numbers(&counts), "top 1, middle 1, leaf 1, other 0; A 1, B 1; Colour: Blue 1, Red 2; 1 in stock");
    for (category, expected) in
        [("top", vec![2, 1]), ("leaf", vec![1]), ("other", vec![3]), ("gone", vec![4]), ("no", vec![])]
    {
        let query = Query { category: Some(category.to_owned()), ..base.clone() };
        assert_eq!(found(index, query).await, expected, "{category}");
    }
    let either = BTreeSet::from(["Red".to_owned(), "Blue".to_owned()]);
    let query = Query { attributes: BTreeMap::from([("Colour".to_owned(), either)]), ..base };
    assert_eq!(found(index, query).await, [3, 2, 1]);
}

fn numbers(counts: &Counts) -> String {
    let nodes = tree();
    let join = |parts: Vec<String>| parts.join(", ");
    let of = |counted: &[services::search::index::Counted]| {
        let mut parts: Vec<String> = counted.iter().map(|one| format!("{} {}", one.value, one.count)).collect();
        parts.sort();
        join(parts)
    };
    let categories = nodes.nodes.iter().zip(&counts.categories).map(|(node, count)| format!("{} {count}", node.slug));
    let attributes = counts.attributes.iter().map(|one| format!("{}: {}", one.key, of(&one.values)));
    format!(
        "{}; {}; {}; {} in stock",
        join(categories.collect()),
        of(&counts.brands),
        join(attributes.collect()),
        counts.in_stock
    )
}

async fn labels_are_in_the_asked_language(index: &dyn Index) {
    let label = |value: Option<&str>, text: &str| Label {
        key: "Colour".to_owned(),
        value: value.map(ToOwned::to_owned),
        locale: "ko".to_owned(),
        text: text.to_owned(),
    };
    let mut red = with_facets(1, "leaf", "A", &["Red"]);
    red.labels = BTreeSet::from([label(None, "색상"), label(Some("Red"), "빨강")]);
    write(index, vec![red, with_facets(2, "leaf", "A", &["Blue"])], vec![], 1).await;
    for (locales, name, value) in [(["ko-KR", "ko"], Some("색상"), Some("빨강")), (["en-GB", "en"], None, None)] {
        let locales = locales.map(ToOwned::to_owned).to_vec();
        let hits = index.find(Query { locales, with_counts: true, ..query("") }).await.expect("an answer");
        let [attribute] = <[_; 1]>::try_from(hits.counts.expect("counts").attributes).expect("one attribute");
        assert_eq!((attribute.key.as_ref(), attribute.label.as_deref()), ("Colour", name));
        let red = attribute.values.iter().find(|counted| counted.value.as_ref() == "Red").expect("red ones");
        assert_eq!((red.label.as_deref(), red.count), (value, 1));
        assert!(attribute.values.iter().all(|counted| counted.value.as_ref() == "Red" || counted.label.is_none()));
    }
}

/// Too short to be mistyped: the measure knows no typos.
const WORDS: [&str; 8] = ["red", "cup", "tea", "oak", "ink", "가방", "가방끈", "pot"];
const SLUGS: [&str; 5] = ["top", "middle", "leaf", "other", "gone"];
const BRANDS: [&str; 3] = ["A", "B", "C"];
const KEYS: [&str; 3] = ["Colour", "Size", "Size 2"];
const VALUES: [&str; 4] = ["1", "2", "3", "4"];

fn random_entry(n: u64, dice: &mut Dice) -> Entry {
    let some: Vec<&str> = (0..=dice.below(3)).map(|_| dice.pick(&WORDS)).collect();
    let mut random = entry(n, &some.join(" "));
    random.rest = words(dice.pick(&WORDS));
    random.is_in_stock = dice.below(3) > 0;
    random.prices = match dice.below(6) {
        0 => BTreeMap::new(),
        _ => BTreeMap::from([(usd(), i64::try_from(dice.below(30) * 250).unwrap_or(0))]),
    };
    random.facets.insert(Facet::Brand(dice.pick(&BRANDS).to_owned()));
    for _ in 0..dice.below(3) {
        random.facets.insert(Facet::Category(dice.pick(&SLUGS).to_owned()));
    }
    for _ in 0..dice.below(5) {
        let (key, value) = (dice.pick(&KEYS).to_owned(), dice.pick(&VALUES).to_owned());
        random.facets.insert(Facet::Attribute { key, value });
    }
    random
}

fn random_query(dice: &mut Dice, tree: &Arc<Tree>) -> Query {
    let mut random = Query { tree: tree.clone(), with_counts: true, limit: 10, ..query("") };
    if dice.below(2) == 0 {
        let some: Vec<&str> = (0..=dice.below(2)).map(|_| dice.pick(&WORDS)).collect();
        random.words = query(&some.join(" ")).words;
        if dice.below(3) == 0 {
            random.words[0].categories.insert(dice.pick(&SLUGS).to_owned());
        }
    }
    random.currency = (dice.below(5) > 0).then(usd);
    random.category = (dice.below(3) == 0).then(|| dice.pick(&SLUGS).to_owned());
    for _ in 0..dice.below(3) {
        random.brands.insert(dice.pick(&BRANDS).to_owned());
    }
    for _ in 0..dice.below(3) {
        let (key, value) = (dice.pick(&KEYS).to_owned(), dice.pick(&VALUES).to_owned());
        random.attributes.entry(key).or_default().insert(value);
    }
    let mut bound = || (dice.below(4) == 0).then(|| i64::try_from(dice.below(30) * 250).unwrap_or(0));
    (random.price_min, random.price_max) = (bound(), bound());
    random.only_in_stock = dice.below(4) == 0;
    random.order = match dice.below(4) {
        0 => Order::Newest,
        1 => Order::Title,
        2 => Order::PriceAsc,
        _ => Order::PriceDesc,
    };
    random
}

fn in_order(mut hits: Hits) -> Hits {
    if let Some(counts) = &mut hits.counts {
        counts.brands.sort();
        counts.attributes.sort();
        counts.attributes.iter_mut().for_each(|attribute| attribute.values.sort());
    }
    hits
}

async fn everything_agrees_with_looking_at_every_entry(index: &dyn Index) {
    let (naive, dice) = (NaiveIndex::default(), &mut Dice::new(42));
    for round in 0..ENTRIES / 8 {
        let put: Vec<Entry> = (0..8).map(|n| random_entry(round * 8 + n, dice)).collect();
        // Some that were written before are written again, and some go.
        let again: Vec<Entry> = (0..3)
            .map(|_| {
                let n = dice.below(round * 8 + 1);
                random_entry(n, dice)
            })
            .collect();
        let gone: Vec<ProductId> = vec![product(dice.below(ENTRIES))];
        let all: BTreeMap<ProductId, Entry> =
            put.into_iter().chain(again).map(|entry| (entry.id.clone(), entry)).collect();
        let put: Vec<Entry> = all.into_values().filter(|entry| !gone.contains(&entry.id)).collect();
        write(&naive, put.clone(), gone.clone(), round + 1).await;
        write(index, put, gone, round + 1).await;
    }
    let tree = tree();
    for search in 0..SEARCHES {
        let mut query = random_query(dice, &tree);
        let (mut ours, mut theirs) = (query.clone(), query.clone());
        loop {
            let expected = in_order(naive.find(theirs.clone()).await.expect("an answer"));
            let actual = in_order(index.find(ours.clone()).await.expect("an answer"));
            assert_eq!(actual.ids, expected.ids, "{search}: {query:?}");
            assert_eq!((actual.total, actual.counts), (expected.total, expected.counts), "{search}: {query:?}");
            assert_eq!(actual.next.is_some(), expected.next.is_some(), "{search}: {query:?}");
            if expected.next.is_none() {
                break;
            }
            (ours.after, theirs.after) = (actual.next, expected.next);
        }
        query.order = Order::Relevance;
        let expected: BTreeSet<ProductId> = every(&naive, query.clone()).await;
        assert_eq!(every(index, query.clone()).await, expected, "{search}: {query:?}");
    }
}

async fn every(index: &dyn Index, mut query: Query) -> BTreeSet<ProductId> {
    let mut all = BTreeSet::new();
    loop {
        let hits = index.find(query.clone()).await.expect("an answer");
        let before = all.len() + hits.ids.len();
        all.extend(hits.ids);
        assert_eq!(all.len(), before, "each but once");
        query.after = hits.next;
        if query.after.is_none() {
            return all;
        }
    }
}
