//! Chromium without a window, spoken to over a pipe (the DevTools protocol).

use std::process::{Command as Sync, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::program::PATIENCE;

/// `cargo xtask test` installs it under one of these names.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

const FLAGS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
    "about:blank",
];

/// A page in a browser of its own.
pub(crate) struct Page {
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: Option<String>,
    asked: u64,
    /// What stands in its console that is no good news.
    pub(crate) complaints: Vec<Value>,
    _browser: Child,
    _profile: TempDir,
}

impl Page {
    pub(crate) async fn open() -> Self {
        let answers = |name: &&&str| {
            let mut asked = Sync::new(name);
            asked.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
            asked.status().is_ok_and(|status| status.success())
        };
        let name = NAMES.iter().find(answers);
        let name = name.expect("Chromium is there: `cargo xtask test` installs it");
        let profile = tempfile::tempdir().expect("there is room for a directory");
        // It reads from its file 3 and writes to its file 4.
        let mut browser = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#, name])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(FLAGS)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let to = browser.stdin.take().expect("it is piped");
        let from = BufReader::new(browser.stdout.take().expect("it is piped"));
        let complaints = Vec::new();
        let (_browser, _profile) = (browser, profile);
        let mut page = Self { to, from, session: None, asked: 0, complaints, _browser, _profile };
        let target = page.ask("Target.createTarget", json!({"url": "about:blank"})).await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = page.ask("Target.attachToTarget", attach).await;
        page.session = attached["sessionId"].as_str().map(ToOwned::to_owned);
        for events in ["Runtime.enable", "Log.enable", "Page.enable"] {
            page.ask(events, json!({})).await;
        }
        page
    }

    pub(crate) async fn go(&mut self, url: &str) {
        let gone = self.ask("Page.navigate", json!({"url": url})).await;
        assert!(gone["errorText"].is_null(), "{gone}");
    }

    /// What an expression is there.
    pub(crate) async fn value(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true});
        let answer = self.ask("Runtime.evaluate", asked).await;
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true there.
    pub(crate) async fn until(&mut self, expression: &str) {
        let waited = timeout(PATIENCE / 2, async {
            while self.value(expression).await != Value::Bool(true) {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        });
        let came = waited.await.is_ok();
        let text = self.value("document.body.innerText").await;
        assert!(came, "{expression}, in {text}, with {:?}", self.complaints);
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let mut message = json!({"id": self.asked, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let message = format!("{message}\0");
        self.to.write_all(message.as_bytes()).await.expect("it listens");
        loop {
            let said = self.hear().await;
            if said["id"] == self.asked {
                assert!(said["error"].is_null(), "{method}: {said}");
                return said["result"].clone();
            }
        }
    }

    async fn hear(&mut self) -> Value {
        let mut said = Vec::new();
        let heard = timeout(PATIENCE, self.from.read_until(0, &mut said)).await;
        heard.expect("it answers in time").expect("it can be heard");
        let said: Value =
            serde_json::from_slice(said.strip_suffix(b"\0").expect("it has not ended"))
                .expect("it speaks JSON");
        let params = &said["params"];
        let is_complaint = match said["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Runtime.consoleAPICalled") => {
                params["type"] == "error" || params["type"] == "warning"
            }
            Some("Log.entryAdded") => params["entry"]["level"] == "error",
            _ => false,
        };
        if is_complaint {
            self.complaints.push(params.clone());
        }
        said
    }
}
