//! The server's life, played by small shell scripts and sockets.

use super::*;

fn server(script: &str) -> Server {
    let folder = std::env::temp_dir();
    Server {
        child: Command::new("sh").args(["-c", script]).spawn().unwrap(),
        address: free_address().unwrap(),
        log: Log(folder.join("no-such-log-of-cloudmart")),
    }
}

/// Answers one connection after the other with `answers`.
#[expect(clippy::disallowed_methods, reason = "the other side of the socket needs a thread of its own")]
fn answering(answers: &'static [&'static str]) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut connection, _) = listener.accept().unwrap();
            let mut question = [0; 256];
            let _ = connection.read(&mut question).unwrap();
            connection.write_all(answer.as_bytes()).unwrap();
        }
    });
    address
}

#[test]
fn a_free_port_can_be_bound() {
    let address = free_address().unwrap();
    assert_ne!(address.port(), 0);
    TcpListener::bind(address).unwrap();
}

#[test]
fn the_status_is_read_from_the_first_line() {
    let address = answering(&["HTTP/1.1 503 Service Unavailable\r\n\r\n"]);
    assert_eq!(status_of(address, "/health/ready").unwrap(), 503);
}

#[test]
fn what_is_not_http_is_an_error() {
    let address = answering(&["SSH-2.0-OpenSSH_9.2\r\n"]);
    assert!(status_of(address, "/").is_err());
}

#[test]
fn the_wait_goes_on_until_the_answer_is_200() {
    let mut server = server("exec sleep 60");
    server.address = answering(&["HTTP/1.1 503 Service Unavailable\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"]);
    server.wait_until_ready().unwrap();
}

#[test]
fn a_server_that_ends_is_not_waited_for() {
    let error = server("exit 3").wait_until_ready().unwrap_err();
    assert!(matches!(error, Error::EndedEarly { .. }), "{error}");
}

#[test]
fn sigterm_and_exit_0_is_a_good_end() {
    // `read` from a pipe that nobody writes to waits for the signal without a process of its own.
    let mut child = Command::new("sh")
        .args(["-c", "trap 'exit 0' TERM; echo ready; read line"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = [0; 5];
    let output = child.stdout.as_mut().unwrap();
    output.read_exact(&mut ready).unwrap();
    let server = Server { child, address: free_address().unwrap(), log: Log(PathBuf::from("no-such-log")) };
    server.stop().unwrap();
}

#[test]
fn dying_of_sigterm_is_a_bad_end() {
    let error = server("exec sleep 60").stop().unwrap_err();
    assert!(matches!(error, Error::StoppedBadly { .. }), "{error}");
}

#[test]
fn a_log_is_shown_by_its_last_lines() {
    assert_eq!(last_lines("a\nb\nc\n", 2), ["b", "c"]);
    assert_eq!(last_lines("a\n", 2), ["a"]);
}
