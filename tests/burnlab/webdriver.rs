//! A client of chromedriver: the part of the W3C WebDriver protocol (<https://www.w3.org/TR/webdriver2/>) that the tests use.
//!
//! The crates that speak all of it bring 50 others with them, which took a sixth of the time that the tests take to
//! compile (measured).

use std::fmt;

use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// The key under which the protocol passes elements (section 12.2).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys that write no character, as `send_keys` takes them (section 17.4.2).
pub mod key {
    pub const NULL: &str = "\u{e000}";
    pub const ENTER: &str = "\u{e007}";
    pub const ESCAPE: &str = "\u{e00c}";
    pub const HOME: &str = "\u{e011}";
    pub const DOWN: &str = "\u{e015}";
    pub const RIGHT: &str = "\u{e014}";
    pub const UP: &str = "\u{e013}";
    pub const END: &str = "\u{e010}";
    pub const TAB: &str = "\u{e004}";
}

/// What the driver answers in place of a result.
#[derive(Debug)]
pub struct DriverError(String);

impl fmt::Display for DriverError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<std::io::Error> for DriverError {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

type Result<T> = std::result::Result<T, DriverError>;

/// How an element is found.
pub enum Locator<'a> {
    Css(&'a str),
    LinkText(&'a str),
}

/// A browser window.
#[derive(Clone)]
pub struct Client {
    port: u16,
    session: String,
}

/// An element of the page that was open when it was found.
pub struct Element {
    client: Client,
    id: String,
}

impl Client {
    /// Starts a browser by the chromedriver that listens on `port`.
    pub async fn connect(port: u16, capabilities: Value) -> Result<Self> {
        let wanted = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let opened = request(port, "POST", "/session", Some(wanted)).await?;
        let session = text(&opened["sessionId"])?;
        Ok(Self { port, session })
    }

    pub async fn goto(&self, url: &str) -> Result<()> {
        self.post("/url", json!({ "url": url })).await.map(drop)
    }

    pub async fn refresh(&self) -> Result<()> {
        self.post("/refresh", json!({})).await.map(drop)
    }

    pub async fn current_url(&self) -> Result<String> {
        text(&self.get("/url").await?)
    }

    pub async fn title(&self) -> Result<String> {
        text(&self.get("/title").await?)
    }

    /// The errors in the browser's console since the last call.
    pub async fn console_errors(&self) -> Result<Vec<String>> {
        let entries = self.post("/se/log", json!({ "type": "browser" })).await?;
        let entries = entries.as_array().map_or(&[][..], Vec::as_slice);
        Ok(entries.iter().filter(|one| one["level"] == "SEVERE").map(|one| one["message"].to_string()).collect())
    }

    /// What the body of a JavaScript function returns.
    pub async fn execute(&self, script: &str) -> Result<Value> {
        self.post("/execute/sync", json!({ "script": script, "args": [] })).await
    }

    pub async fn find(&self, locator: Locator<'_>) -> Result<Element> {
        let (using, value) = match locator {
            Locator::Css(selector) => ("css selector", selector),
            Locator::LinkText(text) => ("link text", text),
        };
        self.element(&self.post("/element", json!({ "using": using, "value": value })).await?)
    }

    /// Presses keys one after another, wherever the focus is by then, as a keyboard does (section 17.5). Shift, Ctrl and Alt are
    /// held until [`key::NULL`] or the end, as `send_keys` holds them.
    pub async fn press_keys(&self, keys: &str) -> Result<()> {
        let action = |what: &str, key: char| json!({ "type": what, "value": key.to_string() });
        let (mut actions, mut held) = (Vec::new(), Vec::new());
        for key in keys.chars().chain(key::NULL.chars()) {
            if key::NULL.contains(key) {
                actions.extend(held.drain(..).map(|key| action("keyUp", key)));
            } else if ('\u{e008}'..='\u{e00a}').contains(&key) {
                held.push(key);
                actions.push(action("keyDown", key));
            } else {
                actions.extend([action("keyDown", key), action("keyUp", key)]);
            }
        }
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.post("/actions", json!({ "actions": [keyboard] })).await.map(drop)
    }

    /// Presses the left mouse button on an element, `from` (right, down) pixels off its middle, and lets it go at `to`.
    pub async fn drag(&self, element: &Element, from: (f64, f64), to: (f64, f64)) -> Result<()> {
        // A duration, since some listeners wait for the pointer to move before they believe in a press.
        let move_to = |(x, y): (f64, f64)| json!({ "type": "pointerMove", "duration": 100, "origin": { ELEMENT: element.id }, "x": x.round(), "y": y.round() });
        let actions = json!([
            move_to(from),
            { "type": "pause", "duration": 200 },
            { "type": "pointerDown", "button": 0 },
            move_to(to),
            { "type": "pointerUp", "button": 0 },
        ]);
        let mouse =
            json!({ "type": "pointer", "id": "mouse", "parameters": { "pointerType": "mouse" }, "actions": actions });
        self.post("/actions", json!({ "actions": [mouse] })).await.map(drop)
    }

    /// Makes the page this large, in px; a window in which it is shown can be no narrower than 500.
    pub async fn resize(&self, width: u32, height: u32) -> Result<()> {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await
    }

    /// A command of Chrome's own protocol (<https://chromedevtools.github.io/devtools-protocol/>).
    pub async fn devtools(&self, command: &str, params: Value) -> Result<()> {
        self.ask_devtools(command, params).await.map(drop)
    }

    /// The same with its answer.
    pub async fn ask_devtools(&self, command: &str, params: Value) -> Result<Value> {
        self.post("/goog/cdp/execute", json!({ "cmd": command, "params": params })).await
    }

    /// Ends the browser.
    pub async fn close(self) -> Result<()> {
        request(self.port, "DELETE", &format!("/session/{}", self.session), None).await.map(drop)
    }

    fn element(&self, found: &Value) -> Result<Element> {
        Ok(Element { client: self.clone(), id: text(&found[ELEMENT])? })
    }

    async fn get(&self, path: &str) -> Result<Value> {
        request(self.port, "GET", &format!("/session/{}{path}", self.session), None).await
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        request(self.port, "POST", &format!("/session/{}{path}", self.session), Some(body)).await
    }
}

impl Element {
    pub async fn click(&self) -> Result<()> {
        self.post("click", json!({})).await
    }

    pub async fn clear(&self) -> Result<()> {
        self.post("clear", json!({})).await
    }

    pub async fn send_keys(&self, keys: &str) -> Result<()> {
        self.post("value", json!({ "text": keys })).await
    }

    async fn post(&self, verb: &str, body: Value) -> Result<()> {
        self.client.post(&format!("/element/{}/{verb}", self.id), body).await.map(drop)
    }
}

/// The `value` of an answer; each request has a connection of its own.
async fn request(port: u16, method: &str, path: &str, body: Option<Value>) -> Result<Value> {
    let body = body.map_or(String::new(), |body| body.to_string());
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut connection = BufReader::new(TcpStream::connect(("127.0.0.1", port)).await?);
    connection.write_all((head + &body).as_bytes()).await?;
    let mut length = None;
    loop {
        let mut line = String::new();
        connection.read_line(&mut line).await?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok();
        }
    }
    let length: usize = length.ok_or_else(|| DriverError(format!("{method} {path}: the driver gave no answer")))?;
    let mut answer = vec![0; length];
    connection.read_exact(&mut answer).await?;
    let answer: Map<String, Value> =
        serde_json::from_slice(&answer).map_err(|error| DriverError(format!("{method} {path}: {error}")))?;
    let value = answer.get("value").cloned().unwrap_or(Value::Null);
    match value.get("error") {
        Some(error) => Err(DriverError(format!("{method} {path}: {error}: {}", value["message"]))),
        None => Ok(value),
    }
}

fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| DriverError(format!("the driver answered {value}, not a text")))
}
