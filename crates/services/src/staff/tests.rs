//! Sign-in, keys and lock-outs as staff meet them. It does not compute real password hashes.

mod nodes;
mod strangers;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use contracts::staff::{Staff as _, StaffDesk};
use platform::documents::{Change, WriteBatch};
use serde_json::{Value, json};

use super::*;
use crate::in_memory::{Client, Reply, machinery, repeats};

const EMAIL: &str = "owner@example.com";

/// Counts instead of computing.
#[derive(Default)]
struct PlainHasher {
    asked: AtomicUsize,
}

#[async_trait]
impl PasswordHasher for PlainHasher {
    async fn hash(&self, password: &str, salt: [u8; 16]) -> Result<String> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(format!("plain {} {password}", salt[0]))
    }

    async fn verify(&self, password: &str, hash: &str) -> Result<bool> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(hash.ends_with(&format!(" {password}")))
    }
}

struct Office {
    client: Client,
    staff: Arc<Staff>,
    hasher: Arc<PlainHasher>,
    machinery: Machinery,
}

async fn office() -> Office {
    let machinery = machinery().await;
    let hasher = Arc::new(PlainHasher::default());
    let staff = Arc::new(
        Staff::new(Parts::of(&machinery), hasher.clone(), Some("a-fixed-key-of-some-length".to_owned())).unwrap(),
    );
    let client = Client::new(http::router(staff.clone(), repeats(&machinery)), staff.clone());
    Office { client, staff, hasher, machinery }
}

impl Office {
    async fn sign_in(&self, email: &str, password: &str) -> Reply {
        self.client.send("POST /api/admin/sessions", &[], json!({"email": email, "password": password})).await
    }

