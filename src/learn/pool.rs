//! Who may compute, how much at once and how long.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::Semaphore;

use crate::training::Interrupter;
use crate::web::ApiError;
use crate::web::session::Visitor;

/// Jobs that compute at once; each uses all cores where it can.
const AT_ONCE: usize = 2;
/// Jobs of all visitors, computing or waiting for a place.
const MOST: usize = 32;
/// The longest that a job may compute.
const LONGEST: Duration = Duration::from_secs(10);
/// Jobs of one visitor, in all tabs of the browser.
const MOST_OF_A_VISITOR: usize = 12;
/// Widgets of a page that may each have a job.
pub const SLOTS: u8 = 8;
const LONGEST_PAGE: usize = 32;

/// A visitor's widget: it has one job at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Client {
    /// `None` for a browser on this machine, and for who has shown the token itself.
    session: Option<String>,
    /// What the page calls itself, so that tabs of one browser do not end each other's jobs.
    page: String,
    slot: u8,
}

impl Client {
    /// The widget number `slot` of a visitor's page.
    ///
    /// # Errors
    /// 400 for a slot that nobody has, and for a page whose name is no short word.
    pub fn new(visitor: &Visitor, page: &str, slot: u8) -> Result<Self, ApiError> {
        if slot >= SLOTS {
            return Err(ApiError::bad_request(format!("slot: 0 to {}, found {slot}", SLOTS - 1)));
        }
        if page.len() > LONGEST_PAGE || !page.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(ApiError::bad_request(format!("page: at most {LONGEST_PAGE} letters and digits")));
        }
        let session = visitor.session.as_ref().map(|visit| visit.id.clone());
        Ok(Self { session, page: page.to_owned(), slot })
    }
}

/// Why a job was to end early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The same client asked for something else.
    Replaced,
    /// It took too long; what it has by then is its answer.
    TimeLimit,
    /// Nobody waits for the answer.
    Left,
}

/// Tells a job when to end. Clones share it.
#[derive(Clone, Default)]
pub struct Ticket {
    pub interrupter: Interrupter,
    why: Arc<OnceLock<Ended>>,
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Ticket").field(&self.why.get()).finish()
    }
}

impl Ticket {
    fn end(&self, why: Ended) {
        self.why.set(why).ok();
        self.interrupter.stop("the reader does not wait for more");
    }

    /// Why the job is to end, if it is.
    pub fn ended(&self) -> Option<Ended> {
        self.why.get().copied()
    }
}

/// The jobs that there are.
#[derive(Debug)]
pub struct Pool {
    places: Arc<Semaphore>,
    jobs: Arc<Mutex<HashMap<Client, Ticket>>>,
    longest: Duration,
}

impl Default for Pool {
    fn default() -> Self {
        Self::with_longest(LONGEST)
    }
}

impl Pool {
    pub fn with_longest(longest: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)), jobs: Arc::default(), longest }
    }

    /// Computes `work` in one of the places, on a thread that may block; the client's job before it ends. If the caller is
    /// dropped, as when its connection closes, the work ends.
    ///
    /// # Errors
    /// 503 for too many jobs, 409 for a job that was replaced by a newer one; what `work` returns.
    pub async fn run<T: Send + 'static>(
        &self,
        client: Client,
        work: impl FnOnce(&Ticket) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let entry = self.enter(client)?;
        let ticket = entry.ticket.clone();
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(ApiError::internal)?;
        if ticket.ended().is_some() {
            return Err(replaced());
        }
        let mut task = tokio::task::spawn_blocking(move || {
            // Held until the work has really ended.
            let _place = place;
            work(&ticket)
        });
        let finished = tokio::select! {
            finished = &mut task => finished,
            () = tokio::time::sleep(self.longest) => {
                entry.ticket.end(Ended::TimeLimit);
                task.await
            }
        };
        match entry.ticket.ended() {
            Some(Ended::Replaced) => Err(replaced()),
            _ => finished.unwrap_or_else(|error| Err(ApiError::internal(error))),
        }
    }

    fn enter(&self, client: Client) -> Result<Entry, ApiError> {
        let mut jobs = all(&self.jobs);
        if let Some(old) = jobs.remove(&client) {
            old.end(Ended::Replaced);
        }
        let busy = |message: &str| Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message));
        if jobs.len() >= MOST {
            return busy("too many readers move something at the same time: try again in some seconds");
        }
        if jobs.keys().filter(|other| other.session == client.session).count() >= MOST_OF_A_VISITOR {
            return busy(
                "other tabs of this browser train too many networks at the same time: try again in some seconds",
            );
        }
        let ticket = Ticket::default();
        jobs.insert(client.clone(), ticket.clone());
        Ok(Entry { jobs: Arc::clone(&self.jobs), client, ticket })
    }
}

