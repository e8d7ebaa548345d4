//! The load itself: buyers on their connections, each taking its turns, and what came of them.
//! It runs on one thread of its own, so that what it costs can be told, and knows nothing of the shop's books.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::LocalSet;
use tokio::time::Instant;

use super::pace::{Pace, Turn, Window};
use super::script::{self, Cart, Kind, Script};
use super::tally::Tally;
use super::usage;
use super::wire::{Answer, Line, Lost, Target};

/// How hard the shop is pressed.
#[derive(Debug, Clone, Copy)]
pub enum Press {
    /// So many requests per second, over at most so many connections.
    Rate { per_second: f64, connections: u32 },
    /// So many at once, each followed by the next.
    AtOnce(u32),
}

impl Press {
    pub fn connections(self) -> u32 {
        match self {
            Self::Rate { connections, .. } | Self::AtOnce(connections) => connections,
        }
    }
}

/// What whoever watches may look at.
#[derive(Debug, Default)]
pub struct Watch {
    pub answered: AtomicU64,
    pub lost: AtomicU64,
}

/// What buyers were told about their orders.
#[derive(Debug, Default)]
pub struct Sales {
    /// The order's id, and the turn that placed it.
    pub accepted: Vec<(Box<str>, u64)>,
    /// `insufficient_stock`.
    pub sold_out: u64,
    /// Turns whose buyers do not know what became of their order, and why.
    pub open: Vec<(u64, String)>,
    /// Other answers than these: what they said.
    pub strange: Vec<String>,
}

/// A buyer who finds nobody comes back after this.
const NOBODY_PAUSE: Duration = Duration::from_millis(100);
/// How many strange answers are told.
const STRANGE_TOLD: usize = 5;
/// Characters of one that are told.
const STRANGE_CHARS: usize = 300;

impl Sales {
    /// Takes the answer to an order.
    pub fn take(&mut self, turn: u64, status: u16, body: &[u8]) {
        match (status, order_id(body)) {
            (201, Some(id)) => self.accepted.push((id.into(), turn)),
            (409, _) if contains(body, b"\"insufficient_stock\"") => self.sold_out += 1,
            (202 | 409 | 429 | 500.., _) => self.open.push((turn, format!("was answered {status}"))),
            _ if self.strange.len() < STRANGE_TOLD => {
                let text: String = String::from_utf8_lossy(body).chars().take(STRANGE_CHARS).collect();
                self.strange.push(format!("an order was answered {status}: {text}"));
            }
            _ => {}
        }
    }
}

/// An order's answer begins with its id.
fn order_id(body: &[u8]) -> Option<&str> {
    let rest = body.strip_prefix(b"{\"id\":\"")?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&rest[..end]).ok().filter(|id| id.starts_with("ord_"))
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// What a load came to.
#[derive(Debug)]
pub struct Loaded {
    pub tally: Tally,
    pub sales: Sales,
    /// The time that counts.
    pub lasted: Duration,
    /// Processor seconds of this process within that time.
    pub own_cpu_s: f64,
    /// Those of the shop's processes, where they run on this machine.
    pub shop_cpu_s: Option<f64>,
}

/// Everything that the buyers share.
struct Crowd {
    script: Script,
    pace: Pace,
    tally: RefCell<Tally>,
    sales: RefCell<Sales>,
    /// Carts that nobody puts anything into at this moment. They are anybody's: at a low rate each turn may come to
    /// another connection, which would have no cart of its own yet.
    carts: RefCell<Vec<Cart>>,
    watch: Arc<Watch>,
}

/// Puts the load on, to its end. Blocks; call it on a thread of its own.
pub fn run(
    targets: Vec<Target>,
    script: Script,
    press: Press,
    (warm_up, duration): (Duration, Duration),
    watch: Arc<Watch>,
) -> std::io::Result<Loaded> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async move {
        let shops = usage::processes_at(&targets);
        let spent_by_shops = || shops.as_ref().and_then(usage::cpu_s_of);
        let window = Window::from_now(warm_up, duration);
        let pace = match press {
            Press::Rate { per_second, .. } => Pace::by_rate(window, per_second)?,
            Press::AtOnce(_) => Pace::by_answers(window),
        };
        let (tally, sales, carts) = (RefCell::default(), RefCell::default(), RefCell::default());
        let crowd = Rc::new(Crowd { script, pace, tally, sales, carts, watch });
        let lines = targets.iter().cycle().take(press.connections() as usize).map(Line::to);
        let buyers: Vec<_> = lines.map(|line| tokio::task::spawn_local(buy(crowd.clone(), line))).collect();
        tokio::time::sleep_until(window.counts_from).await;
        let (own, of_shop) = (usage::own_cpu_s(), spent_by_shops());
        tokio::time::sleep_until(window.ends).await;
        let own_cpu_s = usage::own_cpu_s() - own;
        let shop_cpu_s = spent_by_shops().zip(of_shop).map(|(now, before)| now - before);
        for buyer in buyers {
            // A buyer does not panic, and nobody cancels it.
            let _ = buyer.await;
        }
        let mut tally = crowd.tally.take();
        for turn in crowd.pace.left_over() {
            tally.unsent(crowd.script.kind(turn.number), window.ends - turn.due);
        }
        Ok(Loaded { tally, sales: crowd.sales.take(), lasted: duration, own_cpu_s, shop_cpu_s })
    })
}

async fn buy(crowd: Rc<Crowd>, mut line: Line) {
    while let Some(turn) = crowd.pace.turn().await {
        let cart = crowd.cart_for(turn);
        let (kind, request) = crowd.script.request(turn.number, cart.as_ref());
        let answer = line.exchange(&request).await;
        let took = Instant::now().saturating_duration_since(turn.due);
        match answer {
            Ok(answer) => {
                crowd.watch.answered.fetch_add(1, Ordering::Relaxed);
                crowd.answered(turn, kind, &answer, took);
                crowd.carts.borrow_mut().extend(script::left(kind, cart, &answer));
            }
            Err(lost) => {
                crowd.watch.lost.fetch_add(1, Ordering::Relaxed);
                if turn.counts {
                    crowd.tally.borrow_mut().lost(kind, lost, took);
                }
                if kind == Kind::Order {
                    crowd.sales.borrow_mut().open.push((turn.number, lost.to_string()));
                }
                if lost == Lost::NoConnection {
                    tokio::time::sleep(NOBODY_PAUSE).await;
                }
            }
        }
    }
}

impl Crowd {
    fn cart_for(&self, turn: Turn) -> Option<Cart> {
        let needs_one = self.script.kind(turn.number) == Kind::CartLine;
        if needs_one { self.carts.borrow_mut().pop() } else { None }
    }

    fn answered(&self, turn: Turn, kind: Kind, answer: &Answer<'_>, took: Duration) {
        if turn.counts {
            self.tally.borrow_mut().answered(kind, answer.status, took);
        }
        if kind.is_done(answer.status) && self.pace.is_measured() {
            self.tally.borrow_mut().done(kind);
        }
        if kind == Kind::Order {
            self.sales.borrow_mut().take(turn.number, answer.status, &answer.body);
        }
    }
}

#[cfg(test)]
mod tests;
