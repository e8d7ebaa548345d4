//! A deed that is asked about before it is done: what it will do, what it needs to know, and the button.
//! It does not know any deed. Without a script it is a page of its own; with one it lies over the page.

use askama::Template;

use super::form::Form;
use super::frame::Frame;

pub struct Sheet {
    /// Where it is sent.
    pub action: String,
    /// Where cancelling leads.
    pub back: String,
    /// What will happen, a sentence each.
    pub says: Vec<String>,
    pub button: String,
    /// It cannot be undone.
    pub is_grave: bool,
    pub form: Form,
    /// Names this attempt, however often it is sent.
    pub once: String,
}

impl Sheet {
    /// `form`: what was sent before, or nothing; its `once` goes on counting.
    pub fn new(frame: &Frame, action: impl Into<String>, back: impl Into<String>, form: Form) -> Self {
        let once = form.text("once").unwrap_or_else(|| frame.once.to_string());
        Self {
            action: action.into(),
            back: back.into(),
            says: Vec::new(),
            button: String::new(),
            is_grave: false,
            form,
            once,
        }
    }

    pub fn says(mut self, line: impl Into<String>) -> Self {
        self.says.push(line.into());
        self
    }

    pub fn button(mut self, label: impl Into<String>) -> Self {
        self.button = label.into();
        self
    }

    pub fn grave(mut self) -> Self {
        self.is_grave = true;
        self
    }
}

/// A deed that needs to know nothing more.
#[derive(Template)]
#[template(path = "admin/plain_sheet.html")]
pub struct PlainSheet {
    pub frame: Frame,
    pub sheet: Sheet,
}
