//! Who looks at the shop: with which device, in which light and language, with or without scripts.
//! It does not know what they look at.

use serde_json::{Value, json};

/// What is in the visitor's hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    Desktop,
    Phone,
}

/// What the visitor's system prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Light,
    Dark,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    pub device: Device,
    pub scheme: Scheme,
    /// A language tag, as the browser sends it.
    pub language: &'static str,
    pub has_scripts: bool,
}

impl Visitor {
    /// At a desk, by day, in English, with scripts.
    pub const fn at_desk() -> Self {
        Self { device: Device::Desktop, scheme: Scheme::Light, language: "en", has_scripts: true }
    }

    #[must_use]
    pub const fn on_phone(self) -> Self {
        Self { device: Device::Phone, ..self }
    }

    #[must_use]
    pub const fn at_night(self) -> Self {
        Self { scheme: Scheme::Dark, ..self }
    }

    #[must_use]
    pub const fn speaking(self, language: &'static str) -> Self {
        Self { language, ..self }
    }

    #[must_use]
    pub const fn without_scripts(self) -> Self {
        Self { has_scripts: false, ..self }
    }

    /// Width and height of what is seen at once, in CSS pixels.
    pub const fn size(&self) -> (u32, u32) {
        match self.device {
            Device::Desktop => (1_280, 900),
            Device::Phone => (390, 844),
        }
    }

    /// Such as `phone-dark-ko`.
    pub fn name(&self) -> String {
        let device = match self.device {
            Device::Desktop => "desktop",
            Device::Phone => "phone",
        };
        let scheme = match self.scheme {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        };
        format!("{device}-{scheme}-{}", self.language)
    }

    /// What a tab must be told to be this visitor's: commands of Chromium's own protocol.
    pub(super) fn commands(&self, user_agent: &str) -> Vec<(&'static str, Value)> {
        let is_phone = self.device == Device::Phone;
        let (width, height) = self.size();
        vec![
            (
                "Emulation.setDeviceMetricsOverride",
                json!({"width": width, "height": height, "deviceScaleFactor": if is_phone { 2 } else { 1 }, "mobile": is_phone}),
            ),
            ("Emulation.setTouchEmulationEnabled", json!({"enabled": is_phone, "maxTouchPoints": 5})),
            (
                "Emulation.setUserAgentOverride",
                json!({"userAgent": self.user_agent(user_agent), "acceptLanguage": self.language}),
            ),
            ("Emulation.setEmulatedMedia", self.media()),
            // A tab in the background keeps its focus and its timers.
            ("Emulation.setFocusEmulationEnabled", json!({"enabled": true})),
            ("Emulation.setScriptExecutionDisabled", json!({"value": !self.has_scripts})),
        ]
    }

    /// Motion is reduced, so that nothing has to be waited for that only looks nice.
    pub(super) fn media(&self) -> Value {
        let scheme = if self.scheme == Scheme::Dark { "dark" } else { "light" };
        json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]})
    }

    /// The browser's own name, as its device has it.
    fn user_agent(&self, own: &str) -> String {
        let own = own.replace("HeadlessChrome", "Chrome");
        match (self.device, own.split_once('('), own.split_once(')')) {
            (Device::Phone, Some((before, _)), Some((_, after))) => {
                format!("{before}(Linux; Android 10; K){}", after.replace(" Safari/", " Mobile Safari/"))
            }
            _ => own,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_says_that_it_is_one() {
        let own = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0 Safari/537.36";
        let phone = Visitor::at_desk().on_phone().user_agent(own);
        assert_eq!(
            phone,
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36"
        );
        assert!(Visitor::at_desk().user_agent(own).contains("X11"));
    }

    #[test]
    fn a_visitor_has_a_name_for_files() {
        assert_eq!(Visitor::at_desk().name(), "desktop-light-en");
        assert_eq!(Visitor::at_desk().on_phone().at_night().speaking("ko").name(), "phone-dark-ko");
    }
}
