//! A list as a CSV file (RFC 4180) that spreadsheets open well, a page of rows at a time.
//! It does not know columns. No cell becomes a formula in a spreadsheet: what looks like one begins with an apostrophe.

use std::future::Future;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use contracts::{Error, Listing};
use futures::{Stream, StreamExt, TryStreamExt, stream};

/// Rows that are asked for at a time.
pub const ROWS_AT_A_TIME: usize = 100;
/// Without it, spreadsheets read Hangul as something else.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The answer that a browser saves as `name`, plain ASCII. A list that fails on its way ends the download as broken.
pub fn download(
    name: &str,
    header: &[&str],
    rows: impl Stream<Item = Result<Vec<String>, Error>> + Send + 'static,
) -> Response {
    let head = format!("{BYTE_ORDER_MARK}{}", line(header.iter().copied()));
    let rows = rows.map_ok(|row| line(row.iter().map(String::as_str)));
    let body = Body::from_stream(stream::iter([Ok(head)]).chain(rows));
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8")),
        (header::CONTENT_DISPOSITION, disposition.unwrap_or(HeaderValue::from_static("attachment"))),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, body).into_response()
}

/// Everything that a list holds: `fetch` is asked for one page after the other, each with the cursor of the one before.
pub fn all<T, F, Fut>(fetch: F) -> impl Stream<Item = Result<T, Error>> + Send
where
    T: Send + 'static,
    F: Fn(Option<String>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Listing<T>, Error>> + Send,
{
    let pages = stream::try_unfold((fetch, Some(None)), |(fetch, cursor)| async move {
        let Some(cursor) = cursor else { return Ok::<_, Error>(None) };
        let Listing { items, next_cursor } = fetch(cursor).await?;
        Ok(Some((stream::iter(items.into_iter().map(Ok)), (fetch, next_cursor.map(Some)))))
    });
    pages.try_flatten()
}

fn line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let cells: Vec<String> = cells.map(cell).collect();
    cells.join(",") + "\r\n"
}

fn cell(text: &str) -> String {
    let is_number = text.parse::<f64>().is_ok_and(f64::is_finite);
    let is_formula = !is_number && text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    match text.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        let cells = ["plain", "a,b", "say \"hi\"", "two\nlines", "=1+1", "@SUM(A1)", "+1 (2)", "-5", "-a", "+8210"];
        assert_eq!(
            line(cells.into_iter()),
            "plain,\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",'=1+1,'@SUM(A1),'+1 (2),-5,'-a,+8210\r\n"
        );
    }

    #[tokio::test]
    async fn every_page_is_fetched() {
        let fetch = |cursor: Option<String>| async move {
            let page: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
            Ok(Listing { items: vec![page * 2, page * 2 + 1], next_cursor: (page < 2).then(|| (page + 1).to_string()) })
        };
        let items: Vec<usize> = all(fetch).try_collect().await.unwrap();
        assert_eq!(items, [0, 1, 2, 3, 4, 5]);
    }
}
