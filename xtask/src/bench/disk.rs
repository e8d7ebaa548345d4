//! What the disk does: append 4 KiB and make them durable, again and again. Everything that is durable follows it.
//! It does not know of the shop.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::{Duration, Instant};

use super::reach::{FAST_DISK, Reach};
use super::table::{Cells, SYNCS};
use super::{Bench, Error, io, median, text};

const FOR: Duration = Duration::from_secs(2);
const PAGE: [u8; 4_096] = [0; 4_096];

pub fn measure(bench: &Bench) -> Result<Vec<Cells>, Error> {
    let runs = (0..bench.runs).map(|_| syncs_per_second(bench)).collect::<Result<Vec<_>, _>>()?;
    let rate = median(runs);
    Ok(vec![Cells { ours: text::whole(rate), reach: Reach::absolute(rate >= FAST_DISK), ..Cells::of(SYNCS) }])
}

#[expect(clippy::disallowed_methods, reason = "xtask measures the machine, not the shop")]
pub fn syncs_per_second(bench: &Bench) -> Result<f64, Error> {
    let path = bench.folder.join("syncs");
    let failed = |source| Error::Io { what: format!("cannot write {}", path.display()), source };
    let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
    let began = Instant::now();
    let mut syncs = 0.0;
    while began.elapsed() < FOR {
        file.write_all(&PAGE).and_then(|()| file.sync_data()).map_err(failed)?;
        syncs += 1.0;
    }
    let rate = syncs / began.elapsed().as_secs_f64();
    std::fs::remove_file(&path).map_err(io("cannot remove what was written"))?;
    Ok(rate)
}
