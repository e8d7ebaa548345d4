//! Members of staff: who they are and the hashes of their passwords.
//! It does not know keys or sessions.

use contracts::staff::NewSecret;
use contracts::{Error, Result};
use domain::ids::StaffId;
use domain::text::Email;
use jiff::Timestamp;
use platform::documents::{
    Change, Checkpoint, Collection, Conditional, Document, Entry, Expected, Put, Query, Range, WriteBatch, tuple,
};
use platform::entropy::draw;
use platform::store::StoreError;
use serde::{Deserialize, Serialize};

use super::{Staff, password};
use crate::machinery::stored;

pub const MEMBERS: Collection = Collection::primary("staff");
/// By e-mail address, as it is compared.
const BY_EMAIL: &str = "email";
/// How often a new password is written again when others change the same member meanwhile.
const ATTEMPTS: usize = 5;
const MEMBERS_MAX: usize = 200;
/// How many have left so far, kept as a checkpoint: it moves with each deletion, and only from where it was seen. So of two nodes
/// that remove somebody at the same moment one comes second, and counts again who is left.
const LEFT: &str = "staff who left";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Member {
    pub id: StaffId,
    pub email: String,
    /// A PHC string.
    pub password_hash: String,
    pub created_at: Timestamp,
}

impl Staff {
    /// The id of the first member, known before there is one, so that of several attempts one succeeds.
    pub(super) fn first_id(&self) -> StaffId {
        let hash = self.master.hash("first member of staff", &[]);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        StaffId::from_bytes(bytes)
    }

    pub(super) async fn create_first_member(&self, email: &str) -> Result<Option<NewSecret>> {
        let email = parse_email(email)?;
        // Hashing is slow; most starts find somebody there.
        // The first one may have left; whoever is there adds others.
        if !self.all_members().await?.is_empty() {
            return Ok(None);
        }
        let password = password::readable(self.entropy.as_ref());
        let member = Member {
            id: self.first_id(),
            email: email.as_str().to_owned(),
            password_hash: self.hasher.hash(&password, draw(self.entropy.as_ref())).await?,
            created_at: self.clock.now(),
        };
        let secret = NewSecret { staff: member.id.clone(), email: member.email.clone(), secret: password };
        Ok(self.put_member(&member, Expected::Absent).await?.then_some(secret))
    }

    pub(super) async fn set_new_password(&self, email: &str) -> Result<NewSecret> {
        let password = password::readable(self.entropy.as_ref());
        let password_hash = self.hasher.hash(&password, draw(self.entropy.as_ref())).await?;
        for _ in 0..ATTEMPTS {
            let (member, version) = self.member(Some(email)).await?;
            let member = Member { password_hash: password_hash.clone(), ..member };
            if self.put_member(&member, Expected::Version(version)).await? {
                return Ok(NewSecret { staff: member.id, email: member.email, secret: password });
            }
        }
        Err(Error::unavailable("others keep changing this member of staff", 1))
    }

    pub(super) async fn member_by_id(&self, id: &StaffId) -> Result<(Member, u64)> {
        let document = self.documents.get(MEMBERS, id.as_str(), self.clock.now()).await.map_err(stored)?;
        document.as_ref().map(read).transpose()?.ok_or_else(|| Error::not_found("member of staff"))
    }

    /// The one who was there first, first.
    pub(super) async fn all_members(&self) -> Result<Vec<Member>> {
        let query = Query::new(MEMBERS, BY_EMAIL, Range::all()).limit(MEMBERS_MAX);
        let page = self.documents.query(query, self.clock.now()).await.map_err(stored)?;
        let members: Result<Vec<Member>> = page.documents.iter().map(|document| Ok(read(document)?.0)).collect();
        let mut members = members?;
        members.sort_by(|a, b| (a.created_at, &a.email).cmp(&(b.created_at, &b.email)));
        Ok(members)
    }

