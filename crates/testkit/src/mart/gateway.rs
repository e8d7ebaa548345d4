//! A gateway in front of several nodes, as an ordinary one behaves: it asks each how it is every 200 ms, gives every request to
//! the next one that is ready, and never sends one twice.
//! It does not know what is asked. It keeps book of what it saw, for whoever wants to know how well the nodes served.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::header::HeaderMap;
use reqwest::{Client, Request};
use tokio::time::Instant;

use super::ask::{client, whole};

const CHECK_EVERY: Duration = Duration::from_millis(200);
const CHECK_LIMIT: Duration = Duration::from_millis(500);

/// Balances requests among nodes.
#[derive(Debug)]
pub struct Gateway {
    nodes: Vec<SocketAddr>,
    is_ready: Mutex<Vec<bool>>,
    turn: AtomicUsize,
    passes_on: bool,
    client: Client,
    ledger: Mutex<Ledger>,
}

/// What it saw.
#[derive(Debug, Default)]
struct Ledger {
    statuses: BTreeMap<u16, u64>,
    /// Orders that were confirmed: by which node, and when.
    sold: Vec<(SocketAddr, Instant)>,
    lost: Vec<Lost>,
}

/// A request that got no answer.
#[derive(Debug, Clone)]
pub struct Lost {
    pub asked: String,
    pub node: SocketAddr,
    pub began: Instant,
    pub is_timeout: bool,
    pub error: String,
}

impl Gateway {
    /// Needs a runtime. `passes_on`: a request for which a node takes no connection, so that nobody can have heard of it, goes
    /// to the next node.
    pub fn start(nodes: &[SocketAddr], passes_on: bool) -> Arc<Self> {
        let gateway = Arc::new(Self::before(nodes, passes_on));
        for nth in 0..nodes.len() {
            tokio::spawn(check(Arc::downgrade(&gateway), nth));
        }
        gateway
    }

    /// Before one node, whatever that says of itself.
    pub fn to(node: SocketAddr) -> Arc<Self> {
        Arc::new(Self::before(&[node], false))
    }

    fn before(nodes: &[SocketAddr], passes_on: bool) -> Self {
        Self {
            nodes: nodes.to_vec(),
            is_ready: Mutex::new(vec![true; nodes.len()]),
            turn: AtomicUsize::new(0),
            passes_on,
            client: client(),
            ledger: Mutex::default(),
        }
    }

    /// Whether it gives requests to this node.
    pub fn counts_on(&self, node: SocketAddr) -> bool {
        self.nodes.iter().zip(self.is_ready.lock().iter()).any(|(known, is_ready)| *known == node && *is_ready)
    }

    /// How often each status was answered.
    pub fn statuses(&self) -> BTreeMap<u16, u64> {
        self.ledger.lock().statuses.clone()
    }

    /// Orders that were confirmed since an instant: by which node, and when.
    pub fn sold_since(&self, since: Instant) -> Vec<(SocketAddr, Instant)> {
        self.ledger.lock().sold.iter().copied().filter(|(_, at)| *at >= since).collect()
    }

    /// Requests without an answer, told once.
    pub fn take_lost(&self) -> Vec<Lost> {
        std::mem::take(&mut self.ledger.lock().lost)
    }

    /// The next one that is ready; where none is, whichever is next.
    fn next(&self) -> usize {
        let is_ready = self.is_ready.lock();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut in_turn = (0..self.nodes.len()).map(|nth| (turn + nth) % self.nodes.len());
        in_turn.find(|nth| is_ready[*nth]).unwrap_or(turn % self.nodes.len())
    }

    /// Hands a request to a node and answers with what that answered.
    pub(super) async fn pass(
        &self,
        asked: &str,
        request: Request,
    ) -> Result<(u16, HeaderMap, Vec<u8>), reqwest::Error> {
        let mut refusals = 0;
        loop {
            let nth = self.next();
            let (node, began) = (self.nodes[nth], Instant::now());
            let mut sent = request.try_clone().expect("its body is at hand");
            sent.url_mut().set_ip_host(node.ip()).expect("an address that has a host");
            sent.url_mut().set_port(Some(node.port())).expect("an address that has a port");
            let answer = async { whole(self.client.execute(sent).await?).await };
            match answer.await {
                Ok(answer) => {
                    self.note_answer(asked, answer.0, node);
                    return Ok(answer);
                }
                Err(error) if self.passes_on && error.is_connect() && refusals < self.nodes.len() => {
                    refusals += 1;
                    self.is_ready.lock()[nth] = false;
                }
                Err(error) => {
                    let (is_timeout, told) = (error.is_timeout(), format!("{error:?}"));
                    let lost = Lost { asked: asked.to_owned(), node, began, is_timeout, error: told };
                    self.ledger.lock().lost.push(lost);
                    return Err(error);
                }
            }
        }
    }

    fn note_answer(&self, asked: &str, status: u16, node: SocketAddr) {
        let mut ledger = self.ledger.lock();
        *ledger.statuses.entry(status).or_default() += 1;
        if status == 201 && asked == "POST /api/orders" {
            ledger.sold.push((node, Instant::now()));
        }
    }
}

/// Asks a node how it is, each time on a connection of its own, until nobody has the gateway any more.
async fn check(gateway: Weak<Gateway>, nth: usize) {
    let asking = Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(CHECK_LIMIT).build();
    let asking = asking.expect("an HTTP client");
    loop {
        let Some(node) = gateway.upgrade().map(|gateway| gateway.nodes[nth]) else { return };
        let asked = asking.get(format!("http://{node}/health/ready")).send().await;
        let is_ready = asked.is_ok_and(|answer| answer.status() == 200);
        if let Some(gateway) = gateway.upgrade() {
            gateway.is_ready.lock()[nth] = is_ready;
        }
        tokio::time::sleep(CHECK_EVERY).await;
    }
}
