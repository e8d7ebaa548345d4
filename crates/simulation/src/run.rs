//! A run: one seed from the first day to the last look at the books.
//! It does not know how anything fails; the faults that the seed draws do.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::{Arc, Once};
use std::time::Duration;

use platform::leases::DEAD_AFTER;

use crate::clients::Street;
use crate::ending;
use crate::faults::Faults;
use crate::goods;
use crate::judge::{Invariant, Violation};
use crate::node::Node;
use crate::plant::Plant;
use crate::town::{Host, Town};
use crate::trace::digest;
use crate::world::World;

/// Clients that have not come to an end so long after the storm never will, in their own time.
const FAREWELL: Duration = Duration::from_secs(1_800);
/// Nodes live through so much time before the others do.
const ABREAST: Duration = Duration::from_millis(300);
/// How a shop is looked at while it comes to rest: it runs a little, then time is put forward.
const RUNS: Duration = Duration::from_millis(2_500);
const PUT_FORWARD: Duration = Duration::from_secs(150);
/// A shop that is not at rest after so many looks never will be.
const LOOKS: u32 = 60;

/// Threads of this name keep quiet about a panic; the run's report tells it.
pub const THREADS: &str = "seeds";

/// What came of one seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub seed: u64,
    pub violation: Option<Violation>,
    /// Over every step: equal runs have equal hashes.
    pub hash: u64,
    pub steps: u64,
    pub orders: usize,
    pub lives: u64,
    /// The last steps, where they were asked for.
    pub lines: Vec<String>,
}

thread_local! {
    /// What panicked on this thread; a run has it to itself.
    static PANICKED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs one seed. `lines`: how many of the last steps to keep for reading; it makes a run slower and not otherwise.
pub fn run(seed: u64, plant: Option<Plant>, lines: usize) -> Report {
    note_panics();
    PANICKED.take();
    let world = Arc::new(World::new(seed, Faults::drawn(seed), plant, lines > 0));
    let town = Town::new(&world);
    let mut hosts: Vec<Host> = (0..world.faults.nodes).map(|number| Host::new(&town, number)).collect();
    let mut street = Street::open(&town);
    open_shop(&town, &mut hosts);
    if !world.is_over() {
        street.fill(&town);
        storm(&town, &mut hosts, &mut street);
        calm(&town, &mut hosts, &mut street);
    }
    hosts.iter_mut().for_each(Host::stop);
    town.disk.settle_all();
    if let Some(panic) = PANICKED.take() {
        world.violated(Invariant::NothingBreaks, panic);
    }
    Report {
        seed,
        violation: world.violation(),
        hash: world.trace.hash(),
        steps: world.trace.steps(),
        orders: town.judge.look(|seen| seen.order_ids().len()),
        lives: hosts.iter().map(Host::lives).sum(),
        lines: world.trace.last_lines(lines),
    }
}

fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let is_of_a_test = std::thread::current().name().is_some_and(|name| !name.starts_with(THREADS));
            PANICKED.with_borrow_mut(|panicked| {
                panicked.get_or_insert_with(|| panic.to_string());
            });
            if is_of_a_test {
                before(panic);
            }
        }));
    });
}

fn open_shop(town: &Arc<Town>, hosts: &mut [Host]) {
    hosts.iter_mut().for_each(Host::start_for_ever);
    let Some(Some(opened)) = hosts.first().map(|host| host.ask(goods::put_on_shelves)) else {
        return town.world.violated(Invariant::NothingBreaks, "the first node did not start".to_owned());
    };
    if let Err(error) = opened {
        town.world.violated(Invariant::NothingBreaks, format!("the shop could not be set up: {error:?}"));
    }
}

/// Clients come, and everything fails that this seed lets fail.
fn storm(town: &Arc<Town>, hosts: &mut [Host], street: &mut Street) {
    let world = &town.world;
    let faults = &world.faults;
    world.set_calm(false);
    let mut crashes_left = faults.crashes;
    for host in hosts.iter_mut() {
        host.doom(points(town, crashes_left));
    }
    let mut passed = Duration::ZERO;
    while passed < faults.storm && !world.is_over() && !street.is_empty() {
        let mut slice = Duration::from_millis(match world.chance.below(10) {
            0..6 => world.chance.within(1..=15),
            6..9 => world.chance.within(15..=60),
            _ => world.chance.within(60..=300),
        });
        for host in hosts.iter_mut() {
            if host.down_until().is_some_and(|until| until <= world.now()) {
                crashes_left = crashes_left.saturating_sub(1);
                host.start(points(town, crashes_left));
            }
        }
        if hosts.iter().all(|host| !host.is_alive()) {
            slice = wait_for_node(town, hosts).max(slice);
        }
        passed += slice.min(Duration::from_secs(1));
        step(town, hosts, street, slice);
        if world.fails(faults.freezes) {
            freeze(town, hosts);
        }
    }
}

/// How long a node lives, in points at which a port is called.
fn points(town: &Town, crashes_left: u64) -> u64 {
    let chance = &town.world.chance;
    if crashes_left == 0 { crate::life::FOR_EVER } else { chance.within(1..=town.world.faults.life_points) }
}

fn wait_for_node(town: &Town, hosts: &[Host]) -> Duration {
    let next = hosts.iter().filter_map(Host::down_until).min();
    let wait = next.map(|next| next.duration_since(town.world.now()));
    wait.and_then(|wait| Duration::try_from(wait).ok()).unwrap_or_default()
}

