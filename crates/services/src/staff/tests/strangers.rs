//! Who guesses passwords, and whom that keeps out.

use super::*;

const RIGHT: &str = "right";

/// A shop with one member of staff, and how often somebody may try there.
struct Door(Arc<Staff>, String);

impl Door {
    async fn of(office: &Office) -> Self {
        let first = office.staff.create_first(EMAIL).await.unwrap().unwrap();
        Self(office.staff.clone(), first.secret)
    }

    /// The code of what came of it.
    async fn try_from(&self, client: &str, device: Option<&str>, password: &str) -> String {
        let from = Whence { client: Some(client.parse().unwrap()), device };
        let password = if password == RIGHT { &self.1 } else { password };
        match self.0.sign_in(EMAIL, password, from).await {
            Ok(_) => "in".to_owned(),
            Err(error) => error.code.into_owned(),
        }
    }

    async fn device(&self) -> String {
        let from = Whence { client: Some("192.0.2.1".parse().unwrap()), device: None };
        self.0.sign_in(EMAIL, &self.1, from).await.unwrap().device
    }
}

#[tokio::test(start_paused = true)]
async fn a_stranger_keeps_nobody_out_who_sits_elsewhere() {
    let office = office().await;
    let door = Door::of(&office).await;
    for _ in 0..10 {
        assert_eq!(door.try_from("203.0.113.9", None, "guess").await, "unauthenticated");
    }
    assert_eq!(door.try_from("203.0.113.9", None, RIGHT).await, "too_many_requests");
    assert_eq!(door.try_from("::ffff:203.0.113.9", None, RIGHT).await, "too_many_requests");
    assert_eq!(door.try_from("192.0.2.1", None, RIGHT).await, "in");
    // Ninety seconds later one more guess.
    tokio::time::advance(Duration::from_secs(91)).await;
    assert_eq!(door.try_from("203.0.113.9", None, "guess").await, "unauthenticated");
    assert_eq!(door.try_from("203.0.113.9", None, "guess").await, "too_many_requests");
}

#[tokio::test(start_paused = true)]
async fn many_strangers_are_slowed_down_and_a_device_that_is_known_is_not() {
    let office = office().await;
    let door = Door::of(&office).await;
    let device = door.device().await;
    let mut wrong = 0;
    // An IPv6 stranger has as many networks as they like; within one, addresses are the same to us.
    for network in 0..40 {
        let told = door.try_from(&format!("2001:db8:0:{network:x}::1"), None, "guess").await;
        wrong += u32::from(told == "unauthenticated");
    }
    assert_eq!(wrong, STRANGERS_FAILURES_MAX);
    assert_eq!(door.try_from("198.51.100.1", None, RIGHT).await, "too_many_requests");
    assert_eq!(door.try_from("198.51.100.1", Some(&device), RIGHT).await, "in");
    // Guessing on with a device that is known comes to an end, too.
    for _ in 0..10 {
        assert_eq!(door.try_from("198.51.100.1", Some(&device), "guess").await, "unauthenticated");
    }
    assert_eq!(door.try_from("198.51.100.2", Some(&device), RIGHT).await, "too_many_requests");
}

#[tokio::test(start_paused = true)]
async fn a_device_is_known_for_who_signed_in_on_it() {
    let office = office().await;
    let door = Door::of(&office).await;
    let staff = &office.staff;
    let mine = door.device().await;
    assert!(staff.known_device(EMAIL, Some(&mine)).is_some());
    assert_eq!(staff.marked_device(EMAIL, Some(&mine)), mine, "it keeps its mark");
    let (cut, turned) = (&mine[..mine.len() - 1], mine.to_uppercase());
    for wrong in ["", ".", "x", "....", cut, turned.as_str(), "ééééééééééééééééééééééééé"] {
        assert_eq!(staff.known_device(EMAIL, Some(wrong)), None, "{wrong}");
    }
    assert_eq!(staff.known_device("other@example.com", Some(&mine)), None);
    let mut kept = mine.clone();
    for nth in 0..4 {
        kept = staff.marked_device(&format!("{nth}@example.com"), Some(&kept));
    }
    assert!(staff.known_device(EMAIL, Some(&kept)).is_some());
    assert!(staff.known_device("0@example.com", Some(&kept)).is_some());
    kept = staff.marked_device("4@example.com", Some(&kept));
    assert!(staff.known_device(EMAIL, Some(&kept)).is_none(), "who was there longest ago goes first");
    assert!(kept.len() < 400, "{kept}");
}
