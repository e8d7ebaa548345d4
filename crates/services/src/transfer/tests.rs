//! Rows in, a product out: what each column does to a new product and to one that is there.

use contracts::transfer::{RowProblem, Severity};
use domain::catalog::{ImageInput, ProductInput, Status};
use domain::money::Currency;
use domain::stock::Policy;
use domain::text::Slug;

use super::columns::Header;
use super::records::Record;
use super::sheet::{Sheet, SheetReader};

fn fields(row: &str) -> Vec<String> {
    row.split('|').map(|field| field.trim().to_owned()).collect()
}

/// Rows with `|` between their fields, the header first; what they come to, and what was wrong.
fn read(currency: &str, rows: &[&str]) -> (Option<Sheet>, Vec<RowProblem>) {
    let header = Header::read(fields(rows[0])).unwrap();
    let records: Vec<Record> =
        (2..).zip(&rows[1..]).map(|(line, row)| Record { line, fields: Some(fields(row)) }).collect();
    let currency = Currency::parse(currency).unwrap();
    let mut reader = SheetReader { header: &header, currency, problems: Vec::new() };
    let sheet = reader.read(Slug::parse("tea").unwrap(), &records);
    (sheet, reader.problems)
}

fn sheet(rows: &[&str]) -> Sheet {
    let (sheet, problems) = read("USD", rows);
    assert_eq!(problems, []);
    sheet.unwrap()
}

/// `line code`
fn told(problems: &[RowProblem]) -> Vec<String> {
    problems.iter().map(|problem| format!("{} {}", problem.line, problem.code)).collect()
}

#[test]
fn prices_are_exact_or_wrong() {
    let price = |currency: &str, text: &str| {
        let (sheet, problems) = read(currency, &["Handle|Title|Variant Price", &format!("tea|Tea|{text}")]);
        sheet.map(|sheet| sheet.variants[0].prices[0].amount).ok_or_else(|| problems[0].code.clone())
    };
    for (currency, text, amount) in [
        ("USD", "12.5", 1_250),
        ("USD", "12.500", 1_250),
        ("KRW", "32000.00", 32_000),
        ("KWD", "1.250", 1_250),
        ("EUR", "9,99", 999),
    ] {
        assert_eq!(price(currency, text), Ok(amount), "{text} {currency}");
    }
    for (currency, text) in
        [("USD", "12.555"), ("KRW", "1.5"), ("USD", "$5"), ("USD", "1,234.50"), ("USD", "1e3"), ("USD", "NaN")]
    {
        assert_eq!(price(currency, text), Err("invalid_price".to_owned()), "{text} {currency}");
    }
    assert_eq!(price("USD", "-1"), Err("negative".to_owned()));
    let rows = ["Handle|Title|Variant Price|Price / EUR|Price / USD|Compare At Price / EUR", "tea|Tea|1|2|3|0"];
    let variant = &sheet(&rows).variants[0];
    let amounts: Vec<(i64, &str)> =
        variant.prices.iter().map(|price| (price.amount, price.currency.as_str())).collect();
    assert_eq!(amounts, [(200, "EUR"), (300, "USD")]);
    assert_eq!(variant.compare_at.values().copied().collect::<Vec<_>>(), [None]);
}

#[test]
fn a_bad_row_leaves_the_others() {
    let header = "Handle|Title|Option1 Name|Option1 Value|Variant SKU|Variant Price|Variant Inventory Qty|Variant Barcode|Status";
    let rows = [
        header,
        "tea|Tea|Size|S|T-S|1|||active",
        "tea|||M|T-M|x||",
        "tea|||S|T-S2|1||",
        "tea||||T-N|1||",
        "tea|||L|T-L|1|many|",
        "tea|||XL|T-XL|1|7|123|",
    ];
    let (sheet, problems) = read("USD", &rows);
    let sheet = sheet.unwrap();
    let skus: Vec<&str> = sheet.variants.iter().map(|variant| variant.sku.as_str()).collect();
    assert_eq!(skus, ["T-S", "T-XL"]);
    assert_eq!(sheet.options, [("Size".to_owned(), vec!["S".to_owned(), "XL".to_owned()])]);
    assert_eq!(
        told(&problems),
        ["3 invalid_price", "4 duplicate_options", "5 missing_option", "6 invalid_quantity", "7 invalid_gtin"]
    );
    assert_eq!(problems[4].severity, Severity::Warning);
    let (sheet, problems) = read("USD", &[header, "tea|Tea|Size|S|T-S|1|||gone"]);
    assert_eq!((sheet, told(&problems)), (None, vec!["2 unknown_status".to_owned()]));
}

