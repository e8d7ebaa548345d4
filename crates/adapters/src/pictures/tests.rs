//! Pictures in, pictures out, read again by the same engine.

use image::{GenericImageView, Rgb, RgbImage, Rgba, RgbaImage};

use super::*;

fn photograph(width: u32, height: u32) -> DynamicImage {
    // The left half is red, the right one blue, so that a turn can be seen.
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |x, _| {
        if x < width / 2 { Rgb([220, 10, 10]) } else { Rgb([10, 10, 220]) }
    }))
}

fn logo(width: u32, height: u32) -> DynamicImage {
    let colour = |x, _| Rgba([10, 200, 10, if x < width / 2 { 0 } else { 255 }]);
    DynamicImage::ImageRgba8(RgbaImage::from_fn(width, height, colour))
}

fn encoded(picture: &DynamicImage, format: Format) -> Vec<u8> {
    encode(picture, format, 90, None).unwrap()
}

fn read(bytes: &[u8]) -> DynamicImage {
    image::load_from_memory(bytes).unwrap()
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

/// EXIF of one entry: how the picture is to be turned.
fn exif(orientation: u8) -> Vec<u8> {
    let head = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0";
    [&head[..], &[orientation], b"\0\0\0\0\0\0SECRET PLACE"].concat()
}

/// The JPEG with a segment after its first marker.
fn with_segment(jpeg: &[u8], marker: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, marker], &length, body, &jpeg[2..]].concat()
}

#[tokio::test]
async fn smaller_versions_are_made_of_what_is_larger() {
    let workshop = Workshop::start().unwrap();
    for format in [Format::Jpeg, Format::Png, Format::Webp] {
        let bytes = encoded(&photograph(1_500, 900), format);
        let prepared = workshop.prepare(bytes.into(), format).await.unwrap();
        assert_eq!((prepared.width, prepared.height), (1_500, 900));
        let widths: Vec<u32> = prepared.sizes.iter().map(|size| size.width).collect();
        assert_eq!(widths, [320, 640, 1_280], "{format:?}");
        for size in &prepared.sizes {
            assert_eq!(size.format, Format::Jpeg, "nothing shows through");
            assert_eq!(read(&size.bytes).width(), size.width);
        }
        assert_eq!(read(&prepared.sizes[1].bytes).height(), 384);
    }
    let small = workshop.prepare(encoded(&photograph(320, 10), Format::Png).into(), Format::Png).await.unwrap();
    assert!(small.sizes.is_empty(), "nothing is made larger or as large");
    let clear = workshop.prepare(encoded(&logo(700, 7), Format::Png).into(), Format::Png).await.unwrap();
    let formats: Vec<(u32, Format)> = clear.sizes.iter().map(|size| (size.width, size.format)).collect();
    assert_eq!(formats, [(320, Format::Png), (640, Format::Png)]);
    assert_eq!(read(&clear.sizes[0].bytes).get_pixel(0, 0).0[3], 0);
}

#[test]
fn pictures_are_stood_upright_and_tell_nothing_else() {
    let plain = encoded(&photograph(400, 200), Format::Jpeg);
    let turned = with_segment(&plain, 0xe1, &exif(6));
    let prepared = prepare(&turned, Format::Jpeg).unwrap();
    assert_eq!((prepared.width, prepared.height), (200, 400));
    let upright = read(&prepared.bytes);
    assert!(upright.get_pixel(100, 20).0[0] > 180, "what was left is above after a turn to the right");
    assert!(upright.get_pixel(100, 380).0[2] > 180);
    assert!(!contains(&prepared.bytes, b"SECRET"));

    let commented = with_segment(&with_segment(&plain, 0xfe, b"<script>alert(1)</script>"), 0xe1, &exif(1));
    let with_tail = [&commented[..], b"<html>SECRET</html>"].concat();
    let prepared = prepare(&with_tail, Format::Jpeg).unwrap();
    assert_eq!(prepared.bytes, plain, "the pixels stay as they came");

    let png = encoded(&photograph(10, 10), Format::Png);
    let text = b"\0\0\0\x0ctEXtSECRET PLACE\0\0\0\0";
    let with_text = [&png[..33], text, &png[33..], b"<html>"].concat();
    assert_eq!(prepare(&with_text, Format::Png).unwrap().bytes, png);

    let webp = encoded(&photograph(10, 10), Format::Webp);
    let mut with_exif = [&webp[..], b"EXIF\x06\0\0\0SECRET"].concat();
    let size = u32::try_from(with_exif.len() - 8).unwrap();
    with_exif[4..8].copy_from_slice(&size.to_le_bytes());
    let prepared = prepare(&[&with_exif[..], b"<html>"].concat(), Format::Webp).unwrap();
    assert_eq!(prepared.bytes, webp);
}

#[test]
fn what_only_looks_like_a_picture_is_refused() {
    let code = |bytes: &[u8], format| prepare(bytes, format).unwrap_err().fields[0].code.clone();
    assert_eq!(code(b"\xff\xd8\xff\xe0 jpeg?", Format::Jpeg), "unreadable_picture");
    assert_eq!(code(b"\x89PNG\r\n\x1a\n<html>", Format::Png), "unreadable_picture");
    assert_eq!(code(b"RIFF\x10\0\0\0WEBPVP8 ", Format::Webp), "unreadable_picture");
    let whole = encoded(&photograph(400, 400), Format::Png);
    assert_eq!(code(&whole[..whole.len() / 2], Format::Png), "unreadable_picture");
    // A head that promises more pixels than anybody has memory for.
    let mut bomb = encoded(&photograph(10, 10), Format::Png);
    bomb[16..24].copy_from_slice(&[0, 0, 0x2e, 0xe0, 0, 0, 0x2e, 0xe0]);
    let crc = crc32(&bomb[12..29]).to_be_bytes();
    bomb[29..33].copy_from_slice(&crc);
    assert_eq!(code(&bomb, Format::Png), "too_many_pixels");
}

/// As PNG has it.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    };
    !bytes.iter().fold(!0, step)
}
