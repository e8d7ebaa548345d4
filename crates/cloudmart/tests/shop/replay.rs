//! A real retailer's orders, sold once more.

use std::path::PathBuf;

use testkit::mart::{Mart, Output, Plan};

use crate::CLOUDMART;

/// What the lines come to, counted here.
#[derive(Debug, Default)]
struct Expected {
    orders: Vec<String>,
    lines: i64,
    units: i64,
    pence: i64,
    skipped: usize,
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data/online-retail.csv")
}

fn counted(text: &str) -> Expected {
    let mut expected = Expected::default();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(';').collect();
        // Descriptions may hold a semicolon between quotes; none of these lines does.
        assert_eq!(fields.len(), 8, "{line}");
        let units: i64 = fields[3].parse().expect("a quantity");
        let price = fields[5].replace(',', ".").parse::<f64>().expect("a price");
        #[expect(clippy::cast_possible_truncation, reason = "pence of one line")]
        let pence = (price * 100.0).round() as i64;
        if units <= 0 || pence <= 0 || fields[0].starts_with('C') {
            expected.skipped += 1;
            continue;
        }
        if !expected.orders.iter().any(|known| known == fields[0]) {
            expected.orders.push(fields[0].to_owned());
        }
        expected.lines += 1;
        expected.units += units;
        expected.pence += units * pence;
    }
    expected
}

/// Digits with what people put between thousands.
fn tells(output: &Output, number: i64) -> bool {
    let plain = number.to_string();
    let text: String = output.text().chars().filter(|letter| !",_ '\u{202f}".contains(*letter)).collect();
    text.contains(&plain)
}

#[tokio::test]
async fn a_real_retailers_orders_are_sold_once() {
    let mart = Mart::start(Plan::empty(CLOUDMART)).await;
    let text = std::fs::read_to_string(file()).expect("the retailer's file");
    let expected = counted(&text);
    assert_eq!((expected.orders.len(), expected.lines, expected.units), (424, 9_854, 90_121));
    assert_eq!((expected.pence, expected.skipped), (18_424_833, 146));
    let (path, url) = (file().to_string_lossy().into_owned(), mart.url(""));
    let replay = ["replay", path.as_str(), "--url", &url];

    let told = mart.command(&replay).await;
    assert!(told.status.success(), "{told}{}", mart.log());
    let count = i64::try_from(expected.orders.len()).expect("a count");
    let skipped = i64::try_from(expected.skipped).expect("a count");
    for number in [count, expected.lines, expected.units, skipped] {
        assert!(tells(&told, number), "{number} of {expected:?} in {told}");
    }
    let pounds = format!("{}.{:02}", expected.pence / 100, expected.pence % 100);
    assert!(told.text().replace(',', "").contains(&pounds), "{pounds} in {told}");

    let orders = mart.staff_list("/api/admin/orders?status=confirmed").await;
    assert_eq!(orders.len(), expected.orders.len());
    let total: i64 = orders.iter().filter_map(|order| order["total"].as_i64()).sum();
    assert_eq!(total, expected.pence);
    assert!(
        orders.iter().all(|order| order["currency"] == "GBP" && order["payment_status"] == "captured"),
        "{:?}",
        orders[0]
    );
    assert!(orders.iter().all(|order| order["placed_at"].as_str().is_some_and(|at| at.starts_with("2010-12-"))));
    let stock = mart.staff_list("/api/admin/stock").await;
    assert_eq!(stock.len(), 1_990, "codes are told apart by case");

    let again = mart.command(&replay).await;
    assert!(again.status.success(), "{again}");
    // To the last instant of change: a second replay does nothing at all.
    assert_eq!(mart.staff_list("/api/admin/orders?status=confirmed").await, orders);
    assert_eq!(mart.staff_list("/api/admin/stock").await, stock);
    mart.doctor().await;
}
