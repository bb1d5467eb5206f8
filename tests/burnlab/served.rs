//! A `burnlab dashboard` or `burnlab serve` process, and requests to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};

pub struct Served {
    pub process: Child,
    /// The line that it prints: where it serves, for other machines with the token.
    pub printed: String,
    /// `127.0.0.1:PORT`
    pub address: String,
    token: String,
    // A process that cannot write any more would notice.
    _output: BufReader<ChildStdout>,
}

impl Served {
    /// Starts `command`, with `--port 0`; `None` if it ends before it serves.
    pub fn start(command: Command) -> Option<Self> {
        Self::start_telling(command, Stdio::null())
    }

    /// As [`Served::start`], with standard error going there.
    pub fn start_telling(mut command: Command, standard_error: impl Into<Stdio>) -> Option<Self> {
        let mut process = command.stdout(Stdio::piped()).stderr(standard_error).spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let printed = line.trim().to_owned();
        let address = printed.strip_prefix("http://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let mut served = Self { address: address.to_owned(), token: String::new(), process, printed, _output: output };
        let page = served.ask("GET", "/", "")?.1;
        // The page of `burnlab serve` has none: it changes nothing.
        let token = page.split_once("name=\"burnlab-token\" content=\"").and_then(|(_, rest)| rest.split('"').next());
        served.token = token.unwrap_or_default().to_owned();
        Some(served)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The most memory that it ever had, in MiB; where the system tells it.
    pub fn peak(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(kibibytes.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0)
    }

    /// The status and body of the answer; `None` if there is none.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        self.send(method, path, &[], body.as_bytes())
    }

    /// The same, with more headers.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<(u16, String)> {
        let token = [("x-burnlab-token", &*self.token)];
        let answer = self.answer(method, path, &[&token, headers].concat(), body)?;
        Some((status(&answer), answer.split_once("\r\n\r\n")?.1.to_owned()))
    }

    /// The whole answer to a request with these headers alone, and the address as its host unless they have another; `None`
    /// if there is none.
    pub fn answer(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<String> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        let own = [("host", &*self.address)];
        let has_host = headers.iter().any(|(name, _)| *name == "host");
        let headers = own.iter().skip(usize::from(has_host)).chain(headers);
        let headers: String = headers.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        let head =
            format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n");
        stream.write_all(&[head.as_bytes(), body].concat()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        // The server may be gone by then.
        (!answer.is_empty()).then_some(answer)
    }
}

/// The status of a whole answer.
pub fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no answer: {answer}"))
}

impl Drop for Served {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