    /// Adds a member under an id that is made of the address, so that of several attempts one succeeds.
    pub(super) async fn add_member(&self, email: &str) -> Result<NewSecret> {
        let email = parse_email(email)?;
        if self.member_by_email(email.as_str()).await?.is_some() {
            return Err(email_taken());
        }
        if self.all_members().await?.len() >= MEMBERS_MAX {
            return Err(Error::conflict("too_many", format!("a shop has at most {MEMBERS_MAX} members of staff")));
        }
        let password = password::readable(self.entropy.as_ref());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.master.hash("member of staff", &[email.normalized().as_bytes()])[..16]);
        let member = Member {
            id: StaffId::from_bytes(bytes),
            email: email.as_str().to_owned(),
            password_hash: self.hasher.hash(&password, draw(self.entropy.as_ref())).await?,
            created_at: self.clock.now(),
        };
        if !self.put_member(&member, Expected::Absent).await? {
            return Err(email_taken());
        }
        Ok(NewSecret { staff: member.id, email: member.email, secret: password })
    }

    /// Removes a member with all their ways in, in one write. Somebody stays, whatever other nodes do meanwhile.
    pub(super) async fn remove_member(&self, id: &StaffId) -> Result<()> {
        for _ in 0..ATTEMPTS {
            // Before anybody is counted.
            let left = self.documents.checkpoints(LEFT).await.map_err(stored)?.pop();
            self.member_by_id(id).await?;
            if self.all_members().await?.len() < 2 {
                let message = "this is the last member of staff; add another one first";
                return Err(Error::conflict("last_member", message));
            }
            let mut changes = vec![Change::Delete { collection: MEMBERS, id: id.to_string() }];
            changes.extend(self.ways_in(id).await?);
            let one_more = match left {
                Some(left) => {
                    let position = left.position + 1;
                    left.moved_to(position)
                }
                None => Checkpoint::first(LEFT, 0, 1),
            };
            match self.documents.write(WriteBatch { changes, checkpoints: vec![one_more] }).await {
                Err(StoreError::Overtaken(_)) => {}
                written => return written.map_err(stored),
            }
        }
        Err(Error::unavailable("others keep removing members of staff", 1))
    }

    pub(super) async fn replace_password(&self, member: Member, seen: u64, password_hash: String) -> Result<()> {
        if self.put_member(&Member { password_hash, ..member }, Expected::Version(seen)).await? {
            return Ok(());
        }
        Err(Error::unavailable("others keep changing this member of staff", 1))
    }

    /// By e-mail address; `None`: the first one.
    pub(super) async fn member(&self, email: Option<&str>) -> Result<(Member, u64)> {
        let found = match email {
            Some(email) => self.member_by_email(email).await?,
            None => {
                let id = self.first_id();
                let document = self.documents.get(MEMBERS, id.as_str(), self.clock.now()).await.map_err(stored)?;
                document.map(|document| read(&document)).transpose()?
            }
        };
        found.ok_or_else(|| Error::not_found("member of staff"))
    }

    pub(super) async fn member_by_email(&self, email: &str) -> Result<Option<(Member, u64)>> {
        let Ok(email) = Email::parse(email) else { return Ok(None) };
        let range = Range::prefix(tuple::Key::new().text(&email.normalized()));
        let query = Query::new(MEMBERS, BY_EMAIL, range).limit(1);
        let page = self.documents.query(query, self.clock.now()).await.map_err(stored)?;
        page.documents.first().map(read).transpose()
    }

    async fn put_member(&self, member: &Member, expected: Expected) -> Result<bool> {
        let email = parse_email(&member.email)?;
        let body = serde_json::to_string(member).map_err(|error| Error::internal(error.to_string()))?;
        let put = Put {
            collection: MEMBERS,
            id: member.id.to_string(),
            body: body.into(),
            entries: vec![Entry::new(BY_EMAIL, tuple::Key::new().text(&email.normalized()))],
            expires: None,
        };
        let written = self.documents.put_if(put, expected, self.clock.now()).await.map_err(stored)?;
        Ok(matches!(written, Conditional::Written(_)))
    }
}

fn read(document: &Document) -> Result<(Member, u64)> {
    Ok((document.read().map_err(stored)?, document.version))
}

fn parse_email(text: &str) -> Result<Email> {
    Email::parse(text).map_err(|error| Error::field("/email", "invalid_email", error.to_string()))
}

fn email_taken() -> Error {
    Error::conflict("email_taken", "a member of staff has this e-mail address already")
}