    async fn keys(&self, bearer: &str) -> Reply {
        self.client.send("GET /api/admin/keys", &[("authorization", &format!("Bearer {bearer}"))], Value::Null).await
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_member_is_created_once() {
    let office = office().await;
    let (one, other) = tokio::join!(office.staff.create_first(EMAIL), office.staff.create_first("other@example.com"));
    let created: Vec<NewSecret> = [one.unwrap(), other.unwrap()].into_iter().flatten().collect();
    assert_eq!(created.len(), 1);
    assert_eq!((created[0].secret.len(), created[0].secret.matches('-').count()), (19, 3));
    assert!(office.staff.create_first("third@example.com").await.unwrap().is_none());
    assert_eq!(office.staff.create_first("nobody").await.unwrap_err().kind, Kind::Invalid);
}

#[tokio::test(start_paused = true)]
async fn a_session_is_opened_used_and_ended() {
    let office = office().await;
    let first = office.staff.create_first(EMAIL).await.unwrap().unwrap();
    let session = office.sign_in(" OWNER@example.com", &first.secret).await;
    assert_eq!((session.status.as_u16(), session.header("cache-control")), (201, "no-store"));
    let token = session.body["token"].as_str().unwrap().to_owned();
    assert_eq!(office.staff.authenticate(&token).await.unwrap(), Some(first.staff.clone()));
    assert_eq!(office.keys(&token).await.status.as_u16(), 200);

    let bearer = format!("Bearer {token}");
    let out =
        office.client.send("DELETE /api/admin/sessions/current", &[("authorization", &bearer)], Value::Null).await;
    assert_eq!(out.status.as_u16(), 204);
    assert_eq!(office.keys(&token).await.problem(), (401, "unauthenticated"));

    let fixed = [("authorization", "Bearer a-fixed-key-of-some-length")];
    let none = office.client.send("DELETE /api/admin/sessions/current", &fixed, Value::Null).await;
    assert_eq!(none.problem(), (404, "not_found"));

    let token = office.sign_in(EMAIL, &first.secret).await.body["token"].as_str().unwrap().to_owned();
    tokio::time::advance(Duration::from_secs(12 * 60 * 60)).await;
    assert_eq!(office.keys(&token).await.problem(), (401, "unauthenticated"));
}

#[tokio::test(start_paused = true)]
async fn nobody_learns_who_is_staff() {
    let office = office().await;
    office.staff.create_first(EMAIL).await.unwrap();
    let mut told = Vec::new();
    for email in [EMAIL, "nobody@example.com", "no e-mail at all", "🛒"] {
        let before = office.hasher.asked.load(Ordering::Relaxed);
        let refused = office.sign_in(email, "wrong").await;
        assert_eq!(office.hasher.asked.load(Ordering::Relaxed) - before, 1, "{email}");
        told.push((refused.status, refused.body));
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
    assert_eq!(told[0].0.as_u16(), 401);
}

#[tokio::test(start_paused = true)]
async fn who_fails_ten_times_waits() {
    let office = office().await;
    let first = office.staff.create_first(EMAIL).await.unwrap().unwrap();
    for email in [EMAIL, "nobody@example.com"] {
        let wrong = futures::future::join_all((0..12).map(|_| office.sign_in(email, "wrong"))).await;
        let failed = wrong.iter().filter(|reply| reply.status.as_u16() == 401).count();
        assert_eq!((failed, wrong[11].problem()), (10, (429, "too_many_requests")));
        assert_eq!(wrong[11].header("retry-after"), "91");
    }
    assert_eq!(office.sign_in(EMAIL, &first.secret).await.status.as_u16(), 429);
    tokio::time::advance(WINDOW).await;
    assert_eq!(office.sign_in(EMAIL, &first.secret).await.status.as_u16(), 201);
    for _ in 0..9 {
        assert_eq!(office.sign_in(EMAIL, "wrong").await.status.as_u16(), 401);
    }
    assert_eq!(office.sign_in(EMAIL, &first.secret).await.status.as_u16(), 201);
    assert_eq!(office.sign_in(EMAIL, "wrong").await.status.as_u16(), 401);
}

#[tokio::test(start_paused = true)]
async fn a_new_password_ends_all_sessions() {
    let office = office().await;
    let first = office.staff.create_first(EMAIL).await.unwrap().unwrap();
    let token = office.sign_in(EMAIL, &first.secret).await.body["token"].as_str().unwrap().to_owned();
    assert_eq!(office.keys(&token).await.status.as_u16(), 200);
    let reset = office.staff.reset_password("Owner@Example.com").await.unwrap();
    assert_eq!(office.keys(&token).await.status.as_u16(), 401);
    assert_eq!(office.sign_in(EMAIL, &first.secret).await.status.as_u16(), 401);
    assert_eq!(office.sign_in(EMAIL, &reset.secret).await.status.as_u16(), 201);
    assert_eq!(office.staff.reset_password("nobody@example.com").await.unwrap_err().kind, Kind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn keys_are_made_listed_and_removed() {
    let office = office().await;
    assert_eq!(office.staff.new_key(None).await.unwrap_err().kind, Kind::NotFound);
    let first = office.staff.create_first(EMAIL).await.unwrap().unwrap();
    let secret = office.staff.new_key(None).await.unwrap().secret;
    assert!(secret.starts_with("cms_") && secret.len() == 47);
    let bearer = format!("Bearer {secret}");
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "k1")];

    let made = office.client.send("POST /api/admin/keys", &headers, json!({"name": "warehouse"})).await;
    assert_eq!((made.status.as_u16(), &made.body["staff"]), (201, &json!(first.staff.as_str())));
    let again = office.client.send("POST /api/admin/keys", &headers, json!({"name": "warehouse"})).await;
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &made.body));
    let other = office.client.send("POST /api/admin/keys", &headers, json!({"name": "other"})).await;
    assert_eq!(other.problem(), (422, "idempotency_key_reused"));
    for name in ["", "a\nb", &"x".repeat(201)] {
        let refused = office.client.send("POST /api/admin/keys", &headers[..1], json!({"name": name})).await;
        assert_eq!(refused.errors(), ["/name invalid"], "{name:?}");
    }

    let new = made.body["secret"].as_str().unwrap();
    let listed = office.keys(new).await;
    let items = listed.body["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert!(!listed.body.to_string().contains("secret"));
    let warehouse = items.iter().find(|item| item["name"] == "warehouse").unwrap();
    assert_eq!(warehouse["last_used_on"], json!("2027-01-15"));

    // Another process removes it: here it stops working within the second.
    let beside = Staff::new(Parts::of(&office.machinery), office.hasher.clone(), None).unwrap();
    let id: domain::ids::KeyId = warehouse["id"].as_str().unwrap().parse().unwrap();
    assert!(beside.remove_key(&id).await.unwrap());
    assert_eq!(office.keys(new).await.status.as_u16(), 200);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(office.keys(new).await.status.as_u16(), 401);

    // Removed here, it stops at once.
    let mine = office.keys(&secret).await.body["items"][0]["id"].as_str().unwrap().to_owned();
    let remove = format!("DELETE /api/admin/keys/{mine}");
    assert_eq!(office.client.send(&remove, &headers[..1], Value::Null).await.status.as_u16(), 204);
    assert_eq!(office.keys(&secret).await.status.as_u16(), 401);
    let fixed = [("authorization", "Bearer a-fixed-key-of-some-length")];
    assert_eq!(office.client.send(&remove, &fixed, Value::Null).await.problem(), (404, "not_found"));
    assert_eq!(office.client.send("DELETE /api/admin/keys/x", &fixed, Value::Null).await.problem().0, 404);
}

#[tokio::test(start_paused = true)]
async fn a_fixed_key_must_be_long() {
    let office = office().await;
    assert_eq!(office.keys("a-fixed-key-of-some-length").await.status.as_u16(), 200);
    assert_eq!(office.keys("a-fixed-key-of-some-lengtH").await.status.as_u16(), 401);
    let with = |key: &str| Staff::new(Parts::of(&office.machinery), office.hasher.clone(), Some(key.to_owned())).err();
    assert_eq!(with("123456789012345"), Some(SetupError::FixedKeyTooShort));
    assert_eq!(with("with spaces in between"), Some(SetupError::FixedKeyCharacters));
    assert_eq!(with("1234567890123456"), None);
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_stored() {
    let office = office().await;
    let first = office.staff.create_first(EMAIL).await.unwrap().unwrap();
    let key = office.staff.new_key(Some(EMAIL)).await.unwrap().secret;
    let token = office.sign_in(EMAIL, &first.secret).await.body["token"].as_str().unwrap().to_owned();
    for collection in [KEYS, SESSIONS] {
        for document in office.machinery.documents.scan(collection, None, 10).await.unwrap() {
            let text = format!("{} {}", document.id, document.body);
            assert!(!text.contains(&key[4..]) && !text.contains(&token[4..]), "{text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_is_added_once() {
    let office = office().await;
    office.staff.create_first(EMAIL).await.unwrap().unwrap();
    tokio::time::advance(Duration::from_secs(1)).await;
    let (one, other) = tokio::join!(office.staff.add("new@example.com"), office.staff.add("NEW@example.com"));
    let (added, refused): (Vec<_>, Vec<_>) = [one, other].into_iter().partition(|told| told.is_ok());
    let added = added.into_iter().next().unwrap().unwrap();
    assert_eq!(refused.into_iter().next().unwrap().unwrap_err().code, "email_taken");
    assert_eq!(office.staff.add(EMAIL).await.unwrap_err().code, "email_taken");
    assert_eq!(office.staff.add("nobody").await.unwrap_err().kind, Kind::Invalid);
    assert_eq!(office.sign_in(" New@Example.com", &added.secret).await.status.as_u16(), 201);
    let emails: Vec<String> = office.staff.members().await.unwrap().into_iter().map(|member| member.email).collect();
    assert_eq!(emails.len(), 2);
    assert_eq!(emails[0], EMAIL);
    assert_eq!(StaffDesk::member(office.staff.as_ref(), &added.staff).await.unwrap().id, added.staff);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_takes_their_ways_in_along() {
    let office = office().await;
    let first = office.staff.create_first(EMAIL).await.unwrap().unwrap();
    let other = office.staff.add("other@example.com").await.unwrap();
    let session =
        StaffDesk::sign_in(office.staff.as_ref(), "other@example.com", &other.secret, Whence::default()).await.unwrap();
    let (_, key) = office.staff.create_key(&other.staff, "warehouse").await.unwrap();
    let (_, kept) = office.staff.create_key(&first.staff, "books").await.unwrap();
    for way_in in [&session.token, &key] {
        assert_eq!(office.staff.authenticate(way_in).await.unwrap(), Some(other.staff.clone()));
    }

    office.staff.remove(&other.staff).await.unwrap();
    for way_in in [&session.token, &key] {
        assert_eq!(office.staff.authenticate(way_in).await.unwrap(), None);
    }
    assert_eq!(office.staff.authenticate(&kept).await.unwrap(), Some(first.staff));
    assert_eq!(office.sign_in("other@example.com", &other.secret).await.status.as_u16(), 401);
    assert_eq!(StaffDesk::keys(office.staff.as_ref(), None, 10).await.unwrap().items.len(), 1);
    for error in [
        office.staff.remove(&other.staff).await.unwrap_err(),
        StaffDesk::member(office.staff.as_ref(), &other.staff).await.unwrap_err(),
        office.staff.reset(&other.staff).await.unwrap_err(),
    ] {
        assert_eq!(error.kind, Kind::NotFound);
    }
    // Who comes back begins anew: no way in of before opens again.
    let back = office.staff.add("other@example.com").await.unwrap();
    assert_ne!(back.secret, other.secret);
    for way_in in [&session.token, &key] {
        assert_eq!(office.staff.authenticate(way_in).await.unwrap(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_always_stays() {
    let office = office().await;
    let first = office.staff.create_first(EMAIL).await.unwrap().unwrap();
    assert_eq!(office.staff.remove(&first.staff).await.unwrap_err().code, "last_member");
    let other = office.staff.add("other@example.com").await.unwrap();
    let both = tokio::join!(office.staff.remove(&first.staff), office.staff.remove(&other.staff));
    let removed = [both.0.is_ok(), both.1.is_ok()];
    assert_eq!(removed.iter().filter(|is_removed| **is_removed).count(), 1, "{removed:?}");
    assert_eq!(office.staff.members().await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_first_member_is_not_made_again_after_they_left() {
    let office = office().await;
    let first = office.staff.create_first(EMAIL).await.unwrap().unwrap();
    office.staff.add("other@example.com").await.unwrap();
    office.staff.remove(&first.staff).await.unwrap();
    assert!(office.staff.create_first(EMAIL).await.unwrap().is_none());
    assert_eq!(office.staff.members().await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn ones_own_password_needs_the_old_one_and_ends_other_sessions() {
    let office = office().await;
    let first = office.staff.create_first(EMAIL).await.unwrap().unwrap();
    let desk: &dyn StaffDesk = office.staff.as_ref();
    let (here, there) = (
        desk.sign_in(EMAIL, &first.secret, Whence::default()).await.unwrap(),
        desk.sign_in(EMAIL, &first.secret, Whence::default()).await.unwrap(),
    );
    let change = async |old: &str, new: &str| desk.change_password(&first.staff, old, new, &here.token).await;
    let told = |error: Error| (error.fields[0].pointer.clone(), error.fields[0].code.clone());
    assert_eq!(
        told(change("wrong", "long enough to be taken").await.unwrap_err()),
        ("/old".into(), "wrong_password".into())
    );
    assert_eq!(told(change(&first.secret, "elevenchars").await.unwrap_err()), ("/new".into(), "out_of_range".into()));
    assert_eq!(
        told(change(&first.secret, &"x".repeat(5_000)).await.unwrap_err()),
        ("/new".into(), "out_of_range".into())
    );
    change(&first.secret, "long enough to be taken").await.unwrap();
    assert_eq!(office.staff.authenticate(&here.token).await.unwrap(), Some(first.staff.clone()));
    assert_eq!(office.staff.authenticate(&there.token).await.unwrap(), None);
    assert!(desk.sign_in(EMAIL, &first.secret, Whence::default()).await.is_err());
    assert!(desk.sign_in(EMAIL, "long enough to be taken", Whence::default()).await.is_ok());
}
