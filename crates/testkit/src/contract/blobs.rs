//! What every place for blobs must keep.

use bytes::Bytes;
use platform::blobs::Blobs;

/// Needs a place that is empty.
pub async fn all(blobs: &dyn Blobs) {
    bytes_come_back(blobs).await;
    a_name_keeps_its_first_bytes(blobs).await;
    what_is_deleted_is_gone(blobs).await;
}

async fn bytes_come_back(blobs: &dyn Blobs) {
    let large: Bytes = (0..300_000u32).map(|n| (n % 251) as u8).collect();
    for (name, bytes) in [("empty", Bytes::new()), ("a-b_c.0123.webp", Bytes::from_static(b"\0\xff")), ("large", large)]
    {
        assert_eq!(blobs.get(name).await.expect("an answer"), None);
        blobs.put(name, bytes.clone()).await.expect("a blob is stored");
        assert_eq!(blobs.get(name).await.expect("an answer"), Some(bytes));
    }
}

async fn a_name_keeps_its_first_bytes(blobs: &dyn Blobs) {
    for bytes in ["first", "second"] {
        blobs.put("kept", Bytes::from_static(bytes.as_bytes())).await.expect("a blob is stored");
    }
    assert_eq!(blobs.get("kept").await.expect("an answer").as_deref(), Some(&b"first"[..]));
}

async fn what_is_deleted_is_gone(blobs: &dyn Blobs) {
    blobs.put("gone", Bytes::from_static(b"x")).await.expect("a blob is stored");
    for _ in 0..2 {
        blobs.delete("gone").await.expect("deleting what is not there is no error");
        assert_eq!(blobs.get("gone").await.expect("an answer"), None);
    }
}
