//! The end of the write-ahead log is cut, flipped or wiped: the shop starts, and everything that was synced before is there.
//!
//! In reality only what comes after the last fdatasync can be torn, and nothing of it was acknowledged. An answer is given
//! after its fdatasync, so an order whose answer came when the log was *n* bytes long lies within these *n* bytes; whatever
//! happens behind them must not touch it. Damage *before* them is another matter: SQLite ends the log at the first frame
//! whose checksum is wrong, so a rotten bit in a synced frame takes with it what came later. That is planted here as well, to
//! see that the drill notices.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures::StreamExt as _;

use super::ground::copy_folder;
use super::{Ground, Outcome};
use crate::dice::Dice;
use crate::mart::{Ask, Mart, Plan, guest_order, with};

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How many kills; after each, the log is damaged in every way.
    pub kills: usize,
    /// Orders that are under way at each kill.
    pub orders: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { kills: 4, orders: 40 }
    }
}

const CONNECTIONS: usize = 8;
/// A WAL begins with a header, and each frame is a header and a page. (SQLite's file format, chapter 4)
const HEADER: usize = 32;
const FRAME: usize = 24 + 4_096;

/// What is done to the log's end.
#[derive(Debug, Clone, Copy)]
enum Damage {
    /// The last frame ends in the middle.
    CutInLastFrame,
    /// It ends at some byte since the first answer.
    CutAnywhere,
    FlipInLastPage,
    FlipInLastHeader,
    /// The last page was never written, and the file is as long as if it were.
    LastPageZero,
    /// Blocks behind the end that belonged to something else.
    GarbageBehind,
    /// An earlier frame once more behind the end.
    OldFrameBehind,
}

const DAMAGES: [Damage; 7] = [
    Damage::CutInLastFrame,
    Damage::CutAnywhere,
    Damage::FlipInLastPage,
    Damage::FlipInLastHeader,
    Damage::LastPageZero,
    Damage::GarbageBehind,
    Damage::OldFrameBehind,
];

/// # Panics
/// When anything that was synced before the damage is lost.
pub async fn run(ground: &Ground, options: Options) -> Outcome {
    let mut dice = ground.dice();
    let (mut tried, mut looked_for, mut noticed) = (0, 0, 0);
    for kill in 0..options.kills {
        let data = ground.path(&format!("kill-{kill}"));
        let killed = sell_until_killed(ground, &data, options, &mut dice).await;
        for damage in DAMAGES {
            let folder = ground.path("damaged");
            let intact = copy_with(&data, &folder, |wal| damage.to(wal, killed.first_answer(), &mut dice));
            let lost = look(ground, &folder, &killed, intact).await;
            let (orders, lost) = lost;
            assert!(
                lost.is_empty(),
                "{damage:?}: acknowledged when the log was shorter than {intact} bytes, and lost: {lost:?}"
            );
            tried += 1;
            looked_for += orders;
        }
        // A rotten bit at the beginning, among what was synced long ago.
        let folder = ground.path("damaged");
        copy_with(&data, &folder, |wal| {
            wal[HEADER + FRAME / 2] ^= 1;
            0
        });
        noticed += usize::from(!look(ground, &folder, &killed, usize::MAX).await.1.is_empty());
    }
    assert_eq!(noticed, options.kills, "the drill does not notice that orders are lost");
    ground.tell(format!("{tried} damaged logs, {looked_for} orders looked for; {noticed} rotten logs were noticed"));
    Outcome::default()
        .with("damaged logs", tried)
        .with("orders looked for", looked_for)
        .with("orders lost", 0)
        .with("planted: rotten bits among what was synced, noticed", noticed)
}

/// What was going on when it was killed.
struct Killed {
    /// By key: the order's number, and how long the log was when its answer had come.
    acknowledged: BTreeMap<String, (String, usize)>,
    unanswered: Vec<String>,
}

impl Killed {
    fn first_answer(&self) -> usize {
        self.acknowledged.values().map(|(_, length)| *length).min().expect("orders were acknowledged")
    }
}

fn wal_of(data: &Path) -> PathBuf {
    data.join("shop.db-wal")
}

