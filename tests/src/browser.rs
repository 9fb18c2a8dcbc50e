//! A real browser of a test's own: Chromium, driven through WebDriver (W3C). A command is one HTTP request, sent by
//! curl as the rest of the stories' requests are. Ends with the test.

use std::cell::Cell;
use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use serde_json::{Value, json};

/// The key under which WebDriver hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
const TAB: &str = "\u{e004}";
const CONTROL: &str = "\u{e009}";
/// More than any page has places to go to.
const TABS_MAX: u32 = 120;
/// For the driver to start, and for a page to show what is waited for.
const WAIT: Duration = Duration::from_secs(30);

/// How somebody looks at pages.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// For the pictures' names.
    pub name: &'static str,
    /// In CSS pixels.
    pub width: u32,
    /// In CSS pixels.
    pub height: u32,
    /// Whether scripts run.
    pub script: bool,
}

/// A browser with one window.
pub struct Browser {
    driver: Child,
    address: String,
    session: String,
    look: Look,
    pictures: PathBuf,
    taken: Cell<u32>,
}

impl Browser {
    /// Starts one that finds `domain` and all below it at this port of the machine.
    pub fn start(domain: &str, https_port: u16, look: Look, pictures: &Path) -> Result<Self> {
        fs::create_dir_all(pictures)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let driver = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "--", "chromedriver"])
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("chromedriver (Debian's chromium-driver)")?;
        let mut browser = Self {
            driver,
            address: format!("http://127.0.0.1:{port}"),
            session: String::new(),
            look,
            pictures: pictures.to_owned(),
            taken: Cell::new(0),
        };
        browser.wait("chromedriver", |browser| {
            let status = browser.send("GET", "/status", None);
            Ok(status.is_ok_and(|status| status["ready"] == true))
        })?;
        let map = format!(
            "--host-resolver-rules=MAP {domain}:443 127.0.0.1:{https_port}, MAP *.{domain}:443 127.0.0.1:{https_port}"
        );
        let javascript = if look.script { 1 } else { 2 };
        let options = json!({
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=fr",
                     "--hide-scrollbars", map],
            "prefs": { "profile.managed_default_content_settings.javascript": javascript,
                       "intl.accept_languages": "fr" },
            "mobileEmulation": { "deviceMetrics": {
                "width": look.width, "height": look.height, "pixelRatio": 1.0, "touch": look.width < 600,
            } },
        });
        // The box's certificates are checked by curl elsewhere; here pages are looked at.
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome", "acceptInsecureCerts": true, "goog:chromeOptions": options,
        } } });
        let session = browser.send("POST", "/session", Some(wanted))?;
        let id = session["sessionId"].as_str().context("no session")?;
        browser.session = format!("/session/{id}");
        Ok(browser)
    }

    fn send(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value> {
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--max-time",
            "90",
            "--noproxy",
            "*",
        ])
        .args([
            "--request",
            method,
            "--header",
            "Content-Type: application/json",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
        if body.is_some() {
            curl.args(["--data-binary", "@-"]);
        }
        let mut curl = curl.arg(format!("{}{path}", self.address)).spawn()?;
        if let (Some(body), Some(mut input)) = (body, curl.stdin.take()) {
            input.write_all(body.to_string().as_bytes())?;
        }
        let output = curl.wait_with_output()?;
        ensure!(
            output.status.success(),
            "WebDriver {method} {path}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let mut answer: Value = serde_json::from_slice(&output.stdout)?;
        let value = answer["value"].take();
        if let Some(error) = value["error"].as_str() {
            bail!("WebDriver {method} {path}: {error}: {}", value["message"]);
        }
        Ok(value)
    }

    fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.send("POST", &format!("{}{path}", self.session), Some(body))
    }

    fn get(&self, path: &str) -> Result<Value> {
        self.send("GET", &format!("{}{path}", self.session), None)
    }

    /// Asks the browser itself (Chrome DevTools Protocol).
    fn ask_chromium(&self, command: &str, parameters: Value) -> Result<Value> {
        self.post(
            "/goog/cdp/execute",
            json!({ "cmd": command, "params": parameters }),
        )
    }

    /// Goes to an address.
    pub fn go(&self, url: &str) -> Result<()> {
        // Fails where the page is Chromium's own, for an error that may be mended.
        let went = self.post("/url", json!({ "url": url }));
        match self.mend()? {
            true => Ok(()),
            false => went.map(|_| ()),
        }
    }

    /// On this machine networks of containers come and go, and Chromium gives up what it is just loading: a person
    /// would load it again.
    fn mend(&self) -> Result<bool> {
        let interrupted = self
            .text("body")
            .is_ok_and(|text| text.contains("ERR_NETWORK_CHANGED"));
        if interrupted {
            self.post("/refresh", json!({}))?;
        }
        Ok(interrupted)
    }

    /// Where it is.
    pub fn url(&self) -> Result<String> {
        Ok(self.get("/url")?.as_str().unwrap_or_default().to_owned())
    }

    /// The element that a CSS selector finds first.
    fn find(&self, selector: &str) -> Result<String> {
        let found = self.post(
            "/element",
            json!({ "using": "css selector", "value": selector }),
        );
        let found = found.with_context(|| format!("{selector} at {:?}", self.url()))?;
        Ok(found[ELEMENT].as_str().unwrap_or_default().to_owned())
    }

    /// Whether there is such an element.
    pub fn has(&self, selector: &str) -> bool {
        self.find(selector).is_ok()
    }

    /// Goes on by a link or a button, with the keyboard; the next page is there when this comes back.
    pub fn press(&self, selector: &str) -> Result<()> {
        let element = self.find(selector)?;
        let enter = json!({ "text": "\u{e007}" });
        self.post(&format!("/element/{element}/value"), enter)?;
        self.wait(selector, |browser| {
            Ok(browser.get(&format!("/element/{element}/name")).is_err())
        })?;
        self.mend().map(|_| ())
    }

    /// Chooses, or opens what is folded away, with the keyboard.
    pub fn choose(&self, selector: &str) -> Result<()> {
        let element = self.find(selector)?;
        let space = json!({ "text": " " });
        self.post(&format!("/element/{element}/value"), space)
            .map(|_| ())
    }

    /// Types a text in the place of what stands there.
    pub fn fill(&self, selector: &str, text: &str) -> Result<()> {
        let element = self.find(selector)?;
        self.post(&format!("/element/{element}/clear"), json!({}))?;
        self.post(
            &format!("/element/{element}/value"),
            json!({ "text": text }),
        )
        .map(|_| ())
    }

    /// Presses keys one after the other, wherever the focus is.
    pub fn keys(&self, keys: &str) -> Result<()> {
        let strokes: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                [
                    json!({ "type": "keyDown", "value": key }),
                    json!({ "type": "keyUp", "value": key }),
                ]
            })
            .collect();
        self.strokes(&strokes)
    }

    /// All that stands in a field, to be typed over.
    pub fn select_all(&self) -> Result<()> {
        self.strokes(&[
            json!({ "type": "keyDown", "value": CONTROL }),
            json!({ "type": "keyDown", "value": "a" }),
            json!({ "type": "keyUp", "value": "a" }),
            json!({ "type": "keyUp", "value": CONTROL }),
        ])
    }

    fn strokes(&self, strokes: &[Value]) -> Result<()> {
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": strokes });
        self.post("/actions", json!({ "actions": [keyboard] }))
            .map(drop)
    }

    /// Whether the focus is on such an element.
    pub fn stands_at(&self, selector: &str) -> Result<bool> {
        let focused = self.get("/element/active")?;
        let those = json!({ "using": "css selector", "value": selector });
        let those = self.post("/elements", those)?;
        let those = those.as_array().context("no elements")?;
        Ok(those.iter().any(|one| one[ELEMENT] == focused[ELEMENT]))
    }

    /// Goes on by Tab until the focus is on such an element, where it must be seen.
    pub fn tab_to(&self, selector: &str) -> Result<()> {
        for _ in 0..TABS_MAX {
            self.keys(TAB)?;
            if !self.stands_at(selector)? {
                continue;
            }
            let focused = self.get("/element/active")?;
            let element = focused[ELEMENT].as_str().unwrap_or_default();
            let css = |what| self.get(&format!("/element/{element}/css/{what}"));
            let (style, width) = (css("outline-style")?, css("outline-width")?);
            ensure!(
                style != "none" && width != "0px",
                "the focus on {selector} is not seen: {style}, {width}"
            );
            return Ok(());
        }
        bail!("Tab never comes to {selector} at {:?}", self.url())
    }

    /// Presses keys that lead to another page, and waits for it.
    pub fn leave_by(&self, keys: &str) -> Result<()> {
        let page = self.find("html")?;
        self.keys(keys)?;
        self.wait("the next page", |browser| {
            Ok(browser.get(&format!("/element/{page}/name")).is_err())
        })?;
        self.wait("its end", |browser| Ok(browser.has("footer")))
    }

    /// What can be read.
    pub fn text(&self, selector: &str) -> Result<String> {
        let element = self.find(selector)?;
        let text = self.get(&format!("/element/{element}/text"))?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until something is so, and nothing but the page itself makes it so.
    pub fn wait_long(
        &self,
        what: &str,
        most: Duration,
        so: impl Fn(&Self) -> Result<bool>,
    ) -> Result<()> {
        let begun = Instant::now();
        loop {
            // A page that is just being replaced has no elements.
            if so(self).unwrap_or(false) {
                return Ok(());
            }
            self.mend()?;
            if begun.elapsed() > most {
                let seen = self.text("body").unwrap_or_default();
                bail!("{what} did not come, at {:?}:\n{seen}", self.url());
            }
            thread::sleep(Duration::from_millis(250));
        }
    }

    /// The same, for what is there at once.
    pub fn wait(&self, what: &str, so: impl Fn(&Self) -> Result<bool>) -> Result<()> {
        self.wait_long(what, WAIT, so)
    }

    /// Runs a script in the page; what it gives to its last argument, a function, comes back.
    pub fn run(&self, script: &str) -> Result<Value> {
        self.post("/execute/async", json!({ "script": script, "args": [] }))
    }

    /// Shows pages as a system with light or dark colours would.
    pub fn dark(&self, dark: bool) -> Result<()> {
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.ask_chromium("Emulation.setEmulatedMedia", media)
            .map(|_| ())
    }

    /// Keeps a picture of the whole page; it may not be wider than the window.
    pub fn picture(&self, name: &str) -> Result<()> {
        let number = self.taken.get() + 1;
        self.taken.set(number);
        let whole = json!({ "format": "png", "captureBeyondViewport": true });
        let shot = self.ask_chromium("Page.captureScreenshot", whole)?;
        let data = shot["data"].as_str().context("no picture")?;
        let png = base64::engine::general_purpose::STANDARD.decode(data)?;
        let file = format!("{}-{number:02}-{name}.png", self.look.name);
        fs::write(self.pictures.join(file), png)?;
        let sizes = self.ask_chromium("Page.getLayoutMetrics", json!({}))?;
        let width = sizes["cssContentSize"]["width"]
            .as_f64()
            .unwrap_or(f64::MAX);
        ensure!(
            width <= f64::from(self.look.width),
            "{name} is {width} wide in a window of {}",
            self.look.width
        );
        Ok(())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the browser was at {:?}", self.url());
        }
        if !self.session.is_empty() {
            let _ = self.send("DELETE", &self.session, None);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
