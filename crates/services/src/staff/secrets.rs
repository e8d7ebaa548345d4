//! What staff sign their requests with: API keys that stay, and sessions that end.
//! It does not know passwords. Only keyed hashes are stored; a secret is told once, to who made it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::staff::NewSession;
use contracts::{Error, Result};
use domain::ids::{KeyId, StaffId};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use platform::documents::{
    Change, Collection, Conditional, Document, Entry, Expected, Page, Put, Query, Range, WriteBatch, tuple,
};
use platform::entropy::draw;
use serde::{Deserialize, Serialize};

use super::{Staff, bearer_hash};
use crate::machinery::stored;

pub const KEYS: Collection = Collection::primary("api_keys");
pub const SESSIONS: Collection = Collection::primary("staff_sessions");
/// Keys by the time when they were made.
pub(super) const BY_CREATED: &str = "created";
/// Sessions by whose they are.
const BY_STAFF: &str = "staff";

const KEY_PREFIX: &str = "cms_";
const SESSION_PREFIX: &str = "cmt_";
/// A working day.
const SESSION_FOR: SignedDuration = SignedDuration::from_hours(12);
/// Sessions that are ended in one write.
const SESSIONS_PER_WRITE: usize = 100;
/// Sessions or keys.
const READ_AT_ONCE: usize = 100;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredKey {
    /// base64url
    pub hash: String,
    pub staff: StaffId,
    pub name: String,
    pub created_at: Timestamp,
    /// A day is enough to see which keys are still in use.
    pub last_used: Option<Date>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredSession {
    staff: StaffId,
    created_at: Timestamp,
    expires_at: Timestamp,
}

impl Staff {
    /// 256 random bits.
    pub(super) fn random_key(&self) -> String {
        let bytes: [u8; 32] = draw(self.entropy.as_ref());
        format!("{KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// 256 bits that only this shop can make of an idempotency key, so that a repeated request is told the same key.
    pub(super) fn derived_key(&self, from: [u8; 16]) -> String {
        format!("{KEY_PREFIX}{}", self.master.hash_text("api key of a repeated request", &[&from]))
    }

    /// Whose key or session this is. Tokens that are neither do not trouble the store.
    pub(super) async fn owner(&self, bearer: &str, hash: &[u8; 32]) -> Result<Option<StaffId>> {
        if bearer.starts_with(KEY_PREFIX) {
            self.owner_of_key(hash).await
        } else if bearer.starts_with(SESSION_PREFIX) {
            self.owner_of_session(hash).await
        } else {
            Ok(None)
        }
    }

    async fn owner_of_key(&self, hash: &[u8; 32]) -> Result<Option<StaffId>> {
        let Some(document) = self.find_key(&key_id(hash)).await? else { return Ok(None) };
        let mut key: StoredKey = document.read().map_err(stored)?;
        if key.hash != URL_SAFE_NO_PAD.encode(hash) {
            return Ok(None);
        }
        let today = self.clock.now().to_zoned(TimeZone::UTC).date();
        if key.last_used != Some(today) {
            key.last_used = Some(today);
            // Somebody else noting the same day, or removing the key, is as good.
            let noted = self.put_key(&document.id, &key, Expected::Version(document.version)).await;
            if let Err(error) = noted {
                tracing::warn!(key = document.id, %error, "the use of a key was not noted");
            }
        }
        Ok(Some(key.staff))
    }

    async fn owner_of_session(&self, hash: &[u8; 32]) -> Result<Option<StaffId>> {
        let found = self.documents.get(SESSIONS, &session_id(hash), self.clock.now()).await.map_err(stored)?;
        let session = found.map(|document| document.read::<StoredSession>()).transpose().map_err(stored)?;
        Ok(session.map(|session| session.staff))
    }

    /// Keeps a key under a name. Keeping the same key again changes nothing.
    pub(super) async fn keep_key(&self, secret: &str, staff: &StaffId, name: &str) -> Result<(KeyId, StoredKey)> {
        let hash = bearer_hash(&self.master, secret);
        let key = StoredKey {
            hash: URL_SAFE_NO_PAD.encode(hash),
            staff: staff.clone(),
            name: name.to_owned(),
            created_at: self.clock.now(),
            last_used: None,
        };
        let id = key_id(&hash);
        match self.put_key(id.as_str(), &key, Expected::Absent).await? {
            Conditional::Written(_) => Ok((id, key)),
            Conditional::Differs(Some(there)) => Ok((id, there.read().map_err(stored)?)),
            Conditional::Differs(None) => Err(Error::unavailable("the key was removed meanwhile", 1)),
        }
    }

    /// Newest first.
    pub(super) async fn keys(&self, after: Option<(Vec<u8>, String)>, limit: usize) -> Result<Page> {
        let query = Query::new(KEYS, BY_CREATED, Range::all()).descending().after(after).limit(limit);
        self.documents.query(query, self.clock.now()).await.map_err(stored)
    }

    /// Whether there was such a key.
    pub(super) async fn remove_key(&self, id: &KeyId) -> Result<bool> {
        let there = self.find_key(id).await?.is_some();
        if there {
            self.delete(vec![deletion(KEYS, id.to_string())]).await?;
        }
        self.end(&[id.to_string()]).await;
        Ok(there)
    }

    /// `device`: what the browser is told to keep beside the token.
    pub(super) async fn open_session(&self, staff: &StaffId, device: String) -> Result<NewSession> {
        let bytes: [u8; 32] = draw(self.entropy.as_ref());
        let token = format!("{SESSION_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
        let now = self.clock.now();
        let expires_at = now.checked_add(SESSION_FOR).unwrap_or(Timestamp::MAX);
        let session = StoredSession { staff: staff.clone(), created_at: now, expires_at };
        let body = serde_json::to_string(&session).map_err(|error| Error::internal(error.to_string()))?;
        let put = Put {
            collection: SESSIONS,
            id: session_id(&bearer_hash(&self.master, &token)),
            body: body.into(),
            entries: vec![Entry::new(BY_STAFF, tuple::Key::new().text(staff.as_str()))],
            expires: Some(expires_at),
        };
        match self.documents.put_if(put, Expected::Absent, now).await.map_err(stored)? {
            Conditional::Written(_) => Ok(NewSession { token, expires_at, staff: staff.clone(), device }),
            Conditional::Differs(_) => Err(Error::internal("a new session's token was there already")),
        }
    }

    /// Whether this token was a session's.
    pub(super) async fn end_session(&self, token: &str) -> Result<bool> {
        if !token.starts_with(SESSION_PREFIX) {
            return Ok(false);
        }
        let hash = bearer_hash(&self.master, token);
        let id = session_id(&hash);
        let there = self.documents.get(SESSIONS, &id, self.clock.now()).await.map_err(stored)?.is_some();
        if there {
            self.delete(vec![deletion(SESSIONS, id)]).await?;
        }
        self.end(&[tag_of(&hash)]).await;
        Ok(there)
    }

    pub(super) async fn end_sessions(&self, staff: &StaffId) -> Result<()> {
        self.end_sessions_except(staff, None).await
    }

    /// All of a member's sessions but the one with this token.
    pub(super) async fn end_sessions_but(&self, staff: &StaffId, token: &str) -> Result<()> {
        self.end_sessions_except(staff, Some(&session_id(&bearer_hash(&self.master, token)))).await
    }

    async fn end_sessions_except(&self, staff: &StaffId, kept: Option<&str>) -> Result<()> {
        let sessions = self.sessions_of(staff).await?;
        let ending: Vec<String> = sessions.into_iter().filter(|id| Some(id.as_str()) != kept).collect();
        for some in ending.chunks(SESSIONS_PER_WRITE) {
            self.delete(some.iter().map(|id| deletion(SESSIONS, id.clone())).collect()).await?;
        }
        Ok(())
    }

    /// All sessions and keys of a member, to be deleted.
    pub(super) async fn ways_in(&self, staff: &StaffId) -> Result<Vec<Change>> {
        let sessions = self.sessions_of(staff).await?.into_iter().map(|id| deletion(SESSIONS, id));
        let keys = self.keys_of(staff).await?.into_iter().map(|id| deletion(KEYS, id));
        Ok(sessions.chain(keys).collect())
    }

    pub(super) async fn delete_ways_in(&self, staff: &StaffId) -> Result<()> {
        let ways_in = self.ways_in(staff).await?;
        self.delete(ways_in).await
    }

    async fn sessions_of(&self, staff: &StaffId) -> Result<Vec<String>> {
        let range = Range::prefix(tuple::Key::new().text(staff.as_str()));
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let query = Query::new(SESSIONS, BY_STAFF, range.clone()).after(after).limit(READ_AT_ONCE);
            let page = self.documents.query(query, self.clock.now()).await.map_err(stored)?;
            ids.extend(page.documents.into_iter().map(|document| document.id));
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(ids),
            }
        }
    }

    async fn keys_of(&self, staff: &StaffId) -> Result<Vec<String>> {
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let page = self.keys(after, READ_AT_ONCE).await?;
            for document in &page.documents {
                let key: StoredKey = document.read().map_err(stored)?;
                if key.staff == *staff {
                    ids.push(document.id.clone());
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(ids),
            }
        }
    }

    async fn find_key(&self, id: &KeyId) -> Result<Option<Document>> {
        self.documents.get(KEYS, id.as_str(), self.clock.now()).await.map_err(stored)
    }

    async fn put_key(&self, id: &str, key: &StoredKey, expected: Expected) -> Result<Conditional> {
        let body = serde_json::to_string(key).map_err(|error| Error::internal(error.to_string()))?;
        let entries = vec![Entry::new(BY_CREATED, tuple::Key::new().time(key.created_at))];
        let put = Put { collection: KEYS, id: id.to_owned(), body: body.into(), entries, expires: None };
        self.documents.put_if(put, expected, self.clock.now()).await.map_err(stored)
    }

    async fn delete(&self, changes: Vec<Change>) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        self.documents.write(WriteBatch { changes, checkpoints: Vec::new() }).await.map_err(stored)
    }
}

/// Whether this looks like a key or a session's token; what does not troubles nobody.
pub(super) fn is_one(bearer: &str) -> bool {
    bearer.starts_with(KEY_PREFIX) || bearer.starts_with(SESSION_PREFIX)
}

/// By what nodes tell each other that a token has ended: a key's id, and the same of a session.
pub(super) fn tag_of(hash: &[u8; 32]) -> String {
    key_id(hash).to_string()
}

fn deletion(collection: Collection, id: String) -> Change {
    Change::Delete { collection, id }
}

/// A key is found by half of its hash, which is no secret; the whole is compared then.
fn key_id(hash: &[u8; 32]) -> KeyId {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    KeyId::from_bytes(bytes)
}

fn session_id(hash: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(hash)
}
