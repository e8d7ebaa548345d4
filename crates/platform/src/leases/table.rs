//! The table that nodes keep together: who lives, and who has which duty; and what one node does about it.
//! It does not read or write it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{DEAD_AFTER, LOOK_EVERY};

/// As it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Nodes that live, each with a number that it raises.
    nodes: BTreeMap<String, u64>,
    duties: BTreeMap<String, Holding>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Holding {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    holder: Option<String>,
    /// The highest version of it that any node had.
    version: u32,
}

impl Table {
    pub fn holder(&self, duty: &str) -> Option<&str> {
        self.duties.get(duty)?.holder.as_deref()
    }

    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    pub fn names(&self) -> BTreeSet<String> {
        self.nodes.keys().cloned().collect()
    }

    /// Says that a node lives, or does not want to be counted on any more.
    pub fn beat(&mut self, me: &str, is_leaving: bool) {
        match is_leaving {
            true => drop(self.nodes.remove(me)),
            false => *self.nodes.entry(me.to_owned()).or_default() += 1,
        }
    }

    fn held_by(&self, node: &str) -> Vec<String> {
        let held = self.duties.iter().filter(|(_, held)| held.holder.as_deref() == Some(node));
        held.map(|(name, _)| name.clone()).collect()
    }

    fn free(&mut self, duty: &str) {
        if let Some(held) = self.duties.get_mut(duty) {
            held.holder = None;
        }
    }
}

/// What a node wants, and what it has seen of the others.
#[derive(Debug, Default)]
pub struct Wishes {
    /// Duties with the version that this node has of each.
    pub wanted: BTreeMap<&'static str, u32>,
    pub is_leaving: bool,
    /// Since when the number of each other node stands where it stands.
    seen: BTreeMap<String, (u64, Instant)>,
    free_since: BTreeMap<String, Instant>,
    /// How many nodes lived in the table as it was stored last.
    lived: usize,
}

impl Wishes {
    /// Brings a table up to date, as this node sees it. `read`: when reading it began and ended. Answers whether
    /// anything changed.
    pub fn settle(&mut self, table: &mut Table, me: &str, read: (Instant, Instant)) -> bool {
        let before = table.clone();
        self.bury(table, me, read);
        if self.is_leaving {
            table.held_by(me).iter().for_each(|duty| table.free(duty));
            return *table != before || table.nodes.contains_key(me);
        }
        self.register(table);
        self.give_up(table, me);
        self.take(table, me, read.1);
        *table != before
    }

    /// Takes those away whose number stands still.
    fn bury(&mut self, table: &mut Table, me: &str, (began, ended): (Instant, Instant)) {
        self.seen.retain(|node, _| table.nodes.contains_key(node));
        for (node, number) in table.nodes.iter().filter(|(node, _)| *node != me) {
            match self.seen.get(node) {
                Some((seen, _)) if seen == number => {}
                _ => drop(self.seen.insert(node.clone(), (*number, ended))),
            }
        }
        let is_dead = |since: Instant| began.saturating_duration_since(since) >= DEAD_AFTER;
        let dead: BTreeSet<String> =
            self.seen.iter().filter(|(_, (_, since))| is_dead(*since)).map(|(node, _)| node.clone()).collect();
        for node in &dead {
            tracing::info!(node, "a node is gone; its duties are taken over");
            table.nodes.remove(node);
            self.seen.remove(node);
        }
        for held in table.duties.values_mut() {
            held.holder = held.holder.take().filter(|holder| holder == me || table.nodes.contains_key(holder));
        }
    }

    fn register(&self, table: &mut Table) {
        for (name, version) in &self.wanted {
            let held = table.duties.entry((*name).to_owned()).or_default();
            if *version > held.version {
                held.version = *version;
            }
        }
    }

    fn may_have(&self, table: &Table, duty: &str) -> bool {
        let version = self.wanted.get(duty);
        version.is_some_and(|version| table.duties.get(duty).is_none_or(|held| held.version <= *version))
    }

    /// What an equal part of all duties is, rounded up.
    fn share(table: &Table, me: &str) -> usize {
        let nodes = table.nodes.len() + usize::from(!table.nodes.contains_key(me));
        table.duties.len().div_ceil(nodes)
    }

    /// The table is stored like this. Before that, whoever has come has not been made room for: another node's write may come
    /// between, and then all is settled anew.
    pub fn stored(&mut self, table: &Table) {
        self.lived = table.nodes.len();
    }

    /// Gives up what it does not want any more, and its surplus where somebody has come.
    fn give_up(&mut self, table: &mut Table, me: &str) {
        let unwanted = table.held_by(me).into_iter().filter(|duty| !self.may_have(table, duty)).collect::<Vec<_>>();
        unwanted.iter().for_each(|duty| table.free(duty));
        if table.nodes.len() > self.lived {
            let surplus = table.held_by(me);
            surplus.iter().skip(Self::share(table, me)).for_each(|duty| table.free(duty));
        }
    }

    /// Takes what nobody has: up to its share, and the rest when nobody else takes it for a while.
    fn take(&mut self, table: &mut Table, me: &str, now: Instant) {
        let free: Vec<String> =
            table.duties.iter().filter(|(_, held)| held.holder.is_none()).map(|(name, _)| name.clone()).collect();
        self.free_since.retain(|name, _| free.contains(name));
        let share = Self::share(table, me);
        let mut held = table.held_by(me).len();
        for duty in free.into_iter().filter(|duty| self.wanted.contains_key(duty.as_str())) {
            let since = *self.free_since.entry(duty.clone()).or_insert(now);
            let is_left = now.saturating_duration_since(since) >= LOOK_EVERY * 2;
            if self.may_have(table, &duty) && (held < share || is_left) {
                held += 1;
                self.free_since.remove(&duty);
                if let Some(holding) = table.duties.get_mut(&duty) {
                    holding.holder = Some(me.to_owned());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table was read, settled and not stored, because another node's write came between.
    #[test]
    fn whoever_comes_gets_its_part_though_another_write_comes_between() {
        let now = Instant::now();
        let mut mine = Wishes { wanted: ["a", "b", "c", "d"].map(|name| (name, 1)).into(), ..Wishes::default() };
        let mut table = Table::default();
        mine.settle(&mut table, "me", (now, now));
        table.beat("me", false);
        mine.stored(&table);
        assert_eq!(table.held_by("me").len(), 4);

        table.beat("other", false);
        for _ in 0..2 {
            let mut read = table.clone();
            assert!(mine.settle(&mut read, "me", (now, now)));
            assert_eq!(read.held_by("me").len(), 2);
        }
    }
}
