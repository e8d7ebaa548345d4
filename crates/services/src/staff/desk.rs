//! Signing in and out, and who is on the staff, as pages work on it.
//! It does not know pages, cookies or HTTP.

use async_trait::async_trait;
use contracts::staff::{KeyView, MemberView, NewSecret, NewSession, Staff as _, StaffDesk, Whence};
use contracts::{Error, Listing, Result};
use domain::ids::{KeyId, StaffId};
use domain::text::Title;
use platform::entropy::draw;
use platform::http::lists::{Cursor, Fingerprint};

use super::members::Member;
use super::secrets::StoredKey;
use super::{PASSWORD_BYTES_MAX, Staff};
use crate::machinery::{cursor_of, stored};

/// The shortest password that members choose themselves, in characters.
const PASSWORD_CHARS_MIN: usize = 12;

#[async_trait]
impl StaffDesk for Staff {
    async fn sign_in(&self, email: &str, password: &str, from: Whence<'_>) -> Result<NewSession> {
        Staff::sign_in(self, email, password, from).await
    }

    async fn sign_out(&self, token: &str) -> Result<()> {
        self.end_session(token).await.map(|_| ())
    }

    async fn member(&self, id: &StaffId) -> Result<MemberView> {
        Ok(shown(self.member_by_id(id).await?.0))
    }

    async fn members(&self) -> Result<Vec<MemberView>> {
        Ok(self.all_members().await?.into_iter().map(shown).collect())
    }

    async fn add(&self, email: &str) -> Result<NewSecret> {
        self.add_member(email).await
    }

    async fn remove(&self, id: &StaffId) -> Result<()> {
        self.remove_member(id).await?;
        // Those that were made while they were being removed.
        self.delete_ways_in(id).await?;
        self.end(&[id.to_string()]).await;
        Ok(())
    }

    async fn reset(&self, id: &StaffId) -> Result<NewSecret> {
        let (member, _) = self.member_by_id(id).await?;
        self.reset_password(&member.email).await
    }

    async fn change_password(&self, id: &StaffId, old: &str, new: &str, session: &str) -> Result<()> {
        if new.chars().count() < PASSWORD_CHARS_MIN || new.len() > PASSWORD_BYTES_MAX {
            let message = format!("a password has {PASSWORD_CHARS_MIN} characters to {PASSWORD_BYTES_MAX} bytes");
            return Err(Error::field("/new", "out_of_range", message));
        }
        let (member, version) = self.member_by_id(id).await?;
        if !self.hasher.verify(old, &member.password_hash).await? {
            return Err(Error::field("/old", "wrong_password", "this is not your password"));
        }
        let password_hash = self.hasher.hash(new, draw(self.entropy.as_ref())).await?;
        self.replace_password(member, version, password_hash).await?;
        self.end_sessions_but(id, session).await?;
        self.end(&[id.to_string()]).await;
        Ok(())
    }

    async fn keys(&self, cursor: Option<&str>, limit: usize) -> Result<Listing<KeyView>> {
        let fingerprint = Fingerprint::new("api_keys");
        let after = cursor_of(cursor, &fingerprint)?.map(Cursor::after);
        let page = Staff::keys(self, after, limit.clamp(1, 100)).await?;
        let next_cursor = Cursor::next_of(&page).map(|next| next.encode(&fingerprint));
        let items = page.documents.into_iter().map(|document| {
            let id = KeyId::parse(&document.id).map_err(|error| Error::internal(error.to_string()))?;
            Ok(key(id, document.read().map_err(stored)?))
        });
        Ok(Listing { items: items.collect::<Result<_>>()?, next_cursor })
    }

    async fn create_key(&self, owner: &StaffId, name: &str) -> Result<(KeyView, String)> {
        let name = Title::parse(name).map_err(|error| Error::field("/name", "invalid", error.to_string()))?;
        let secret = self.random_key();
        let (id, stored) = self.keep_key(&secret, owner, name.as_str()).await?;
        Ok((key(id, stored), secret))
    }

    async fn remove_key(&self, id: &KeyId) -> Result<()> {
        if Staff::remove_key(self, id).await? { Ok(()) } else { Err(Error::not_found("API key")) }
    }
}

fn shown(member: Member) -> MemberView {
    MemberView { id: member.id, email: member.email, created_at: member.created_at }
}

fn key(id: KeyId, key: StoredKey) -> KeyView {
    let StoredKey { name, staff, created_at, last_used, .. } = key;
    KeyView { id, name, staff, created_at, last_used_on: last_used }
}
