//! Writes a file of made-up products: `generate-products 100000 products.csv`.
//! It does not import them; `cloudmart import products` does.

use std::fs::File;
use std::io::{BufWriter, Write};

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (products, path) = (arguments.next().and_then(|text| text.parse().ok()), arguments.next());
    let (Some(products), Some(path)) = (products, path) else {
        return Err(std::io::Error::other("say how many products, and into which file"));
    };
    let mut file = BufWriter::new(File::create(&path)?);
    let rows = testkit::goods::write_csv(products, &mut file)?;
    file.flush()?;
    println!("{path}: {products} products on {rows} rows.");
    Ok(())
}
