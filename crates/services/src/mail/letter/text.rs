//! A mail as plain text, for those who read it so.
//! It does not decide what is said.

use super::super::one_line;
use super::page::{Block, Detail, Goods, Page, Sum, safe_url};

pub fn text(page: &Page) -> String {
    let mut parts = Vec::new();
    parts.extend(page.warning.as_deref().map(|warning| format!("*** {} ***", one_line(warning))));
    parts.push(one_line(&page.heading));
    parts.extend(page.blocks.iter().filter_map(block));
    let footer: Vec<String> = page.footer.iter().map(|line| one_line(line)).collect();
    parts.push(format!("-- \n{}", footer.join("\n")));
    let mut text = parts.join("\n\n");
    text.push('\n');
    text
}

fn block(block: &Block) -> Option<String> {
    match block {
        Block::Paragraph(text) => Some(one_line(text)),
        Block::Section { heading, lines } => {
            let lines = lines.iter().map(|line| one_line(line));
            Some(std::iter::once(one_line(heading)).chain(lines).collect::<Vec<_>>().join("\n"))
        }
        Block::Button { label, url } => Some(format!("{}:\n{}", one_line(label), safe_url(url)?)),
        Block::Goods(goods) => Some(goods.iter().map(line_of).collect::<Vec<_>>().join("\n")),
        Block::Sums(sums) => Some(sums.iter().map(sum).collect::<Vec<_>>().join("\n")),
        Block::Details(details) => Some(details.iter().map(detail).collect::<Vec<_>>().join("\n")),
    }
}

fn line_of(goods: &Goods) -> String {
    let mut line = format!("{} × {}", goods.quantity, one_line(&goods.title));
    if !goods.variant.is_empty() {
        line.push_str(&format!(" ({})", one_line(&goods.variant)));
    }
    if let Some(amount) = &goods.amount {
        line.push_str(&format!("  {amount}"));
    }
    line
}

fn sum(sum: &Sum) -> String {
    format!("{}: {}", one_line(&sum.label), sum.amount)
}

fn detail(detail: &Detail) -> String {
    let line = format!("{}: {}", one_line(&detail.label), one_line(&detail.value));
    match detail.url.as_deref().and_then(safe_url) {
        Some(url) => format!("{line}\n{url}"),
        None => line,
    }
}
