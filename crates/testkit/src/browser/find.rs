//! Finding and using what is on a page as a person does: by what it is and what it is called.
//! It does not know markup: no class, no id, no test attribute.

use fantoccini::actions::{InputSource as _, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use fantoccini::elements::{Element, ElementRef};
use fantoccini::error::{CmdError, ErrorStatus};
use serde_json::{Value, json};

use super::{Browser, awaited};

/// The member under which the standard hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// What something is, as a screen reader would say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Button,
    Link,
    /// Whatever can be pressed: a button or a link.
    Press,
    /// Text, number, list to choose from.
    Field,
    /// One of several, or yes and no.
    Choice,
    Heading,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Button => "button",
            Self::Link => "link",
            Self::Press => "press",
            Self::Field => "field",
            Self::Choice => "choice",
            Self::Heading => "heading",
        }
    }
}

impl Browser {
    /// How many of a kind are called so, now. The name is a pattern: a regular expression, case ignored.
    pub async fn count(&self, kind: Kind, name: &str) -> usize {
        self.look(kind, name).await.map_or(0, |found| found.len())
    }

    pub async fn has(&self, kind: Kind, name: &str) -> bool {
        self.count(kind, name).await > 0
    }

    /// Waits until one of a kind is called so and can be used.
    ///
    /// # Panics
    /// When there is none within [`PATIENCE`]; what can be read on the page is told.
    pub async fn find(&self, kind: Kind, name: &str) -> Element {
        let look = async || self.look(kind, name).await.ok()?.into_iter().next();
        match awaited(look).await {
            Some(found) => found,
            None => {
                let (path, text) = (self.path().await, self.text().await);
                panic!("no {kind:?} called /{name}/ on {path}:\n{text}")
            }
        }
    }

    /// Those that are called exactly so come first, then those whose name contains it.
    async fn look(&self, kind: Kind, name: &str) -> Result<Vec<Element>, CmdError> {
        const FIND: &str = include_str!("find.js");
        let mut all = Vec::new();
        for is_whole in [true, false] {
            let found = self.try_ask(FIND, &[json!(kind.name()), json!(name), json!(is_whole)]).await?;
            all.extend(found.as_array().into_iter().flatten().filter_map(|found| self.element(found)));
            if !all.is_empty() {
                break;
            }
        }
        Ok(all)
    }

    fn element(&self, found: &Value) -> Option<Element> {
        let id = found[ELEMENT].as_str()?;
        Some(Element::from_element_id(self.client.clone(), ElementRef::from(id.to_owned())))
    }

    /// Presses a button or follows a link. A page that is being replaced or covered is tried again.
    pub async fn press(&self, name: &str) {
        self.press_a(Kind::Press, name).await;
    }

    pub async fn press_a(&self, kind: Kind, name: &str) {
        self.until_it_works(&format!("press /{name}/"), async || self.find(kind, name).await.click().await).await;
    }

    /// Presses twice at once, as hasty people do.
    pub async fn press_twice(&self, name: &str) {
        let work = async || {
            let element = self.find(Kind::Press, name).await;
            let shown = "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})";
            self.try_ask(shown, &[json!({ELEMENT: element.element_id().to_string()})]).await?;
            let down = || PointerAction::Down { button: MOUSE_BUTTON_LEFT };
            let up = || PointerAction::Up { button: MOUSE_BUTTON_LEFT };
            let hand = MouseActions::new("hand".to_owned());
            let there = PointerAction::MoveToElement { element, duration: None, x: 0.0, y: 0.0 };
            let twice = hand.then(there).then(down()).then(up()).then(down()).then(up());
            self.client.perform_actions(twice).await
        };
        self.until_it_works(&format!("press /{name}/ twice"), work).await;
    }

    /// Fills a field in: typed into text, chosen from a list by what is shown or by its value.
    pub async fn fill(&self, name: &str, value: &str) {
        let work = async || {
            let field = self.find(Kind::Field, name).await;
            match field.tag_name().await?.as_str() {
                "select" => self.select(&field, value).await,
                _ => {
                    field.clear().await?;
                    field.send_keys(value).await
                }
            }
        };
        self.until_it_works(&format!("fill /{name}/ with {value}"), work).await;
    }

    /// Fills a field in where there is one now.
    pub async fn fill_if_there(&self, name: &str, value: &str) {
        if self.has(Kind::Field, name).await {
            self.fill(name, value).await;
        }
    }

    async fn select(&self, field: &Element, value: &str) -> Result<(), CmdError> {
        const OPTION: &str = "const [field, value] = arguments;
            const wanted = new RegExp(`^(?:${value})$`, 'iu');
            return [...field.options].find((one) => wanted.test(one.text.trim()) || wanted.test(one.value)) ?? null";
        let option = self.try_ask(OPTION, &[json!({ELEMENT: field.element_id().to_string()}), json!(value)]).await?;
        match self.element(&option) {
            Some(option) => option.click().await,
            None => panic!("{} offers no {value}", field.text().await.unwrap_or_default()),
        }
    }

    /// What is in a field.
    pub async fn value(&self, name: &str) -> String {
        let field = self.find(Kind::Field, name).await;
        field.prop("value").await.ok().flatten().unwrap_or_default()
    }

    /// Makes a choice: one of several, or a yes.
    pub async fn choose(&self, name: &str) {
        let work = async || {
            let choice = self.find(Kind::Choice, name).await;
            if choice.is_selected().await? {
                return Ok(());
            }
            match choice.click().await {
                // Drawn by its label: that is what people press.
                Err(error) if is_covered(&error) => {
                    let label = "return arguments[0].labels?.[0] ?? null";
                    let label = self.try_ask(label, &[json!({ELEMENT: choice.element_id().to_string()})]).await?;
                    match self.element(&label) {
                        Some(label) => label.click().await,
                        None => Err(error),
                    }
                }
                pressed => pressed,
            }
        };
        self.until_it_works(&format!("choose /{name}/"), work).await;
    }

    pub async fn choose_if_there(&self, name: &str) {
        if self.has(Kind::Choice, name).await {
            self.choose(name).await;
        }
    }

    /// Pages change under one's finger: what vanished or is covered for a moment is looked for again.
    async fn until_it_works(&self, what: &str, mut work: impl AsyncFnMut() -> Result<(), CmdError>) {
        let mut last = String::new();
        let try_it = async || match work().await {
            Ok(()) => Some(()),
            Err(error) if is_passing(&error) => {
                last = error.to_string();
                None
            }
            Err(error) => panic!("cannot {what}: {error}"),
        };
        if awaited(try_it).await.is_none() {
            let (path, text) = (self.path().await, self.text().await);
            panic!("cannot {what} on {path}: {last}\n{text}");
        }
    }
}

fn is_passing(error: &CmdError) -> bool {
    error.is_stale_element_reference() || error.is_no_such_element() || is_covered(error)
}

/// Something else is in front of it, or it has no size.
fn is_covered(error: &CmdError) -> bool {
    let is_intercepted =
        matches!(error, CmdError::Standard(told) if told.error == ErrorStatus::ElementClickIntercepted);
    is_intercepted || error.is_element_not_interactable()
}
