//! What nodes tell each other of tokens: who was found to hold one, and that it has ended.
//! It does not know where that is kept. What is found there is believed only if a node of this shop has written it, a moment
//! ago, for this very token.
//!
//! Whoever ends a token, in the store, then makes the others forget it before the answer, so that it ends on all nodes at once;
//! and a look that began before that cannot bring it back ([`SecondLevel`]). What is told lives no longer than a node trusts its own
//! memory: so a token ends within the second, too, where a node, or the command line, cannot tell the others.

use std::sync::Arc;

use domain::ids::StaffId;
use jiff::Timestamp;
use platform::cache::{Found, Moment, SecondLevel};
use platform::sealing::MasterKey;

use super::known::KNOWN_FOR;
use super::secrets::tag_of;

/// What its part of the shared shelf is called.
pub const NAME: &str = "staff";
const PURPOSE: &str = "staff token among nodes";
/// How far the clocks of two nodes may be apart, in milliseconds; beyond it one does not believe the other.
const CLOCKS_APART_MAX_MS: i64 = 150;

/// What others know of a token.
pub enum Told {
    Owner(StaffId),
    /// Nothing; who finds out may tell them.
    Missing(Moment),
    /// They cannot be asked, or what they say is not to be believed.
    Nothing,
}

#[derive(Clone)]
pub struct Among(Arc<SecondLevel>);

impl Among {
    pub fn new(level: Arc<SecondLevel>) -> Self {
        Self(level)
    }

    pub async fn ask(&self, master: &MasterKey, hash: &[u8; 32], now: Timestamp) -> Told {
        match self.0.get(&name(master, hash)).await {
            Some(Found::Missing(began)) => Told::Missing(began),
            Some(Found::Value(value)) => {
                let said = std::str::from_utf8(&value).ok();
                said.and_then(|said| believed(master, hash, said, now)).map_or(Told::Nothing, Told::Owner)
            }
            None => Told::Nothing,
        }
    }

    /// Tells who holds a token. `asked_at`: before the store was asked.
    pub async fn tell(&self, master: &MasterKey, hash: &[u8; 32], staff: &StaffId, began: Moment, asked_at: Timestamp) {
        let said = said(master, hash, staff, asked_at);
        self.0.put(&name(master, hash), began, said.as_bytes(), KNOWN_FOR, &[tag_of(hash), staff.to_string()]).await;
    }

    /// Makes all forget the tokens with one of these tags, before it answers where that can be.
    pub async fn forget(&self, tags: &[String]) {
        if !self.0.forget_now(tags).await {
            tracing::warn!(
                "other nodes could not be told that a session or key has ended; they find out within the second"
            );
        }
    }
}

/// Says nothing of the token, not even what it is stored by.
fn name(master: &MasterKey, hash: &[u8; 32]) -> String {
    master.hash_text(PURPOSE, &[b"name", hash])
}

/// `asked at in milliseconds.whose.proof`; the proof is a keyed hash over the token's, so that it is good for this one only.
fn said(master: &MasterKey, hash: &[u8; 32], staff: &StaffId, asked_at: Timestamp) -> String {
    let claim = format!("{}.{staff}", asked_at.as_millisecond());
    let proof = master.hash_text(PURPOSE, &[b"owner", hash, claim.as_bytes()]);
    format!("{claim}.{proof}")
}

fn believed(master: &MasterKey, hash: &[u8; 32], said: &str, now: Timestamp) -> Option<StaffId> {
    let (claim, proof) = said.rsplit_once('.')?;
    if !master.has_made(proof, PURPOSE, &[b"owner", hash, claim.as_bytes()]) {
        return None;
    }
    let (asked_at, staff) = claim.split_once('.')?;
    let age = now.as_millisecond().checked_sub(asked_at.parse().ok()?)?;
    let age_max = i64::try_from(KNOWN_FOR.as_millis()).unwrap_or(i64::MAX);
    let is_fresh = (-CLOCKS_APART_MAX_MS..age_max).contains(&age);
    if is_fresh { StaffId::parse(staff).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millisecond).unwrap()
    }

    #[test]
    fn only_what_this_shop_said_of_this_token_a_moment_ago_is_believed() {
        let (master, stranger) = (MasterKey::new([7; 32]), MasterKey::new([8; 32]));
        let (staff, other) = (StaffId::from_bytes([1; 16]), StaffId::from_bytes([2; 16]));
        let (hash, another) = ([3; 32], [4; 32]);
        let honest = said(&master, &hash, &staff, at(0));
        assert_eq!(believed(&master, &hash, &honest, at(0)), Some(staff.clone()));
        assert_eq!(believed(&master, &hash, &honest, at(799)), Some(staff.clone()));
        assert_eq!(believed(&master, &hash, &honest, at(-100)), Some(staff.clone()), "clocks differ a little");
        // Written again when it had ended.
        assert_eq!(believed(&master, &hash, &honest, at(800)), None);
        assert_eq!(believed(&master, &hash, &honest, at(-200)), None);
        // Moved to another token, turned to somebody else, made by somebody else, cut off, empty.
        assert_eq!(believed(&master, &another, &honest, at(0)), None);
        assert_eq!(believed(&master, &hash, &honest.replace(staff.as_str(), other.as_str()), at(0)), None);
        assert_eq!(believed(&master, &hash, &said(&stranger, &hash, &staff, at(0)), at(0)), None);
        for wrong in [&honest[..honest.len() - 1], "", ".", "..", "1.2.3"] {
            assert_eq!(believed(&master, &hash, wrong, at(0)), None, "{wrong}");
        }
        assert!(!name(&master, &hash).contains(&tag_of(&hash)));
    }
}
