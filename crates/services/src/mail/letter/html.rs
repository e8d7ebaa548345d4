//! A mail as HTML: styles on the elements only, nothing from elsewhere, and colours that a dark screen may turn around.
//! It does not decide what is said. Markup can only come from texts of this program; everything else is escaped.

use super::page::{Block, Detail, Goods, Page, Sum, safe_url};

pub fn html(page: &Page) -> String {
    let mut html = Html::default();
    html.raw("<!doctype html>\n<html lang=\"").text(page.language).raw("\">\n<head>\n<meta charset=\"utf-8\">\n");
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    // Without colours of our own for text and ground, both follow the reader's screen.
    html.raw("<meta name=\"color-scheme\" content=\"light dark\">\n");
    html.raw("<meta name=\"supported-color-schemes\" content=\"light dark\">\n<title>");
    html.text(&page.subject).raw("</title>\n</head>\n");
    html.raw("<body style=\"margin:0;padding:0;font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,");
    html.raw("'Apple SD Gothic Neo','Noto Sans KR','Malgun Gothic',sans-serif;-webkit-text-size-adjust:100%\">\n");
    html.raw("<div style=\"display:none;max-height:0;overflow:hidden\">").text(&page.preview).raw("</div>\n");
    html.raw("<div style=\"max-width:560px;margin:0 auto;padding:32px 20px\">\n");
    html.raw("<p style=\"margin:0 0 24px;font-weight:600;letter-spacing:.02em\">").text(&page.shop).raw("</p>\n");
    if let Some(warning) = &page.warning {
        html.raw("<p style=\"margin:0 0 24px;padding:10px 14px;border:2px dashed #b45309\">").text(warning);
        html.raw("</p>\n");
    }
    html.raw("<h1 style=\"margin:0 0 16px;font-size:26px;line-height:1.25;font-weight:650\">").text(&page.heading);
    html.raw("</h1>\n");
    for block in &page.blocks {
        html.block(block);
    }
    html.raw(
        "<div style=\"margin-top:40px;padding-top:16px;border-top:1px solid #8884;font-size:13px;color:#767676\">\n",
    );
    for line in &page.footer {
        html.raw("<p style=\"margin:0 0 4px\">").text(line).raw("</p>\n");
    }
    html.raw("</div>\n</div>\n</body>\n</html>\n");
    html.0
}

#[derive(Default)]
struct Html(String);

