//! Pictures of pages.
//! It does not know where they are kept.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Browser;

/// Chromium draws no taller picture in one piece.
const HEIGHT_LIMIT_PX: f64 = 16_000.0;

impl Browser {
    /// What is seen at once, as PNG.
    pub async fn picture(&self) -> Vec<u8> {
        self.settle().await;
        self.capture(json!({"format": "png"})).await
    }

    /// The page from top to bottom, as PNG.
    pub async fn whole_picture(&self) -> Vec<u8> {
        self.settle().await;
        let metrics = self.devtools("Page.getLayoutMetrics", json!({})).await;
        let length = |side: &str| metrics["cssContentSize"][side].as_f64().unwrap_or_default();
        let (width, height) = (length("width"), length("height").min(HEIGHT_LIMIT_PX));
        let clip = json!({"x": 0, "y": 0, "width": width, "height": height, "scale": 1});
        self.capture(json!({"format": "png", "captureBeyondViewport": true, "clip": clip})).await
    }

    async fn capture(&self, how: Value) -> Vec<u8> {
        let captured = self.devtools("Page.captureScreenshot", how).await;
        let picture = STANDARD.decode(captured["data"].as_str().unwrap_or_default());
        picture.expect("a picture as base64")
    }

    /// Waits for fonts and for every image of the page, also for those further down.
    async fn settle(&self) {
        const SETTLE: &str = "const done = arguments[arguments.length - 1];
            for (const image of document.images) image.loading = 'eager';
            Promise.all([document.fonts.ready, ...[...document.images].map((image) => image.decode().catch(() => {}))])
                .then(() => done(true))";
        self.ask_slowly(SETTLE, &[]).await;
    }
}
