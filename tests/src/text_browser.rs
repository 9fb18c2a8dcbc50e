//! A text browser of a test's own: Debian's w3m in a terminal (tmux), driven by its keys and read from its screen. It
//! finds the box through a way of the test's own. Ends with the test.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::appliance::Appliance;

/// For a page to be shown.
const WAIT: Duration = Duration::from_secs(60);
/// So tall that a whole page is on the screen.
const LINES: &str = "400";
/// Keys: from the top on, from the end back.
const FIRST: [&str; 2] = ["g", "/"];
const LAST: [&str; 2] = ["G", "?"];

/// A text browser with one window.
pub struct TextBrowser {
    dir: tempfile::TempDir,
}

impl TextBrowser {
    /// Starts one at `path` of the box; it trusts the box's own authority and nothing else.
    pub fn start(appliance: &Appliance, domain: &str, path: &str) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("lavoir-w3m-").tempdir()?;
        let ca = dir.path().join("ca.pem");
        std::fs::write(&ca, appliance.cli(&["ca"])?)?;
        let way = way_to(domain, appliance.https_port())?;
        let options = [
            format!("https_proxy=http://127.0.0.1:{way}/"),
            "no_proxy=".into(),
            "use_proxy=1".into(),
            format!("ssl_ca_file={}", ca.display()),
            "ssl_verify_server=1".into(),
            "accept_language=fr".into(),
            "wrap_search=1".into(),
            "confirm_qq=0".into(),
            "show_cookie=0".into(),
            // What is private stays unseen, as for a person at a terminal.
            "use_history=0".into(),
            "ignorecase_search=0".into(),
        ];
        let browser = Self { dir };
        let mut line = Command::new("tmux");
        browser.at(&mut line);
        line.args(["-f", "/dev/null", "new-session", "-d"])
            .args(["-x", "100", "-y", LINES, "-c"])
            .arg(browser.dir.path())
            .args(["w3m", "-cookie", "-no-mouse"])
            .args(["-I", "UTF-8", "-O", "UTF-8"]);
        for option in options {
            line.args(["-o", &option]);
        }
        line.arg(format!("https://{domain}{path}"));
        said(line.output().context("tmux")?)?;
        Ok(browser)
    }

    fn at(&self, tmux: &mut Command) {
        tmux.arg("-S")
            .arg(self.dir.path().join("tmux"))
            .env("HOME", self.dir.path())
            .env("LC_ALL", "C.UTF-8")
            .env("TERM", "xterm")
            .env_remove("TMUX")
            .env_remove("SSL_CERT_FILE")
            .stdin(Stdio::null());
    }

    fn tmux(&self, arguments: &[&str]) -> Result<String> {
        let mut tmux = Command::new("tmux");
        self.at(&mut tmux);
        said(tmux.args(arguments).output()?)
    }

    fn keys(&self, keys: &[&str]) -> Result<()> {
        let all = [&["send-keys"], keys].concat();
        self.tmux(&all).map(drop)
    }

    fn letters(&self, text: &str) -> Result<()> {
        self.keys(&["-l", text])
    }

    /// What stands on the screen, the empty lines left out.
    pub fn screen(&self) -> Result<String> {
        let screen = self.tmux(&["capture-pane", "-p"])?;
        let lines = screen.lines().map(str::trim_end);
        Ok(lines
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join("\n"))
    }

    /// Waits until these words can be read.
    pub fn read(&self, words: &str) -> Result<String> {
        self.read_until(words, WAIT, || Ok(()))
    }

    /// Loads the page anew, again and again, until these words can be read: nothing refreshes it by itself here.
    pub fn read_in_the_end(&self, words: &str, most: Duration) -> Result<String> {
        self.read_until(words, most, || {
            thread::sleep(Duration::from_secs(1));
            self.keys(&["R"])
        })
    }

    fn read_until(
        &self,
        words: &str,
        most: Duration,
        meanwhile: impl Fn() -> Result<()>,
    ) -> Result<String> {
        let begun = Instant::now();
        loop {
            let screen = self.screen()?;
            if in_one_line(&screen).contains(words) {
                return Ok(screen);
            }
            if begun.elapsed() > most {
                bail!("“{words}” is not to be read:\n{screen}");
            }
            thread::sleep(Duration::from_millis(100));
            meanwhile()?;
        }
    }

    /// Goes to an address.
    pub fn go(&self, address: &str) -> Result<()> {
        self.keys(&["U", "C-u"])?;
        self.letters(address)?;
        self.keys(&["Enter"])
    }

    /// Puts the cursor on a text: the first on the page, or the last. Keys that come while a page is being loaded are
    /// lost, so it is looked whether the cursor stands there.
    fn find(&self, text: &str, from: [&str; 2]) -> Result<()> {
        // Searched as a pattern; what typography changes may be any sign.
        let plain: String = text
            .chars()
            .map(|sign| if sign.is_alphanumeric() { sign } else { '.' })
            .collect();
        let begun = Instant::now();
        while begun.elapsed() < WAIT {
            self.keys(&[from[0], from[1], "C-u"])?;
            self.letters(&plain)?;
            self.keys(&["Enter"])?;
            for _ in 0..10 {
                thread::sleep(Duration::from_millis(50));
                if self.stands_on(text, from)? {
                    return Ok(());
                }
            }
        }
        bail!("“{text}” is not to be found:\n{}", self.screen()?)
    }

    fn stands_on(&self, text: &str, from: [&str; 2]) -> Result<bool> {
        let row = self.tmux(&["display-message", "-p", "#{cursor_y}"])?;
        let screen = self.tmux(&["capture-pane", "-p"])?;
        let mut page: Vec<&str> = screen.trim_end().lines().collect();
        // The browser's own line.
        page.pop();
        let has = |line: &&str| in_one_line(line).contains(text);
        let wanted = if from == FIRST {
            page.iter().position(has)
        } else {
            page.iter().rposition(has)
        };
        Ok(wanted.is_some() && row.trim().parse().ok() == wanted)
    }

    /// Follows the first link with these words; then those can be read.
    pub fn follow(&self, words: &str, then: &str) -> Result<String> {
        self.press(words, FIRST, then)
    }

    /// Sends a form by its button, which stands last; then those words can be read.
    pub fn send(&self, words: &str, then: &str) -> Result<String> {
        self.press(words, LAST, then)
    }

    fn press(&self, words: &str, from: [&str; 2], then: &str) -> Result<String> {
        self.find(words, from)?;
        self.keys(&["Enter"])?;
        self.read(then)
            .with_context(|| format!("after “{words}” was pressed"))
    }

    /// Types into the field that comes after these words, in the place of what stands there.
    pub fn fill(&self, after: &str, text: &str) -> Result<()> {
        self.find(after, FIRST)?;
        self.keys(&["Tab"])?;
        self.write(text)
    }

    /// Follows the error summary's link with these words to its field, and types there.
    pub fn mend(&self, words: &str, text: &str) -> Result<()> {
        self.find(words, FIRST)?;
        // The cursor comes to stand behind the field.
        self.keys(&["Enter", "M-Tab"])?;
        self.write(text)
    }

    fn write(&self, text: &str) -> Result<()> {
        self.keys(&["Enter", "C-u"])?;
        self.letters(text)?;
        self.keys(&["Enter"])
    }
}

