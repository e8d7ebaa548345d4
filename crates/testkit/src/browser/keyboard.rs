//! The keyboard alone: Tab, Enter, arrows, and where they have led. It demands that whoever has no mouse can see where
//! they are; it does not know where they want to go.

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::key::Key;
use serde_json::{Value, json};

use super::Browser;

/// Nobody presses Tab more often than this to reach something.
const TABS: usize = 200;

/// What the next key goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Focus {
    /// The element's own name: `a`, `button`, `input`, or `body` when nothing has the focus.
    pub tag: String,
    /// Its type, for inputs.
    pub kind: String,
    /// What a screen reader calls it, roughly.
    pub name: String,
    /// Whether it looks other than without the focus.
    pub is_visible: bool,
}

impl Browser {
    pub async fn key(&self, key: Key) {
        self.keys(&String::from(char::from(key))).await;
    }

    /// Types into whatever has the focus.
    pub async fn keys(&self, text: &str) {
        let mut actions = KeyActions::new("keyboard".to_owned());
        for letter in text.chars() {
            actions = actions.then(KeyAction::Down { value: letter }).then(KeyAction::Up { value: letter });
        }
        self.client.perform_actions(actions).await.expect("keys are pressed");
    }

    pub async fn focus(&self) -> Focus {
        const FOCUS: &str = include_str!("focus.js");
        let told = self.ask(FOCUS, &[]).await;
        let text = |member: &str| told[member].as_str().unwrap_or_default().to_owned();
        Focus { tag: text("tag"), kind: text("kind"), name: text("name"), is_visible: told["is_visible"] == true }
    }

    /// Presses Tab until the focus is on something that is called so.
    ///
    /// # Panics
    /// When the page ends before, or when somebody could not see where the focus is on the way.
    pub async fn tab_to(&self, name: &str) -> Focus {
        let is_wanted = "return new RegExp(arguments[0], 'iu').test(arguments[1])";
        let mut passed = Vec::new();
        for _ in 0..TABS {
            self.key(Key::Tab).await;
            let focus = self.focus().await;
            assert!(
                focus.is_visible || focus.tag == "body",
                "nobody sees that {focus:?} has the focus on {}",
                self.path().await
            );
            if self.ask(is_wanted, &[json!(name), json!(focus.name)]).await == Value::Bool(true) {
                return focus;
            }
            passed.push(focus.name);
        }
        panic!("Tab does not lead to /{name}/ on {}, only to {passed:?}", self.path().await)
    }
}