impl Html {
    /// Markup: only what stands in this program's source.
    fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text, in an element or in a quoted attribute.
    fn text(&mut self, text: &str) -> &mut Self {
        for char in text.chars() {
            match char {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                char if char.is_control() && char != '\n' => self.0.push(' '),
                char => self.0.push(char),
            }
        }
        self
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Paragraph(text) => {
                self.raw("<p style=\"margin:0 0 16px\">").text(text).raw("</p>\n");
            }
            Block::Section { heading, lines } => self.section(heading, lines),
            Block::Button { label, url } => self.button(label, url),
            Block::Goods(goods) => self.goods(goods),
            Block::Sums(sums) => self.sums(sums),
            Block::Details(details) => self.details(details),
        }
    }

    fn section(&mut self, heading: &str, lines: &[String]) {
        self.raw("<h2 style=\"margin:28px 0 4px;font-size:13px;font-weight:600;color:#767676\">").text(heading);
        self.raw("</h2>\n<p style=\"margin:0 0 16px\">");
        for (index, line) in lines.iter().enumerate() {
            self.raw(if index == 0 { "" } else { "<br>\n" }).text(line);
        }
        self.raw("</p>\n");
    }

    fn button(&mut self, label: &str, url: &str) {
        let Some(url) = safe_url(url) else { return };
        self.raw("<p style=\"margin:24px 0\"><a href=\"").text(url);
        self.raw(
            "\" style=\"display:inline-block;padding:12px 22px;border-radius:8px;background:#1d4ed8;color:#ffffff;",
        );
        self.raw("font-weight:600;text-decoration:none\">").text(label).raw("</a></p>\n");
    }

    fn goods(&mut self, goods: &[Goods]) {
        self.raw("<table style=\"width:100%;margin:24px 0 0;border-collapse:collapse\">\n");
        for line in goods {
            self.raw("<tr><td style=\"padding:10px 12px 10px 0;border-top:1px solid #8884;vertical-align:top\">");
            self.text(&line.quantity.to_string()).raw(" × ").text(&line.title);
            if !line.variant.is_empty() {
                self.raw("<br><span style=\"font-size:14px;color:#767676\">").text(&line.variant).raw("</span>");
            }
            self.raw("</td>");
            if let Some(amount) = &line.amount {
                self.raw("<td style=\"padding:10px 0;border-top:1px solid #8884;text-align:right;vertical-align:top;");
                self.raw("white-space:nowrap\">").text(amount).raw("</td>");
            }
            self.raw("</tr>\n");
        }
        self.raw("</table>\n");
    }

    fn sums(&mut self, sums: &[Sum]) {
        self.raw("<table style=\"width:100%;margin:0 0 16px;border-collapse:collapse;border-top:1px solid #8884\">\n");
        for sum in sums {
            let (start, middle) = match sum.is_total {
                true => (
                    "<tr style=\"font-weight:650;font-size:18px\"><td style=\"padding:8px 0\">",
                    "</td><td style=\"padding:8px 0;text-align:right;white-space:nowrap\">",
                ),
                false => (
                    "<tr><td style=\"padding:4px 0\">",
                    "</td><td style=\"padding:4px 0;text-align:right;white-space:nowrap\">",
                ),
            };
            self.raw(start).text(&sum.label).raw(middle).text(&sum.amount).raw("</td></tr>\n");
        }
        self.raw("</table>\n");
    }

    fn details(&mut self, details: &[Detail]) {
        for detail in details {
            self.raw("<p style=\"margin:0 0 8px\"><span style=\"color:#767676\">").text(&detail.label);
            self.raw("</span><br>");
            match detail.url.as_deref().and_then(safe_url) {
                Some(url) => self.raw("<a href=\"").text(url).raw("\">").text(&detail.value).raw("</a>"),
                None => self.text(&detail.value),
            };
            self.raw("</p>\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::text;
    use super::*;

    const HOSTILE: &str = "<script>alert('x')</script>\"&";

    fn page() -> Page {
        let all = |text: &str| text.to_owned();
        Page {
            language: "en",
            subject: all(HOSTILE),
            preview: all(HOSTILE),
            shop: all(HOSTILE),
            warning: Some(all(HOSTILE)),
            heading: all(HOSTILE),
            blocks: vec![
                Block::Paragraph(all(HOSTILE)),
                Block::Section { heading: all(HOSTILE), lines: vec![all(HOSTILE)] },
                Block::Button { label: all(HOSTILE), url: "javascript:alert(1)".to_owned() },
                Block::Button { label: all("Go"), url: "https://shop.example/o?a=1&b=2".to_owned() },
                Block::Goods(vec![Goods {
                    title: all(HOSTILE),
                    variant: all(HOSTILE),
                    quantity: 1,
                    amount: Some(all(HOSTILE)),
                }]),
                Block::Sums(vec![Sum { label: all(HOSTILE), amount: all(HOSTILE), is_total: true }]),
                Block::Details(vec![Detail {
                    label: all(HOSTILE),
                    value: all(HOSTILE),
                    url: Some("https://x.example/\" onclick=\"alert(1)".to_owned()),
                }]),
            ],
            footer: vec![all(HOSTILE)],
        }
    }

    #[test]
    fn nothing_that_was_typed_becomes_markup() {
        let html = html(&page());
        for bad in ["<script", "javascript:", "onclick"] {
            assert!(!html.contains(bad), "{bad}: {html}");
        }
        assert!(html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;"));
        assert!(html.contains("href=\"https://shop.example/o?a=1&amp;b=2\""));
    }

    #[test]
    fn nothing_comes_from_elsewhere_and_styles_stay_on_elements() {
        let html = html(&page());
        for bad in ["<img", "<link", "<style", "src=", "url("] {
            assert!(!html.contains(bad), "{bad}");
        }
    }

    #[test]
    fn the_text_says_the_same_and_each_thing_on_its_own_line() {
        let mut page = page();
        page.heading = "one\nBcc: two".to_owned();
        let text = text(&page);
        assert!(text.contains("one Bcc: two\n"), "{text}");
        assert!(text.contains("Go:\nhttps://shop.example/o?a=1&b=2"));
        assert!(!text.contains("javascript:") && !text.contains("onclick"));
        assert!(text.contains("\n-- \n"));
    }
}