impl Drop for TextBrowser {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the text browser shows:\n{:?}", self.screen());
        }
        let _ = self.tmux(&["kill-server"]);
    }
}

/// Words that are broken over two lines are still these words; typography puts other spaces and apostrophes.
fn in_one_line(screen: &str) -> String {
    let words: Vec<&str> = screen.split_whitespace().collect();
    words.join(" ").replace('’', "'")
}

fn said(output: Output) -> Result<String> {
    ensure!(
        output.status.success(),
        "tmux: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A proxy of a test's own that leads to the box and nowhere else: its port. Ends with the test's process.
fn way_to(domain: &str, https_port: u16) -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let domain = domain.to_owned();
    thread::spawn(move || {
        for caller in listener.incoming().flatten() {
            let domain = domain.clone();
            thread::spawn(move || lead(caller, &domain, https_port));
        }
    });
    Ok(port)
}

fn lead(caller: TcpStream, domain: &str, https_port: u16) -> io::Result<()> {
    let mut reader = BufReader::new(caller.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::from("x");
    while !line.trim().is_empty() {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
    }
    let mut back = caller;
    if !first.starts_with(&format!("CONNECT {domain}:443 ")) {
        return back.write_all(b"HTTP/1.0 403 Forbidden\r\n\r\n");
    }
    let mut box_ = TcpStream::connect(("127.0.0.1", https_port))?;
    back.write_all(b"HTTP/1.0 200 OK\r\n\r\n")?;
    let (mut there, mut here) = (box_.try_clone()?, back.try_clone()?);
    let answers = thread::spawn(move || {
        let _ = io::copy(&mut box_, &mut here);
        let _ = here.shutdown(Shutdown::Both);
    });
    let _ = io::copy(&mut reader, &mut there);
    let _ = there.shutdown(Shutdown::Write);
    let _ = answers.join();
    Ok(())
}
