//! What holds for checkpoints: they move with the changes of their batch, and only from where their writer believes them.
//! It does not know who follows what.

use super::*;

pub(super) async fn checkpoints_are_kept_with_the_changes(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    let (first, stored) = (Checkpoint::first, Checkpoint::stored);
    let far = u64::from(u32::MAX);
    let begun = vec![first("rooms", 9, 5), first("rooms", 2, 7), first("other", 2, 1)];
    desk.follow([Change::Put(room("a", 1))], begun).await.expect("the batch is written");
    assert_eq!(desk.checkpoints("rooms").await, [stored("rooms", 2, 7), stored("rooms", 9, 5)]);
    let back = vec![stored("rooms", 9, 5).moved_to(0), first("rooms", 63, far)];
    desk.follow([Change::Clear { collection: ROOMS }], back).await.expect("a checkpoint may be moved back");
    assert_eq!(
        desk.checkpoints("rooms").await,
        [stored("rooms", 2, 7), stored("rooms", 9, 0), stored("rooms", 63, far)]
    );
    assert_eq!(desk.checkpoints("other").await, [stored("other", 2, 1)]);
    assert!(desk.checkpoints("rooms ").await.is_empty());
}

pub(super) async fn a_checkpoint_moves_from_where_it_is(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    let at = Checkpoint::stored;
    desk.follow([], vec![Checkpoint::first("rooms", 1, 0)]).await.expect("it is stored nowhere yet");
    // Nowhere is not at the beginning.
    for wrong in [Checkpoint::first("rooms", 1, 4), at("rooms", 1, 3).moved_to(4), at("rooms", 2, 0).moved_to(4)] {
        let answer = desk.follow([], vec![wrong.clone()]).await;
        assert!(matches!(answer, Err(StoreError::Overtaken(_))), "{wrong:?}: {answer:?}");
    }
    desk.follow([], vec![at("rooms", 1, 0).moved_to(4)]).await.expect("it is there");
    desk.follow([], vec![at("rooms", 1, 4).moved_to(4)]).await.expect("standing still is a move, too");
    let twice = vec![at("rooms", 1, 4).moved_to(6), at("rooms", 1, 6).moved_to(9)];
    desk.follow([], twice).await.expect("moves of one batch happen in their order");
    assert_eq!(desk.checkpoints("rooms").await, [at("rooms", 1, 9)]);
}

pub(super) async fn who_is_overtaken_writes_nothing(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    let at = Checkpoint::stored;
    let begun = vec![Checkpoint::first("rooms", 1, 10), Checkpoint::first("rooms", 2, 20)];
    desk.follow([Change::Put(room("hall", 1))], begun).await.expect("the batch is written");
    let late = [Change::Put(room("hall", 2)), Change::Put(room("attic", 2)), Change::Clear { collection: KEYS }];
    desk.put([bare(KEYS, "front", "1")]).await;
    let moves = vec![at("rooms", 1, 10).moved_to(11), at("rooms", 2, 19).moved_to(21)];
    let answer = desk.follow(late, moves).await;
    assert!(matches!(answer, Err(StoreError::Overtaken(_))), "{answer:?}");
    assert_eq!(desk.checkpoints("rooms").await, [at("rooms", 1, 10), at("rooms", 2, 20)]);
    assert_eq!(desk.ids(by_size()).await, ["hall"]);
    assert_eq!(desk.get(ROOMS, "hall").await.expect("the room").version, 1);
    assert!(desk.get(KEYS, "front").await.is_some());
}

/// Writers who all fold the same facts, and one who had stood still for a while.
pub(super) async fn of_racing_followers_one_moves_on(engine: &dyn Engine) {
    let desk = Desk::fresh(engine).await;
    desk.follow([], vec![Checkpoint::first("rooms", 1, 0)]).await.expect("the batch is written");
    for round in 0..5 {
        let racers = (0..12).map(|n| {
            let moved = Checkpoint::stored("rooms", 1, round).moved_to(round + 1);
            desk.follow([Change::Put(room("hall", i64::from(n)))], vec![moved])
        });
        let answers = futures::future::join_all(racers).await;
        let won: Vec<usize> = (0..12).filter(|n| answers[*n].is_ok()).collect();
        assert_eq!(won.len(), 1, "{answers:?}");
        assert!(answers.iter().all(|answer| matches!(answer, Ok(()) | Err(StoreError::Overtaken(_)))), "{answers:?}");
        let there = desk.get(ROOMS, "hall").await.expect("the room");
        assert_eq!((value(&there.body), there.version), (value(&room("hall", won[0] as i64).body), round + 1));
    }
}
