//! The load against small servers of one thread: one that stalls, one that hangs up on everybody.
//! It does not know what is asked.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use super::super::script::{Ground, Scenario};
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

fn load(address: &str, press: Press) -> Loaded {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let target = runtime.block_on(Target::find(address)).unwrap();
    let ground = Ground { slugs: vec!["lamp".to_owned()], ..Ground::default() };
    let times = (Duration::ZERO, Duration::from_millis(800));
    run(vec![target], Script::new(Scenario::Browse, ground), press, times, Arc::default()).unwrap()
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
