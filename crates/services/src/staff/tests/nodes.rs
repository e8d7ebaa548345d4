//! Two nodes over one store, and what they tell each other of sessions and of who left.

use platform::cache::MemoryShelf;

use super::*;

/// Another node over the same store.
fn node(office: &Office, shelf: &Arc<MemoryShelf>) -> Arc<Staff> {
    let staff = Staff::new(Parts::of(&office.machinery), office.hasher.clone(), None).unwrap();
    Arc::new(staff.among_others(SecondLevel::start(shelf.clone(), SHARED_NAME)))
}

async fn two_nodes() -> (Office, Arc<MemoryShelf>, [Arc<Staff>; 2]) {
    let (office, shelf) = (office().await, Arc::new(MemoryShelf::default()));
    let nodes = [node(&office, &shelf), node(&office, &shelf)];
    (office, shelf, nodes)
}

async fn signed_in(staff: &Staff, password: &str) -> String {
    staff.sign_in(EMAIL, password, Whence::default()).await.unwrap().token
}

async fn is_good(staff: &Staff, token: &str) -> bool {
    staff.authenticate(token).await.unwrap().is_some()
}

#[tokio::test(start_paused = true)]
async fn what_ends_on_one_node_ends_on_the_other_at_once() {
    let (_office, _shelf, [one, other]) = two_nodes().await;
    let first = one.create_first(EMAIL).await.unwrap().unwrap();
    let here = signed_in(&one, &first.secret).await;
    assert!(is_good(&other, &here).await && is_good(&one, &here).await && is_good(&other, &here).await);
    one.sign_out(&here).await.unwrap();
    assert!(!is_good(&other, &here).await && !is_good(&one, &here).await);

    let key = one.new_key(None).await.unwrap().secret;
    assert!(is_good(&other, &key).await && is_good(&one, &key).await);
    let keys = StaffDesk::keys(other.as_ref(), None, 10).await.unwrap();
    StaffDesk::remove_key(other.as_ref(), &keys.items[0].id).await.unwrap();
    assert!(!is_good(&one, &key).await);

    let (here, there) = (signed_in(&one, &first.secret).await, signed_in(&other, &first.secret).await);
    assert!(is_good(&other, &here).await && is_good(&one, &there).await);
    other.change_password(&first.staff, &first.secret, "long enough to be taken", &there).await.unwrap();
    assert!(!is_good(&one, &here).await && is_good(&one, &there).await);
    one.reset_password(EMAIL).await.unwrap();
    assert!(!is_good(&other, &there).await);

    let added = one.add("new@example.com").await.unwrap();
    let new = one.sign_in("new@example.com", &added.secret, Whence::default()).await.unwrap();
    assert!(is_good(&other, &new.token).await);
    one.remove(&added.staff).await.unwrap();
    assert!(!is_good(&other, &new.token).await);
}

#[tokio::test(start_paused = true)]
async fn what_one_node_found_the_other_need_not_look_for() {
    let (office, shelf, [one, other]) = two_nodes().await;
    let first = one.create_first(EMAIL).await.unwrap().unwrap();
    let token = signed_in(&one, &first.secret).await;
    assert!(is_good(&one, &token).await);
    // Gone from the store behind everybody's back, as the command line may do it: within the second it works nowhere.
    let documents = &office.machinery.documents;
    let sessions = documents.scan(SESSIONS, None, 10).await.unwrap();
    let gone = Change::Delete { collection: SESSIONS, id: sessions[0].id.clone() };
    documents.write(WriteBatch { changes: vec![gone], checkpoints: Vec::new() }).await.unwrap();
    assert!(is_good(&other, &token).await, "the other node was not asked again");
    tokio::time::advance(Duration::from_millis(800)).await;
    assert!(!is_good(&other, &token).await && !is_good(&one, &token).await);
    // As it was while nobody can be told.
    shelf.be_gone(true);
    let token = signed_in(&one, &first.secret).await;
    assert!(is_good(&other, &token).await);
    one.sign_out(&token).await.unwrap();
    assert!(!is_good(&one, &token).await && is_good(&other, &token).await);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(!is_good(&other, &token).await);
}

#[tokio::test(start_paused = true)]
async fn a_look_that_began_before_the_end_brings_nothing_back() {
    let (_office, _shelf, [one, other]) = two_nodes().await;
    let first = one.create_first(EMAIL).await.unwrap().unwrap();
    for _ in 0..20 {
        let token = signed_in(&one, &first.secret).await;
        // All at once: the store lets others go first at every turn.
        let (_, out, _) = tokio::join!(is_good(&other, &token), one.sign_out(&token), is_good(&one, &token));
        out.unwrap();
        assert!(!is_good(&other, &token).await && !is_good(&one, &token).await);
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_always_stays_whichever_nodes_remove_them() {
    let (_office, _shelf, [one, other]) = two_nodes().await;
    let first = one.create_first(EMAIL).await.unwrap().unwrap();
    for round in 0..10 {
        let added = one.add(&format!("{round}@example.com")).await.unwrap();
        let members = one.members().await.unwrap();
        let [a, b] = members.as_slice() else { panic!("{members:?}") };
        let both = tokio::join!(one.remove(&a.id), other.remove(&b.id));
        let refused = [both.0, both.1].into_iter().filter_map(Result::err).map(|error| error.code).collect::<Vec<_>>();
        assert_eq!(refused, ["last_member"], "round {round}: {added:?}");
        assert_eq!(other.members().await.unwrap().len(), 1);
    }
    assert!(one.create_first(EMAIL).await.unwrap().is_none(), "{}", first.email);
}
