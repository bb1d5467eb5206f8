//! Lines of JSON on standard error, written by a thread of their own: a reader who has stopped reading stops no request.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::shown::escaped_json;
use crate::threads;

/// Bytes of lines that wait to be written; some thousand lines. Those that come while there is no room are dropped.
const MAX_WAITING: usize = 1 << 20;
/// How long the last lines may take in the end.
const LAST_LINES: Duration = Duration::from_millis(300);

/// The log of a server.
pub(super) struct Log(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<String>,
    num_bytes: usize,
    /// Since the last line that has found room, and since the start.
    unsaid_dropped: u64,
    num_dropped: u64,
    is_writing: bool,
    is_closed: bool,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the lines until there will be no more.
    fn write(&self, writer: &mut dyn Write) {
        let mut queue = self.queue();
        loop {
            if let Some(line) = queue.lines.pop_front() {
                queue.num_bytes -= line.len();
                queue.is_writing = true;
                drop(queue);
                // Which nobody may read.
                writer.write_all(line.as_bytes()).ok();
                queue = self.queue();
                queue.is_writing = false;
                self.changed.notify_all();
            } else if queue.is_closed {
                return;
            } else {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

impl Log {
    /// That on standard error.
    ///
    /// # Errors
    /// No more threads for this user.
    pub fn start() -> io::Result<Self> {
        Self::to(own_standard_error())
    }

    fn to(mut writer: Box<dyn Write + Send>) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let written = Arc::clone(&shared);
        threads::spawn(move || written.write(&mut writer))?;
        Ok(Self(shared))
    }

    /// Has a JSON object written as a line, without waiting. It tells in `dropped` how many before it were not, for want of room.
    pub fn line(&self, line: &Value) {
        let mut queue = self.0.queue();
        let mut line = line.clone();
        if let (Some(object), 1..) = (line.as_object_mut(), queue.unsaid_dropped) {
            object.insert("dropped".to_owned(), queue.unsaid_dropped.into());
        }
        let line = escaped_json(&line.to_string()).into_owned() + "\n";
        if queue.num_bytes + line.len() > MAX_WAITING {
            queue.unsaid_dropped += 1;
            queue.num_dropped += 1;
            return;
        }
        queue.num_bytes += line.len();
        queue.unsaid_dropped = 0;
        queue.lines.push_back(line);
        self.0.changed.notify_all();
    }

    /// Lines that were dropped since the start.
    pub fn num_dropped(&self) -> u64 {
        self.0.queue().num_dropped
    }

    /// Waits until all lines are written, for [`LAST_LINES`] at most.
    pub fn wait(&self) {
        let is_busy = |queue: &mut Queue| queue.is_writing || !queue.lines.is_empty();
        drop(self.0.changed.wait_timeout_while(self.0.queue(), LAST_LINES, is_busy));
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.0.queue().is_closed = true;
        self.0.changed.notify_all();
    }
}

/// Standard error without the lock of the standard library: who waits there for a reader would keep everybody else from it, and the
/// process from its end.
fn own_standard_error() -> Box<dyn Write + Send> {
    #[cfg(unix)]
    if let Ok(own) = std::os::fd::AsFd::as_fd(&io::stderr()).try_clone_to_owned() {
        return Box::new(std::fs::File::from(own));
    }
    Box::new(io::stderr())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use serde_json::json;

    use super::*;

    /// Takes a line whenever it may, until nobody lets it any more.
    struct Slow {
        may: Receiver<()>,
        written: Sender<String>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.may.recv().map_err(io::Error::other)?;
            self.written.send(String::from_utf8(bytes.to_vec()).unwrap()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_does_not_read_stops_nobody_and_hears_how_much_is_lost() {
        let ((let_it, may), (written, lines)) = (channel(), channel());
        let log = Log::to(Box::new(Slow { may, written })).unwrap();
        let text = "x".repeat(1 << 10);
        // Without anybody who reads.
        (0..2000).for_each(|i| log.line(&json!({ "number": i, "text": text })));
        let num_dropped = log.num_dropped();
        // 1 MiB of lines of 1 KiB, and the one that is being written.
        assert!((2000 - 1025..2000 - 990).contains(&num_dropped), "{num_dropped}");
        (0..2000).for_each(|_| let_it.send(()).unwrap());
        let told: Vec<String> = (0..2000 - num_dropped).map(|_| lines.recv().unwrap()).collect();
        assert!(told[0].starts_with("{\"number\":0,"), "{}", told[0]);
        // Where the thread took its first line late, one found room when others had been dropped.
        let dropped = |line: &String| serde_json::from_str::<Value>(line).unwrap()["dropped"].as_u64().unwrap_or(0);
        let told_before: u64 = told.iter().map(dropped).sum();
        log.line(&json!({ "number": 2000, "text": "\u{202e}" }));
        log.line(&json!({ "number": 2001 }));
        let next = lines.recv().unwrap();
        let found: Value = serde_json::from_str(&next).unwrap();
        assert_eq!((&found["number"], &found["dropped"]), (&json!(2000), &json!(num_dropped - told_before)));
        assert!(next.contains("\"\\u202e\""), "{next}");
        assert_eq!(lines.recv().unwrap(), "{\"number\":2001}\n");
        log.wait();
        // The thread ends with the log.
        drop(log);
        assert!(lines.recv().is_err());
    }
}
