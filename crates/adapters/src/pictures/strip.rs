//! Takes out of a picture what is not the picture: places, cameras, comments, previews, and whatever hangs on behind it.
//! It does not look at pixels: they stay as they came, byte by byte.

use services::catalog::pictures::Format;

/// `None` where the file is not built as its kind is.
pub fn strip(bytes: &[u8], format: Format) -> Option<Vec<u8>> {
    match format {
        Format::Jpeg => strip_jpeg(bytes),
        Format::Png => strip_png(bytes),
        Format::Webp => strip_webp(bytes),
        Format::Svg => None,
    }
}

/// Keeps tables, frames, scans, the colour profile, and the two markers that say how colours are stored.
fn strip_jpeg(bytes: &[u8]) -> Option<Vec<u8>> {
    const START: u8 = 0xd8;
    const END: u8 = 0xd9;
    const SCAN: u8 = 0xda;
    let mut out = vec![0xff, START];
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        let marker = *bytes.get(at + 1)?;
        match marker {
            0xff => {
                at += 1;
                continue;
            }
            END => {
                out.extend([0xff, END]);
                return Some(out);
            }
            0x00 | 0x01 | 0xd0..=0xd8 => return None,
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes([*bytes.get(at + 2)?, *bytes.get(at + 3)?]));
        let segment = bytes.get(at..at + 2 + length)?;
        let body = segment.get(4..)?;
        let is_kept = match marker {
            0xe0 => body.starts_with(b"JFIF\0"),
            0xe2 => body.starts_with(b"ICC_PROFILE\0"),
            0xee => body.starts_with(b"Adobe"),
            0xe1..=0xef | 0xfe => false,
            _ => true,
        };
        if is_kept {
            out.extend_from_slice(segment);
        }
        at += segment.len();
        if marker == SCAN {
            let end = scan_end(bytes, at)?;
            out.extend_from_slice(bytes.get(at..end)?);
            at = end;
        }
    }
}

/// A scan goes on until a marker that is neither a stuffed byte nor a restart.
fn scan_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == 0xff)?;
        match *bytes.get(at + 1)? {
            0x00 | 0xd0..=0xd7 => at += 2,
            0xff => at += 1,
            _ => return Some(at),
        }
    }
}

/// Keeps what says how the pixels look.
fn strip_png(bytes: &[u8]) -> Option<Vec<u8>> {
    const KEPT: [&[u8; 4]; 11] =
        [b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"pHYs"];
    let mut out = bytes.get(..8)?.to_vec();
    let mut at = 8;
    loop {
        let length = u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?);
        let end = at.checked_add(12)?.checked_add(usize::try_from(length).ok()?)?;
        let chunk = bytes.get(at..end)?;
        let name: &[u8; 4] = chunk.get(4..8)?.try_into().ok()?;
        if KEPT.contains(&name) {
            out.extend_from_slice(chunk);
        }
        if name == b"IEND" {
            return Some(out);
        }
        at = end;
    }
}

/// Keeps the picture, its transparency, its frames and its profile.
fn strip_webp(bytes: &[u8]) -> Option<Vec<u8>> {
    const KEPT: [&[u8; 4]; 7] = [b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"];
    /// Of the flags in `VP8X`: that there are EXIF and XMP.
    const TELLS_MORE: u8 = 0b0000_1100;
    let size = usize::try_from(u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?)).ok()?;
    let all = bytes.get(..8 + size)?;
    let mut out = all.get(..12)?.to_vec();
    let mut at = 12;
    while at < all.len() {
        let length = usize::try_from(u32::from_le_bytes(all.get(at + 4..at + 8)?.try_into().ok()?)).ok()?;
        let end = (at + 8).checked_add(length)?.checked_add(length % 2)?;
        let chunk = all.get(at..end)?;
        let name: &[u8; 4] = chunk.get(..4)?.try_into().ok()?;
        if KEPT.contains(&name) {
            let begins = out.len();
            out.extend_from_slice(chunk);
            if name == b"VP8X" {
                *out.get_mut(begins + 8)? &= !TELLS_MORE;
            }
        }
        at = end;
    }
    let size = u32::try_from(out.len() - 8).ok()?;
    out[4..8].copy_from_slice(&size.to_le_bytes());
    Some(out)
}
