//! Mail as it travels: letters as MIME messages, by SMTP or into a folder.
//! It does not know orders, nor when a letter is tried again.

mod folder;
mod message;
mod smtp;

pub use folder::MailFolder;
pub use smtp::{OpenError, Server, Smtp, Tls};

/// For tests: a letter about an order.
#[cfg(test)]
fn letter(id: &str) -> services::mail::Letter {
    use contracts::mail::MailKind;
    use domain::text::Email;
    use services::mail::{Correspondent, Letter};

    let who = |name: &str, address: &str| Correspondent {
        name: Some(name.to_owned()),
        address: Email::parse(address).unwrap(),
    };
    Letter {
        id: id.to_owned(),
        kind: MailKind::Placed,
        order_number: Some("7K3M9QXZ".to_owned()),
        written_at: "2026-11-27T08:00:00Z".parse().unwrap(),
        language: "ko",
        from: who("Low Lamp", "hello@shop.example"),
        to: who("김보기", "ada@personal.example"),
        reply_to: Some(Email::parse("answers@shop.example").unwrap()),
        subject: "주문이 확인되었습니다".to_owned(),
        text: "감사합니다\n".to_owned(),
        html: "<p>감사합니다</p>\n".to_owned(),
    }
}
