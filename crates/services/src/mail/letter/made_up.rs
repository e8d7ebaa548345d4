//! An order that nobody placed, to show staff how mails read.
//! It does not know the catalogue.

use contracts::orders::{
    AddressBody, BuyerView, LineQuantityBody, LineView, OrderView, PaymentView, RefundView, ShipmentView, ShippingView,
    TotalView,
};
use domain::ids::{LineId, OrderId, RefundId, ShipmentId};
use domain::locale::Locale;
use domain::money::Currency;
use domain::settings::Settings;
use jiff::Timestamp;

use super::words::Tongue;

/// Two lines, shipped and partly refunded, so that every kind of mail has something to tell.
pub fn order(settings: &Settings, locale: Option<&Locale>, now: Timestamp) -> OrderView {
    let locale = locale.unwrap_or(&settings.default_locale);
    let tongue = Tongue::of(locale);
    let currency = settings.default_currency();
    let unit = currency.map_or(100, Currency::scale);
    let line = |n: u8, title: (&str, &str), variant: (&str, &str), quantity: u32, price: i64| LineView {
        id: LineId::from_bytes([n; 16]).to_string(),
        sku: format!("SAMPLE-{n}"),
        title: tongue.either(title.0, title.1).to_owned(),
        variant: tongue.either(variant.0, variant.1).to_owned(),
        quantity,
        unit_price: price,
        discount: 0,
        tax: 0,
        total: price * i64::from(quantity),
        shipped: quantity,
        refunded: 0,
    };
    let lines = vec![
        line(1, ("Stoneware mug", "도자기 머그잔"), ("Large / Blue", "라지 / 블루"), 2, 18 * unit),
        line(2, ("Linen napkin", "리넨 냅킨"), ("", ""), 1, 9 * unit),
    ];
    let subtotal: i64 = lines.iter().map(|line| line.total).sum();
    let shipping = 5 * unit;
    let total = |kind: &str, amount: i64| TotalView { kind: kind.to_owned(), amount, display_text: None };
    let method = settings.payment_methods.first();
    let provider = method.map_or("test", |method| method.provider.as_str()).to_owned();
    let shipped =
        lines.iter().map(|line| LineQuantityBody { line: line.id.clone(), quantity: i64::from(line.quantity) });
    let at = now.to_string();
    OrderView {
        id: OrderId::from_bytes([0; 16]).to_string(),
        number: "0SAMP1E0".to_owned(),
        status: "confirmed".to_owned(),
        payment_status: "captured".to_owned(),
        fulfillment_status: "shipped".to_owned(),
        test: false,
        channel: "storefront".to_owned(),
        market: "main".to_owned(),
        currency: currency.map_or("USD", Currency::code).to_owned(),
        locale: Some(locale.as_str().to_owned()),
        totals: vec![total("subtotal", subtotal), total("fulfillment", shipping), total("total", subtotal + shipping)],
        tax_included: 0,
        buyer: Some(BuyerView {
            email: Some("buyer@example.com".to_owned()),
            name: Some(tongue.either("Sam Sample", "김보기").to_owned()),
            phone: None,
        }),
        shipping_address: Some(address(tongue)),
        shipping_method: settings.shipping_methods.first().map(|method| ShippingView {
            id: method.id.as_str().to_owned(),
            name: method.name_in(locale).as_str().to_owned(),
        }),
        payment: PaymentView {
            provider,
            test: false,
            amount: subtotal + shipping,
            authorized: subtotal + shipping,
            captured: subtotal + shipping,
            refunded: 0,
        },
        shipments: vec![ShipmentView {
            id: ShipmentId::from_bytes([3; 16]).to_string(),
            lines: shipped.collect(),
            carrier: Some(tongue.either("Parcel Post", "우체국택배").to_owned()),
            tracking_number: Some("1234567890123".to_owned()),
            tracking_url: None,
            shipped_at: at.clone(),
            delivered_at: None,
        }],
        lines,
        refunds: vec![RefundView {
            id: RefundId::from_bytes([4; 16]).to_string(),
            amount: 9 * unit,
            status: "done".to_owned(),
            reason: None,
            failure: None,
            requested_at: at.clone(),
        }],
        note: None,
        staff_notes: Vec::new(),
        next_action: None,
        shortages: Vec::new(),
        cancellation: None,
        process: None,
        erased: false,
        placed_at: at.clone(),
        recorded_at: at.clone(),
        updated_at: at,
        access_token: None,
    }
}

fn address(tongue: Tongue) -> AddressBody {
    let text = |english: &str, korean: &str| Some(tongue.either(english, korean).to_owned());
    AddressBody {
        name: text("Sam Sample", "김보기"),
        line1: text("1 Example Street", "예시로 1"),
        line2: text("Apartment 2", "2동 303호"),
        city: text("Springfield", "중구"),
        region: text("IL", "서울특별시"),
        postal_code: text("62701", "04524"),
        country: text("US", "KR"),
        phone: None,
    }
}