async fn sell_until_killed(ground: &Ground, data: &Path, options: Options, dice: &mut Dice) -> Killed {
    let mut mart = Mart::open_as(Plan::empty(ground.binary()).data(data)).await;
    mart.product("LAMP", 4_900, 100_000).await;
    // A good end empties the log, so that it grows from here on and nothing in it is older.
    assert!(mart.terminate().await.success(), "{}", mart.log());
    mart.restart().await;
    let order = wish();
    let keys: Vec<String> = (0..options.orders).map(|buyer| format!("buyer-{buyer}")).collect();
    let asks: Vec<(String, Ask)> =
        keys.iter().map(|key| (key.clone(), mart.post("/api/orders").key(key).json(&order))).collect();
    let send = |(key, ask): (String, Ask)| async move { (key, ask.try_send().await) };
    let mut running = futures::stream::iter(asks).map(send).buffer_unordered(CONNECTIONS);
    let mut killed = Killed { acknowledged: BTreeMap::new(), unanswered: Vec::new() };
    let last = 2 + dice.index(options.orders - CONNECTIONS - 2);
    while let Some((key, answer)) = running.next().await {
        let Ok(answer) = answer else {
            killed.unanswered.push(key);
            continue;
        };
        let length = std::fs::metadata(wal_of(data)).expect("a log").len();
        let length = usize::try_from(length).expect("a short log");
        killed.acknowledged.insert(key, (answer.expect(201).text("number"), length));
        if killed.acknowledged.len() == last {
            mart.kill9();
        }
    }
    killed
}

fn wish() -> serde_json::Value {
    with(guest_order("LAMP", 1), "/payment/token", "tok_stuck")
}

impl Damage {
    /// Answers how many bytes from the beginning were left as they were.
    fn to(self, wal: &mut Vec<u8>, first_answer: usize, dice: &mut Dice) -> usize {
        let frames = (wal.len() - HEADER) / FRAME;
        let last = HEADER + (frames - 1) * FRAME;
        match self {
            Self::CutInLastFrame => wal.truncate(last + 1 + dice.index(FRAME - 1)),
            Self::CutAnywhere => {
                let end = first_answer + dice.index(wal.len() - first_answer + 1);
                wal.truncate(end);
                return end;
            }
            Self::FlipInLastPage => wal[last + 24 + dice.index(4_096)] ^= 1 << dice.index(8),
            Self::FlipInLastHeader => wal[last + dice.index(24)] ^= 1 << dice.index(8),
            Self::LastPageZero => wal[last + 24..last + FRAME].fill(0),
            Self::GarbageBehind => {
                let end = wal.len();
                wal.extend((0..3 * FRAME).map(|_| u8::try_from(dice.below(256)).unwrap_or(0)));
                return end;
            }
            Self::OldFrameBehind => {
                let end = wal.len();
                let old = HEADER + dice.index(frames) * FRAME;
                wal.extend_from_within(old..old + FRAME);
                return end;
            }
        }
        last
    }
}

/// Copies a folder, and damages its log.
fn copy_with(from: &Path, to: &Path, damage: impl FnOnce(&mut Vec<u8>) -> usize) -> usize {
    copy_folder(from, to);
    let mut wal = std::fs::read(wal_of(to)).expect("a log");
    let intact = damage(&mut wal);
    std::fs::write(wal_of(to), wal).expect("a damaged log");
    intact
}

/// Starts on what is left. Answers how many orders must be there, and which of them are not.
async fn look(ground: &Ground, data: &Path, killed: &Killed, intact: usize) -> (usize, Vec<String>) {
    let mart = Mart::start(Plan::empty(ground.binary()).data(data)).await;
    let (mut looked_for, mut lost) = (0, Vec::new());
    let order = wish();
    let all = killed.acknowledged.keys().chain(&killed.unanswered);
    for key in all {
        // Whoever asks again gets what is there, or it is done now: never both.
        let answer = mart.place(key, &order).await.expect(201);
        let Some((number, length)) = killed.acknowledged.get(key) else { continue };
        if *length <= intact {
            looked_for += 1;
            if !answer.is_replayed() || answer.text("number") != *number {
                lost.push(number.clone());
            }
        }
    }
    let orders = killed.acknowledged.len() + killed.unanswered.len();
    assert_eq!(mart.staff_list("/api/admin/orders").await.len(), orders, "one order for each wish");
    let held = i64::try_from(orders).expect("a count");
    assert_eq!(mart.stock("LAMP").await, (100_000, held, 100_000 - held));
    mart.doctor().await;
    (looked_for, lost)
}
