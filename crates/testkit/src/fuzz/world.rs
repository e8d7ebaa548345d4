//! A shop that stays open from one input to the next, and is opened anew before it grows.
//! It does not know what is done in it.

use std::cell::RefCell;

use tokio::runtime::{Builder, Runtime};

use super::front::Front;

/// After so many inputs the shop is opened anew. What an input does to later ones is bounded, and so is memory.
const INPUTS_PER_SHOP: usize = 64;

struct World {
    front: Front,
    runtime: Runtime,
    inputs: usize,
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// Does something in the shop, on time that moves only when everybody waits. After a panic the next one finds a new shop.
pub fn in_the_shop<F: for<'a> AsyncFnOnce(&'a Front)>(work: F) {
    WORLD.with(|held| {
        let mut world = held.take().unwrap_or_else(World::open);
        world.runtime.block_on(work(&world.front));
        world.inputs += 1;
        if world.inputs < INPUTS_PER_SHOP {
            held.replace(Some(world));
        }
    });
}

impl World {
    fn open() -> Self {
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
        let front = runtime.block_on(Front::open());
        Self { front, runtime, inputs: 0 }
    }
}
