//! What a shop told its callers, read from what it sent: each order as it was acknowledged, and at which instant.
//! It does not ask the shop; a trace has it all.

use std::collections::BTreeMap;

use serde_json::Value;

use super::trace::{Trace, What};

/// An order as somebody was told that it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub number: String,
    pub status: String,
    pub lines: Vec<Vec<Value>>,
    pub totals: Value,
    pub captured: i64,
    pub refunded: i64,
    pub parcels: usize,
    pub erased: bool,
}

impl Told {
    /// None, where it is no order.
    pub fn of(body: &Value) -> Option<(String, Self)> {
        let id = body["id"].as_str().filter(|id| id.starts_with("ord_"))?;
        let text = |member: &str| body[member].as_str().map(ToOwned::to_owned);
        let told = Self {
            number: text("number")?,
            status: text("status")?,
            lines: bought(&body["lines"]),
            totals: body["totals"].clone(),
            captured: body["payment"]["captured"].as_i64()?,
            refunded: body["payment"]["refunded"].as_i64()?,
            parcels: body["shipments"].as_array()?.len(),
            erased: body["erased"].as_bool()?,
        };
        Some((id.to_owned(), told))
    }

    /// What is wrong with an order that is `now` so, after it was told to be as this says.
    pub fn contradiction(&self, now: &Self) -> Option<String> {
        let same = (&self.number, &self.lines, &self.totals) == (&now.number, &now.lines, &now.totals);
        let has_all = now.captured >= self.captured && now.refunded >= self.refunded && now.parcels >= self.parcels;
        let went_back = match self.status.as_str() {
            "confirmed" => now.status == "pending",
            "cancelled" | "completed" => now.status != self.status,
            _ => false,
        };
        let is_fine = same && has_all && !went_back && now.erased >= self.erased;
        (!is_fine).then(|| format!("was told to be {self:?} and is {now:?}"))
    }
}

/// SKU, quantity, price and sum of each line; what was shipped and refunded changes.
pub fn bought(lines: &Value) -> Vec<Vec<Value>> {
    let of = |line: &Value| ["sku", "quantity", "unit_price", "total"].map(|member| line[member].clone()).to_vec();
    lines.as_array().into_iter().flatten().map(of).collect()
}

/// Every answer that told of an order: the line of the trace at which it was about to be sent, the order's id, and what it told.
pub fn answers(trace: &Trace) -> Vec<(usize, String, Told)> {
    let mut answers = Vec::new();
    for call in &trace.calls {
        let What::Write { bytes, at: None, .. } = &call.what else { continue };
        if !bytes.starts_with(b"HTTP/1.1 20") {
            continue;
        }
        let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let body: Value = serde_json::from_slice(&bytes[head + 4..]).unwrap_or(Value::Null);
        answers.extend(Told::of(&body).map(|(id, told)| (call.entered, id, told)));
    }
    answers
}

/// The last word on each order before an instant.
pub fn told_before(answers: &[(usize, String, Told)], line: usize) -> BTreeMap<&str, &Told> {
    let before = answers.iter().filter(|(at, ..)| *at < line);
    before.map(|(_, id, told)| (id.as_str(), told)).collect()
}
