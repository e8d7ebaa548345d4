//! What a mail says, before it is text or HTML: both are made from this, so that they say the same.
//! It does not know orders.

/// A mail as it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// BCP 47.
    pub language: &'static str,
    pub subject: String,
    /// The line that mail programs show beside the subject.
    pub preview: String,
    pub shop: String,
    /// Above everything: that no money moves.
    pub warning: Option<String>,
    pub heading: String,
    pub blocks: Vec<Block>,
    /// Who writes, and why.
    pub footer: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    Paragraph(String),
    /// A heading of its own and what stands below it, line by line.
    Section {
        heading: String,
        lines: Vec<String>,
    },
    Button {
        label: String,
        url: String,
    },
    Goods(Vec<Goods>),
    Sums(Vec<Sum>),
    Details(Vec<Detail>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goods {
    pub title: String,
    /// Such as `Large / Blue`; may be empty.
    pub variant: String,
    pub quantity: i64,
    pub amount: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    pub label: String,
    pub amount: String,
    pub is_total: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    pub label: String,
    pub value: String,
    pub url: Option<String>,
}

/// An address that may be a link in a mail: of a page, and nothing that runs.
pub fn safe_url(url: &str) -> Option<&str> {
    let is_page = url.starts_with("https://") || url.starts_with("http://");
    let is_plain = !url.chars().any(|char| char.is_control() || char.is_whitespace() || "\"'<>`\\".contains(char));
    (is_page && is_plain).then_some(url)
}
