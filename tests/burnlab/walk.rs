//! A user of the page whose clicks are counted: a click, a choice in a list and a drag are one each, typing is none.

use std::path::Path;

use serde_json::json;

use crate::browser::{Page, open};
use crate::webdriver::{Locator, key};

/// A user, and how often they have clicked.
pub struct Walk {
    pub page: Page,
    clicks: usize,
}

impl Walk {
    /// `None` where there is no browser.
    pub async fn begin(root: &Path, address: &str) -> Option<Self> {
        Some(Self { page: open(root, address).await?, clicks: 0 })
    }

    pub async fn click(&mut self, css: &str) {
        self.clicks += 1;
        self.page.click(css).await;
    }

    /// Types over what the filter holds, which keeps the focus: without it, the page would write its own state there.
    pub async fn filter(&self, text: &str) {
        const ALL: &str = "\u{e009}a\u{e000}";
        let filter = self.page.client.find(Locator::Css("#filter")).await.unwrap();
        filter.send_keys(&format!("{ALL}{text}")).await.unwrap();
    }

    /// Chooses in a list.
    pub async fn choose(&mut self, css: &str, value: &str) {
        self.clicks += 1;
        self.shows(&format!("[...document.querySelector({css:?}).options].some((one) => one.value === {value:?})"))
            .await;
        let script = "const list = document.querySelector(CSS); list.value = VALUE; list.dispatchEvent(new Event('change', { bubbles: true })); return list.value";
        let script = script.replace("CSS", &format!("{css:?}")).replace("VALUE", &format!("{value:?}"));
        assert_eq!(self.page.js(&script).await, json!(value), "{css} has no {value}");
    }

    pub async fn drag(&mut self, css: &str, from: (f64, f64), to: (f64, f64)) {
        self.clicks += 1;
        self.page.drag(css, from, to).await;
    }

    /// Presses keys where the focus is.
    pub async fn keys(&self, keys: &str) {
        self.page.client.press_keys(keys).await.unwrap_or_else(|error| panic!("{keys:?}: {error}"));
    }

    /// Goes to an element of `css` and presses keys there, after which `shown` holds.
    pub async fn press(&self, css: &str, keys: &str, shown: &str) {
        self.tab_to(css).await;
        self.keys(keys).await;
        self.shows(shown).await;
    }

    /// Goes on with Tab until the focus is on an element of `css`.
    pub async fn tab_to(&self, css: &str) {
        self.shows(&format!("document.querySelector({css:?})")).await;
        let mut passed = Vec::new();
        for _ in 0..120 {
            if self.page.js(&format!("return document.activeElement.matches({css:?})")).await == json!(true) {
                return;
            }
            passed.push(self.page.js("return document.activeElement.tagName + '#' + document.activeElement.id").await);
            self.keys(key::TAB).await;
        }
        panic!("Tab does not lead to {css}: {passed:?}");
    }

    pub async fn shows(&self, expression: &str) {
        self.page.wait(&format!("Boolean({expression})"), json!(true)).await;
    }

    /// The task is done; the next one begins at an address.
    pub async fn done(&mut self, task: &str, most: usize, next: &str) {
        assert!(self.clicks <= most, "{task}: {} clicks, {most} at most", self.clicks);
        println!("{task}: {} of {most} clicks", self.clicks);
        self.clicks = 0;
        self.page.client.goto("about:blank").await.unwrap();
        self.page.client.goto(&format!("{}{next}", self.page.url)).await.unwrap();
    }
}