fn all(jobs: &Mutex<HashMap<Client, Ticket>>) -> MutexGuard<'_, HashMap<Client, Ticket>> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner)
}

fn replaced() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, "a newer request of the same page took the place of this one")
}

/// A job in the table, until it is dropped.
struct Entry {
    jobs: Arc<Mutex<HashMap<Client, Ticket>>>,
    client: Client,
    ticket: Ticket,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.ticket.end(Ended::Left);
        let mut jobs = all(&self.jobs);
        let is_mine = |other: &Ticket| Arc::ptr_eq(&other.why, &self.ticket.why);
        if jobs.get(&self.client).is_some_and(is_mine) {
            jobs.remove(&self.client);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn client(slot: u8) -> Client {
        Client { session: None, page: String::new(), slot }
    }

    /// Works until it is told to end.
    fn wait(ticket: &Ticket) -> Result<Ended, ApiError> {
        loop {
            match ticket.ended() {
                Some(why) => return Ok(why),
                None => std::thread::yield_now(),
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_newer_job_of_a_client_takes_the_place_of_the_old_one() {
        let pool = Arc::new(Pool::default());
        let (started, has_started) = mpsc::channel();
        let first = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move {
                let work = move |ticket: &Ticket| {
                    started.send(()).ok();
                    wait(ticket)
                };
                pool.run(client(0), work).await
            }
        });
        tokio::task::spawn_blocking(move || has_started.recv().unwrap()).await.unwrap();
        assert_eq!(pool.run(client(1), |_| Ok(7)).await.unwrap(), 7, "another widget's");
        assert_eq!(pool.run(client(0), |_| Ok(8)).await.unwrap(), 8);
        assert_eq!(first.await.unwrap().unwrap_err().status, StatusCode::CONFLICT);
        assert!(all(&pool.jobs).is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_job_ends_at_the_time_limit_and_when_nobody_waits() {
        let pool = Arc::new(Pool::with_longest(Duration::from_millis(1)));
        assert_eq!(pool.run(client(0), wait).await.unwrap(), Ended::TimeLimit);
        let pool = Arc::new(Pool::default());
        let (told, ended) = mpsc::channel();
        let task = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move {
                let work = move |ticket: &Ticket| {
                    told.send(None).ok();
                    told.send(Some(wait(ticket)?)).ok();
                    Ok(())
                };
                pool.run(client(0), work).await
            }
        });
        let ended = tokio::task::spawn_blocking(move || {
            assert_eq!(ended.recv(), Ok(None));
            task.abort();
            ended.recv()
        });
        assert_eq!(ended.await.unwrap(), Ok(Some(Ended::Left)));
        // Its place is free again.
        drop(pool.places.acquire_many(AT_ONCE as u32).await.unwrap());
    }

    #[tokio::test]
    async fn only_so_many_jobs_wait() {
        let pool = Pool::default();
        let stranger = |i: usize| Client { session: Some(i.to_string()), ..client(0) };
        let entries: Vec<Entry> = (0..MOST).map(|i| pool.enter(stranger(i)).unwrap()).collect();
        assert_eq!(pool.enter(client(0)).err().unwrap().status, StatusCode::SERVICE_UNAVAILABLE);
        let again = pool.enter(stranger(3)).unwrap();
        assert_eq!(entries[3].ticket.ended(), Some(Ended::Replaced));
        drop(entries);
        assert_eq!(all(&pool.jobs).len(), 1, "an old entry does not remove the new one");
        drop(again);
        assert!(pool.enter(client(0)).is_ok());
    }

    #[tokio::test]
    async fn tabs_of_a_browser_do_not_end_each_others_jobs() {
        let pool = Pool::default();
        let tab = |i: usize| Client { page: i.to_string(), ..client(0) };
        let entries: Vec<Entry> = (0..MOST_OF_A_VISITOR).map(|i| pool.enter(tab(i)).unwrap()).collect();
        assert!(entries.iter().all(|entry| entry.ticket.ended().is_none()));
        assert_eq!(pool.enter(tab(MOST_OF_A_VISITOR)).err().unwrap().status, StatusCode::SERVICE_UNAVAILABLE);
        let stranger = Client { session: Some("other".to_owned()), ..client(0) };
        assert!(pool.enter(stranger).is_ok(), "another visitor has a share of their own");
        assert!(pool.enter(tab(0)).is_ok());
        assert_eq!(entries[0].ticket.ended(), Some(Ended::Replaced));
    }
}