/// Everybody lives through one slice of time: clients, then nodes, in an order that chance draws.
fn step(town: &Arc<Town>, hosts: &mut [Host], street: &mut Street, slice: Duration) {
    // A client waits no longer than a minute for a shop that is down for hours.
    street.run(slice.min(Duration::from_secs(60)));
    let first = usize::try_from(town.world.chance.below(hosts.len() as u64)).unwrap_or(0);
    // Nodes watch each other's time: none is ever far ahead of another.
    let mut left = slice;
    while !left.is_zero() {
        let piece = left.min(ABREAST);
        for turn in 0..hosts.len() {
            let place = (first + turn) % hosts.len();
            hosts[place].run(piece);
        }
        left -= piece;
        town.world.pass(piece);
    }
    town.bank.pass();
    look_at_duties(town, hosts);
    if let Some(panic) = PANICKED.with_borrow(Clone::clone) {
        town.world.violated(Invariant::NothingBreaks, panic);
    }
}

/// No two nodes believe at one time that a duty is their own.
fn look_at_duties(town: &Arc<Town>, hosts: &[Host]) {
    // A node that took long to start is ahead of the world, and others seem to stand still to it, as it does to them until the
    // world is there. What they believe of each other then is of that time.
    let now = town.world.now();
    if hosts.iter().any(|host| host.now().is_some_and(|shown| shown > now + ABREAST)) {
        town.world.strayed();
    }
    if town.world.strayed_at() + DEAD_AFTER > now {
        return;
    }
    let mut held = BTreeSet::new();
    for host in hosts {
        let duties = host.ask(async |node: &Node| node.machinery.projector.leases().held());
        for duty in duties.into_iter().flatten() {
            if !held.insert(duty) {
                town.world.violated(Invariant::OneHasEachDuty, format!("two nodes have the duty {duty}"));
            }
        }
    }
}

/// The machine sleeps, or of two nodes one stands still while the other goes on.
fn freeze(town: &Arc<Town>, hosts: &mut [Host]) {
    let world = &town.world;
    let chance = &world.chance;
    let time = match chance.below(10) {
        0..6 => Duration::from_secs(chance.within(5..=120)),
        6..9 => Duration::from_secs(chance.within(120..=3_600)),
        _ => Duration::from_secs(chance.within(12..=30) * 3_600),
    };
    world.trace.step(world.now(), "town", digest("freeze"), || format!("everything stands still for {time:?}"));
    let frozen = usize::try_from(chance.below(hosts.len() as u64 + 1)).unwrap_or(0);
    if hosts.len() == 1 || frozen == hosts.len() || time > Duration::from_secs(60) {
        hosts.iter().for_each(|host| host.skip(time));
        return world.pass(time);
    }
    // The others live on, in the same world.
    let mut passed = Duration::ZERO;
    while passed < time && !world.is_over() {
        let slice = Duration::from_millis(chance.within(20..=400));
        for (number, host) in hosts.iter_mut().enumerate() {
            if number != frozen {
                host.run(slice);
            }
        }
        world.pass(slice);
        passed += slice;
    }
    hosts[frozen].skip(passed);
}

/// Nothing fails any more: everybody gets an answer, every process ends, and the books are looked at.
fn calm(town: &Arc<Town>, hosts: &mut [Host], street: &mut Street) {
    let world = &town.world;
    world.set_calm(true);
    world.trace.step(world.now(), "town", digest("calm"), || "the storm is over".to_owned());
    hosts.iter().for_each(Host::spare);
    for host in hosts.iter_mut() {
        let mut starts = 0;
        while !host.is_alive() && starts < 3 && !world.is_over() {
            host.start_for_ever();
            starts += 1;
        }
    }
    say_farewell(town, hosts, street);
    come_to_rest(town, hosts, street);
    for _ in 0..2 {
        if world.is_over() || town.judge.look(|seen| seen.parked_orders().is_empty()) {
            break;
        }
        street.see_to_parked(town);
        say_farewell(town, hosts, street);
        come_to_rest(town, hosts, street);
    }
    street.come_back(town);
    say_farewell(town, hosts, street);
    come_to_rest(town, hosts, street);
    if !world.is_over() {
        ending::check(town, hosts, &street.notebook);
    }
}

/// Until no client wants anything any more.
fn say_farewell(town: &Arc<Town>, hosts: &mut [Host], street: &mut Street) {
    let mut passed = Duration::ZERO;
    while !street.is_empty() && !town.world.is_over() {
        let slice = Duration::from_millis(town.world.chance.within(5..=100));
        step(town, hosts, street, slice);
        passed += slice;
        if passed > FAREWELL {
            let detail = "a client is not answered though nothing fails".to_owned();
            return town.world.violated(Invariant::ProcessesEnd, detail);
        }
    }
}

/// Until no process is open: time is put forward past every pause, grace and expiry.
fn come_to_rest(town: &Arc<Town>, hosts: &mut [Host], street: &mut Street) {
    let world = &town.world;
    for _ in 0..LOOKS {
        if world.is_over() {
            return;
        }
        let mut passed = Duration::ZERO;
        while passed < RUNS && !world.is_over() {
            let slice = Duration::from_millis(world.chance.within(100..=600));
            step(town, hosts, street, slice);
            passed += slice;
        }
        if ending::is_at_rest(town, hosts) {
            return;
        }
        hosts.iter().for_each(|host| host.skip(PUT_FORWARD));
        world.pass(PUT_FORWARD);
    }
    if let Some(unrest) = ending::unrest(town, hosts) {
        world.violated(Invariant::ProcessesEnd, unrest);
    }
}
