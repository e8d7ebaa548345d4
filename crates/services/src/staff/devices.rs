//! Devices on which somebody has signed in before: a mark that their browser keeps, and that this shop knows again.
//! A mark opens nothing. It does not know what is done with it; see [`super::attempts`].
//!
//! A mark is a random name and a keyed hash of it with the e-mail address: nothing is stored, and a mark for one address says
//! nothing for another. A browser that several people use keeps a few.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use platform::entropy::draw;

use super::Staff;

const PURPOSE: &str = "device of a member of staff";
/// Members whose marks one browser keeps; the one who signed in longest ago goes first.
const MARKS_MAX: usize = 5;
/// Of the random part, in base64url.
const NAME_CHARS: usize = 22;
const BETWEEN: char = '.';

impl Staff {
    /// The name of the device, if this address signed in on it before. `kept`: what the browser sent.
    pub(super) fn known_device<'k>(&self, email: &str, kept: Option<&'k str>) -> Option<&'k str> {
        self.mark_of(email, kept).map(|mark| &mark[..NAME_CHARS])
    }

    /// What the browser is to keep now that this address has signed in.
    pub(super) fn marked_device(&self, email: &str, kept: Option<&str>) -> String {
        let known = self.mark_of(email, kept);
        let mine = known.map_or_else(|| self.new_mark(email), ToOwned::to_owned);
        let others = marks(kept).filter(|mark| Some(*mark) != known).take(MARKS_MAX - 1);
        others.fold(mine.clone(), |all, mark| format!("{all}{BETWEEN}{mark}"))
    }

    fn mark_of<'k>(&self, email: &str, kept: Option<&'k str>) -> Option<&'k str> {
        marks(kept).find(|mark| {
            let (name, hash) = mark.split_at(NAME_CHARS);
            self.master.has_made(hash, PURPOSE, &[email.as_bytes(), name.as_bytes()])
        })
    }

    fn new_mark(&self, email: &str) -> String {
        let name = URL_SAFE_NO_PAD.encode(draw::<16>(self.entropy.as_ref()));
        let hash = self.master.hash_text(PURPOSE, &[email.as_bytes(), name.as_bytes()]);
        name + &hash
    }
}

/// What looks like marks among what a browser sent.
fn marks(kept: Option<&str>) -> impl Iterator<Item = &str> {
    let looks_like_one = |mark: &&str| {
        mark.len() > NAME_CHARS && mark.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    kept.unwrap_or_default().split(BETWEEN).take(MARKS_MAX).filter(looks_like_one)
}