#[test]
fn what_is_hidden_is_a_draft_and_what_nobody_counts_is_untracked() {
    let status = |published: &str, status: &str| {
        sheet(&["Handle|Title|Published|Status", &format!("tea|Tea|{published}|{status}")]).status
    };
    assert_eq!(status("TRUE", "active"), Some(Status::Active));
    assert_eq!(status("FALSE", "active"), Some(Status::Draft));
    assert_eq!(status("FALSE", ""), Some(Status::Draft));
    assert_eq!(status("FALSE", "archived"), Some(Status::Archived));
    assert_eq!(status("", ""), None);
    let policy = |tracker: &str, quantity: &str, policy: &str| {
        let header = "Handle|Title|Variant Inventory Tracker|Variant Inventory Qty|Variant Inventory Policy";
        sheet(&[header, &format!("tea|Tea|{tracker}|{quantity}|{policy}")]).variants[0].policy
    };
    assert_eq!(policy("shopify", "1", "deny"), Some(Policy::Reserve));
    assert_eq!(policy("shopify", "1", "continue"), Some(Policy::TrackOnly));
    assert_eq!(policy("", "", "deny"), Some(Policy::Untracked));
    assert_eq!(policy("", "1", "deny"), Some(Policy::Reserve));
}

#[test]
fn a_variant_without_a_sku_gets_the_same_one_every_time() {
    let rows = ["Handle|Title|Option1 Name|Option1 Value|Variant Price", "tea|Tea|Size|50 g|1", "tea|||100 g|2"];
    let sheet = sheet(&rows);
    let skus: Vec<&str> = sheet.variants.iter().map(|variant| variant.sku.as_str()).collect();
    assert_eq!(skus, ["tea-50-g", "tea-100-g"]);
}

#[test]
fn pictures_are_known_by_where_they_came_from() {
    let rows = [
        "Handle|Title|Variant SKU|Image Src|Image Position|Image Alt Text|Variant Image",
        "tea|Tea|TEA|https://x.example/b.jpg|2|B|https://x.example/a.jpg",
        "tea|||https://x.example/a.jpg|1|A|",
        "tea|||https://x.example/a.jpg|3|again|",
    ];
    let sheet = sheet(&rows);
    let new = sheet.onto(None, None);
    let kept: Vec<(&str, usize)> = new.image_urls.iter().map(|kept| (kept.url.as_str(), kept.skus.len())).collect();
    assert_eq!(kept, [("https://x.example/a.jpg", 1), ("https://x.example/b.jpg", 0)]);

    let media = "med_00000000000000000000000001".to_owned();
    let fetched = ProductInput {
        images: vec![ImageInput {
            media: media.clone(),
            alt: None,
            source: Some("https://x.example/a.jpg".to_owned()),
        }],
        image_urls: vec![new.image_urls[1].clone()],
        ..new
    };
    let content = content(&fetched);
    let again = sheet.onto(Some(&content), None);
    assert_eq!(again.images[0].alt.as_deref(), Some("A"));
    assert_eq!(again.variants[0].image, Some(media));
    assert_eq!(again.image_urls.len(), 1);
}

#[test]
fn what_the_file_does_not_tell_stays() {
    let first = sheet(&[
        "Handle|Title|Vendor|Body|Tags|Variant SKU|Variant Price|Variant Compare At Price",
        "tea|Tea|Lamp|<p>Good</p>|t|TEA|1|2",
    ]);
    let before = content(&first.onto(None, Some(&Slug::parse("teas").unwrap())));
    let second =
        sheet(&["Handle|Title|Vendor|Body|Tags|Variant SKU|Price / EUR|Variant Compare At Price", "tea|||||TEA|7|"]);
    let after = second.onto(Some(&before), None);
    assert_eq!((after.title.as_str(), after.brand.as_deref()), ("Tea", Some("Lamp")));
    assert_eq!(after.description_html.as_deref(), Some("<p>Good</p>"));
    assert_eq!(after.categories, ["teas"]);
    let amounts: Vec<i64> = after.variants[0].prices.iter().map(|price| price.amount).collect();
    assert_eq!((amounts, after.variants[0].compare_at_prices.len()), (vec![100, 700], 0), "a sale has ended");
    let unsaid = sheet(&["Handle|Title|Variant SKU|Variant Price", "tea|Tea|TEA|1"]);
    assert_eq!(unsaid.onto(Some(&before), None), ProductInput::from(&before));
}

/// The product that this input makes.
fn content(input: &ProductInput) -> domain::catalog::Content {
    let draft = input.validate().unwrap();
    let ids: Vec<_> = (1..9).map(|n| domain::ids::VariantId::from_bytes([n; 16])).collect();
    let id = domain::ids::ProductId::from_bytes([1; 16]);
    let facts = domain::catalog::create(&Default::default(), id, &draft, &ids).unwrap();
    let mut state = domain::catalog::State::default();
    facts.iter().for_each(|fact| state.apply(fact, jiff::Timestamp::UNIX_EPOCH));
    state.into_product().unwrap().content
}
