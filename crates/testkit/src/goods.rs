//! Files of made-up products, as many as are wanted, in Shopify's columns.
//! They are the same for the same number, and no shop has ever sold them.

use std::io::{self, Cursor, Write};

use image::{ImageFormat, Rgb, RgbImage};

const COLUMNS: &str = "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,\
    Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,\
    Variant Compare At Price,Image Src,Image Alt Text,Status";
const COLOURS: [&str; 10] = ["Black", "White", "Red", "Blue", "Green", "Grey", "Sand", "Rust", "Sea", "Plum"];
const STUFFS: [&str; 8] = ["oak", "linen", "steel", "wool", "glass", "cork", "clay", "brass"];
const THINGS: [&str; 12] =
    ["Lamp", "Chair", "Bowl", "Blanket", "Clock", "Mirror", "Shelf", "Vase", "Kettle", "Basket", "Stool", "Tray"];
const SIZES: [&str; 3] = ["Small", "Medium", "Large"];

/// Writes a file of so many products with one to three variants each. Answers how many rows that are, without the header.
///
/// # Errors
/// When it cannot be written.
pub fn write_csv(products: u32, into: &mut impl Write) -> io::Result<u64> {
    writeln!(into, "{COLUMNS}")?;
    let mut rows = 0;
    for number in 0..products {
        let pick = |list: &[&'static str], by: u32| list[(number / by) as usize % list.len()];
        let (thing, stuff, colour) = (pick(&THINGS, 1), pick(&STUFFS, 12), pick(&COLOURS, 96));
        let handle = format!("{}-{number}", thing.to_lowercase());
        let variants = number % 3 + 1;
        let price = 500 + number % 19_500;
        let (whole, cents) = (price / 100, price % 100);
        for variant in 0..variants {
            let size = SIZES[variant as usize];
            let sku = format!("G{number:06}-{}", &size[..1]);
            if variant == 0 {
                write!(
                    into,
                    "{handle},{colour} {stuff} {thing} no. {number},\"<p>A <strong>{colour}</strong> {thing} of {stuff}, \
                     made by hand.</p><ul><li>Number {number}</li><li>Made to last, and to be mended</li></ul>\",\
                     Maker {},{thing}s,\"{stuff}, {colour}\",true,Size,{size}",
                    number % 50
                )?;
            } else {
                write!(into, "{handle},,,,,,,,{size}")?;
            }
            let on_hand = number % 40;
            write!(into, ",{sku},{},shopify,{on_hand},deny,{whole}.{cents:02},", 200 + number % 5_000)?;
            match variant {
                0 => writeln!(into, ",https://pictures.example/{handle}.jpg,{colour} {thing},active")?,
                _ => writeln!(into, ",,,")?,
            }
            rows += 1;
        }
    }
    Ok(rows)
}

/// A JPEG of so many pixels.
pub fn photograph(width: u32, height: u32) -> Vec<u8> {
    let shade = |at: u32, of: u32| u8::try_from(at * 255 / of.max(1)).unwrap_or(u8::MAX);
    let picture = RgbImage::from_fn(width, height, |x, y| Rgb([shade(x, width), shade(y, height), 90]));
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Jpeg).expect("a picture");
    bytes
}
