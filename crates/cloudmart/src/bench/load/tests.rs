//! The load against small servers: one that stalls, one that keeps carts, one that hangs up on everybody.
//! It does not know what is asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use super::super::script::{Ground, Scenario};
use super::super::tally::Count;
use super::*;

/// A server of one thread that answers at once, but stops for a while in the middle of things.
fn stalling_server(answers_before: usize, stall: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    #[expect(clippy::disallowed_methods, reason = "a server that does not answer while it stalls")]
    std::thread::spawn(move || {
        let Ok((stream, _)) = listener.accept() else { return };
        let (mut answers, mut reader) = (0, BufReader::new(stream));
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
            if line == "\r\n" {
                answers += 1;
                if answers == answers_before {
                    std::thread::sleep(stall);
                }
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                if reader.get_mut().write_all(answer).is_err() {
                    return;
                }
            }
            line.clear();
        }
    });
    address
}

/// A server that makes carts and takes lines, on any number of connections.
fn cart_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    #[expect(clippy::disallowed_methods, reason = "a thread for each connection")]
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            std::thread::spawn(move || keep_carts(BufReader::new(stream)));
        }
    });
    address
}

fn keep_carts(mut reader: BufReader<TcpStream>) {
    let (mut line, mut first, mut length) = (String::new(), String::new(), 0);
    while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
        if first.is_empty() {
            first.clone_from(&line);
        }
        if let Some(told) = line.strip_prefix("content-length: ") {
            length = told.trim().parse().unwrap();
        }
        if line == "\r\n" {
            reader.read_exact(&mut vec![0_u8; length]).unwrap();
            let status = if first.starts_with("POST /api/carts HTTP") { "201 Created" } else { "200 OK" };
            let body = r#"{"id":"crt_1","token":"secret"}"#;
            let head = format!("HTTP/1.1 {status}\r\netag: \"1\"\r\ncontent-length: {}\r\n\r\n", body.len());
            if reader.get_mut().write_all((head + body).as_bytes()).is_err() {
                return;
            }
            first.clear();
        }
        line.clear();
    }
}

fn load(address: &str, press: Press) -> Loaded {
    let ground = Ground { slugs: vec!["lamp".to_owned()], ..Ground::default() };
    load_with(address, press, Script::new(Scenario::Browse, ground))
}

fn load_with(address: &str, press: Press, script: Script) -> Loaded {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let target = runtime.block_on(Target::find(address)).unwrap();
    let times = (Duration::ZERO, Duration::from_millis(800));
    run(vec![target], script, press, times, Arc::default()).unwrap()
}

/// Of 160 requests in 0.8 s, some 80 are due while nobody answers for 0.4 s; they have waited 0.2 s on average.
#[test]
fn at_a_rate_a_stall_is_felt_by_everyone_who_would_have_asked_meanwhile() {
    let stall = Duration::from_millis(400);
    let loaded = load(&stalling_server(40, stall), Press::Rate { per_second: 200.0, connections: 1 });
    let whole = loaded.tally.whole();
    assert!(whole.answered() + loaded.tally.unsent >= 155, "{} {}", whole.answered(), loaded.tally.unsent);
    let told = whole.latencies();
    assert!(told.p90 > 200.0 && told.max >= 400.0, "{told:?}");
}

#[test]
fn one_after_another_a_stall_is_felt_once() {
    let loaded = load(&stalling_server(40, Duration::from_millis(400)), Press::AtOnce(1));
    let told = loaded.tally.whole().latencies();
    assert!(told.max >= 400.0, "the stall itself is there: {told:?}");
    assert!(told.p90 < 200.0, "and hardly anybody felt it: {told:?}");
}

/// Forty requests on as many connections: each of them comes to a connection that has not asked for anything yet.
#[test]
fn lines_are_put_into_carts_also_at_a_low_rate() {
    let ground = Ground { cart_skus: vec!["LAMP".to_owned()], ..Ground::default() };
    let press = Press::Rate { per_second: 50.0, connections: 64 };
    let loaded = load_with(&cart_server(), press, Script::new(Scenario::Carts, ground));
    let answered = |kind| loaded.tally.kinds.get(&kind).map_or(0, Count::answered);
    let (carts, lines) = (answered(Kind::Cart), answered(Kind::CartLine));
    assert!(carts > 0 && lines > 2 * carts, "{carts} carts, {lines} lines");
}

#[test]
fn who_is_never_answered_is_lost() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        #[expect(clippy::disallowed_methods, reason = "it hangs up on everybody")]
        std::thread::spawn(move || while listener.accept().is_ok() {});
        address
    };
    let loaded = load(&address, Press::Rate { per_second: 50.0, connections: 2 });
    let whole = loaded.tally.whole();
    assert_eq!(whole.answered(), 0);
    assert!(whole.lost.values().sum::<u64>() >= 30, "{whole:?}");
}

#[test]
fn what_a_buyer_is_told_is_sorted() {
    let mut sales = Sales::default();
    sales.take(1, 201, br#"{"id":"ord_1","number":"A"}"#);
    sales.take(2, 409, br#"{"code":"insufficient_stock"}"#);
    sales.take(3, 503, b"busy");
    sales.take(4, 409, br#"{"code":"idempotency_in_flight"}"#);
    sales.take(5, 422, b"bad");
    sales.take(6, 201, b"{}");
    assert_eq!(sales.accepted, [("ord_1".into(), 1)]);
    assert_eq!(sales.sold_out, 1);
    assert_eq!(sales.open.iter().map(|(turn, _)| *turn).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(sales.strange.len(), 2);
}
