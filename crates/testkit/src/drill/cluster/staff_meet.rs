//! Two members of staff on two nodes: they see each other at one order, are counted together when they guess, and a session that
//! is ended on one node is ended on the other; with Redis, and when it is gone.
//! It does not know how nodes tell each other.

use std::time::Duration;

use reqwest::Method;
use tokio::time::Instant;

use super::{Cluster, Engines, PATIENCE, Settings, longest};
use crate::drill::{Ground, Outcome};
use crate::mart::{Answer, Ask, Mart, eventually};

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Sessions that are ended.
    pub sessions: u32,
}

const OWNER: &str = "owner@shop.local";
const MINA: &str = "mina@shop.local";
const SESSION: &str = "admin_session=";
const FORM: &str = "application/x-www-form-urlencoded";
/// Without Redis, no node trusts its memory longer.
const ENDS_WITHIN: Duration = Duration::from_secs(1);

/// # Panics
/// When somebody is not seen, or comes in who must not.
pub async fn run(ground: &Ground, engines: &Engines, options: Options) -> Outcome {
    let mut cluster = Cluster::start(ground, engines, Settings::default()).await;
    eventually("both nodes have Redis", PATIENCE, async || {
        (cluster.is_well(0).await && cluster.is_well(1).await).then_some(())
    })
    .await;
    let reset = cluster.mart.command(&["staff", "reset-password", OWNER]).await;
    let password = reset.out.split_whitespace().last().expect("a password").to_owned();
    let owner = Staff::sign_in(cluster.node(0), OWNER, &password).await.expect("the owner comes in");
    let mina_password = owner.adds(cluster.node(0), MINA).await;
    let mina = Staff::sign_in(cluster.node(1), MINA, &mina_password).await.expect("she comes in");

    let order = an_order(&cluster.mart).await;
    let page = format!("/admin/orders/{order}");
    assert!(!owner.sees(cluster.node(0), &page, MINA).await, "nobody else has it open yet");
    assert!(mina.sees(cluster.node(1), &page, OWNER).await, "she sees who was there before");
    assert!(owner.sees(cluster.node(0), &page, MINA).await, "and is seen on the other node");
    visitors_are_counted_together(&cluster, &owner).await;

    for _ in 0..options.sessions {
        let session = Staff::sign_in(cluster.node(0), OWNER, &password).await.expect("the owner comes in");
        for node in [1, 0, 1] {
            assert!(session.is_in(cluster.node(node)).await);
        }
        session.signs_out(cluster.node(0)).await;
        assert!(!session.is_in(cluster.node(1)).await, "it ended on the other node with the answer");
    }
    guesses_are_counted_together(&cluster).await;

    cluster.redis.end();
    let ended_after = without_redis(&cluster, &owner, &mina, &page, &password, options.sessions).await;
    cluster.redis.run().await;
    eventually("they see each other again", PATIENCE, async || {
        mina.sees(cluster.node(1), &page, OWNER).await;
        owner.sees(cluster.node(0), &page, MINA).await.then_some(())
    })
    .await;
    Outcome::default()
        .with("sessions ended on one node and at once on the other", options.sessions)
        .with("sessions ended without Redis", options.sessions)
        .with("ended on the other node after, ms, at most", longest(&ended_after))
}

/// Each sees what their node knows, and that it is not all; a session ends within the second.
async fn without_redis(
    cluster: &Cluster,
    owner: &Staff,
    mina: &Staff,
    page: &str,
    password: &str,
    sessions: u32,
) -> Vec<Duration> {
    eventually("a page says that it does not know all", PATIENCE, async || {
        let told = owner.gets(cluster.node(0), page).await;
        told.contains("on the same node are seen here").then_some(())
    })
    .await;
    assert!(!mina.sees(cluster.node(1), page, MINA).await, "nobody sees themselves");
    let mut ended_after = Vec::new();
    for _ in 0..sessions {
        let session = Staff::sign_in(cluster.node(0), OWNER, password).await.expect("the owner comes in");
        assert!(session.is_in(cluster.node(1)).await);
        session.signs_out(cluster.node(0)).await;
        let ended = Instant::now();
        assert!(!session.is_in(cluster.node(0)).await);
        eventually("it ends on the other node", PATIENCE, async || {
            let began = ended.elapsed();
            let is_in = session.is_in(cluster.node(1)).await;
            assert!(!is_in || began < ENDS_WITHIN, "it worked {began:?} after its end");
            (!is_in).then_some(())
        })
        .await;
        ended_after.push(ended.elapsed());
    }
    ended_after
}

async fn an_order(mart: &Mart) -> String {
    mart.product("LAMP", 1_000, 10).await;
    mart.buy("LAMP", 1).await.text("id")
}

async fn visitors_are_counted_together(cluster: &Cluster, owner: &Staff) {
    for (node, browser) in [(0, "Firefox"), (1, "Firefox"), (1, "Chrome"), (0, "Googlebot")] {
        cluster.node(node).get("/").header("user-agent", browser).send().await.expect(200);
    }
    for node in [0, 1] {
        eventually("both are counted", PATIENCE, async || {
            let page = owner.gets(cluster.node(node), "/admin").await;
            (page.contains("<p class=\"value\">2</p>") && page.contains("crawlers left out")).then_some(())
        })
        .await;
    }
}

/// Ten wrong ones, five at each node: then no node hears an eleventh.
async fn guesses_are_counted_together(cluster: &Cluster) {
    let guess = async |node: usize| sign_in(cluster.node(node), "nobody@shop.local", "guess").await.status;
    for nth in 0..10 {
        assert_eq!(guess(nth % 2).await, 422, "the {nth}th guess");
    }
    assert_eq!([guess(0).await, guess(1).await], [429, 429]);
}

async fn sign_in(node: &Mart, email: &str, password: &str) -> Answer {
    let body = format!("email={}&password={password}", email.replace('@', "%40"));
    node.post("/admin/sign-in").raw(FORM, body).send().await
}

/// Somebody who is signed in.
struct Staff {
    cookie: String,
}

impl Staff {
    async fn sign_in(node: &Mart, email: &str, password: &str) -> Option<Self> {
        let answer = sign_in(node, email, password).await;
        let cookies = answer.headers.get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
        let mut tokens = cookies.filter_map(|cookie| cookie.split(';').next()?.strip_prefix(SESSION));
        tokens.next().map(|token| Self { cookie: format!("{SESSION}{token}") })
    }

    fn asks(&self, node: &Mart, method: Method, path: &str) -> Ask {
        node.ask(method, path).header("cookie", &self.cookie)
    }

    async fn gets(&self, node: &Mart, path: &str) -> String {
        let answer = self.asks(node, Method::GET, path).send().await.expect(200);
        String::from_utf8_lossy(&answer.bytes).into_owned()
    }

    /// Whether an order's page says that somebody has it open, too.
    async fn sees(&self, node: &Mart, page: &str, other: &str) -> bool {
        self.gets(node, page).await.contains(&format!("{other} has this open, too"))
    }

    async fn is_in(&self, node: &Mart) -> bool {
        match self.asks(node, Method::GET, "/admin/orders").send().await.status {
            200 => true,
            303 => false,
            other => panic!("{other}"),
        }
    }

    async fn signs_out(&self, node: &Mart) {
        self.asks(node, Method::POST, "/admin/sign-out").raw(FORM, "").send().await.expect(303);
    }

    /// Another member, whose password is told once.
    async fn adds(&self, node: &Mart, email: &str) -> String {
        let body = format!("email={}", email.replace('@', "%40"));
        let answer = self.asks(node, Method::POST, "/admin/staff").raw(FORM, body).send().await.expect(200);
        let page = String::from_utf8_lossy(&answer.bytes).into_owned();
        let secret = page.split_once("<code>").and_then(|(_, rest)| rest.split_once("</code>"));
        secret.unwrap_or_else(|| panic!("no password: {page}")).0.to_owned()
    }
}
