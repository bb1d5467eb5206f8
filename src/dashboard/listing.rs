//! The list of runs in pages, filtered and sorted here. A page is compressed once for all clients that get it.

use std::cmp::Ordering;
use std::collections::{HashSet, VecDeque};
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_core::Stream;
use serde::Deserialize;
use tokio::sync::OnceCell;

use super::entry::Entry;
use super::snapshot::Snapshot;
use super::{ApiError, AppState};
use crate::comparison::field::{Field, FieldValue};
use crate::comparison::filter::{Filter, FilterError};
use crate::comparison::{UnknownName, order};

/// The longest filter, in bytes: more than anybody types. Matching costs time for every run and every comparison.
const MAX_FILTER: usize = 4096;

/// The most runs of one page: 3 MB before compression.
const MAX_LIMIT: usize = 1000;

/// How many pages and orders are remembered for the next who asks: a few MB of compressed text.
const REMEMBERED: usize = 32;

/// How much is made at once for a client that does not accept gzip.
const PIECE: usize = 16 << 10;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ListQuery {
    /// A filter, which may be empty.
    #[serde(default)]
    q: String,
    /// A field; empty for the newest first.
    #[serde(default)]
    sort: String,
    reverse: Option<u8>,
    #[serde(default)]
    offset: usize,
    #[serde(default = "default_limit")]
    limit: usize,
}

fn default_limit() -> usize {
    250
}

impl ListQuery {
    /// Whether it is about all runs as they are.
    fn is_plain(&self) -> bool {
        self.q.trim().is_empty() && self.sort.is_empty() && self.reverse != Some(1)
    }

    fn has_same_order(&self, other: &Self) -> bool {
        (&self.q, &self.sort, self.reverse) == (&other.q, &other.sort, other.reverse)
    }
}

/// The filter with its names resolved to those of the runs.
///
/// # Errors
/// 400 with the place of the mistake.
pub fn parsed(text: &str, snapshot: &Snapshot) -> Result<Filter, ApiError> {
    if text.len() > MAX_FILTER {
        return Err(ApiError::bad_request(format!("a filter has {MAX_FILTER} bytes at most, not {}", text.len())));
    }
    let refused = |error: FilterError| ApiError { at: Some(error.at), ..ApiError::bad_request(error.to_string()) };
    let filter: Filter = text.parse().map_err(refused)?;
    filter.resolved(&snapshot.vocabulary()).map_err(refused)
}

/// The pages that were asked for last.
#[derive(Debug, Default)]
pub struct Pages {
    recent: Mutex<Recent>,
    /// Held while an order is made: many ask for the same at once, and then find it made.
    ordering: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Recent {
    orders: VecDeque<Arc<Order>>,
    pages: VecDeque<Arc<Page>>,
}

/// The runs of a snapshot that match a query, sorted.
#[derive(Debug)]
struct Order {
    snapshot: Arc<Snapshot>,
    query: ListQuery,
    filter: Option<Filter>,
    field: Option<Field>,
    entries: Vec<Arc<Entry>>,
}

/// Of more changed runs than this, all are sorted again.
const FEW: usize = 200;

impl Order {
    /// The order of `query` in `snapshot`; `old` is the same in an earlier one.
    fn new(snapshot: Arc<Snapshot>, query: ListQuery, old: Option<&Self>) -> Result<Self, ApiError> {
        let filter = if query.q.trim().is_empty() { None } else { Some(parsed(&query.q, &snapshot)?) };
        let unknown = |error: UnknownName| ApiError::bad_request(format!("`sort`: {error}"));
        let field = match query.sort.as_str() {
            "" => None,
            sort => Some(snapshot.vocabulary().resolve(sort).map_err(unknown)?),
        };
        let mut order = Self { snapshot, query, filter, field, entries: Vec::new() };
        let old = old.filter(|old| (&old.filter, &old.field) == (&order.filter, &order.field));
        if let Some((old, [gone, new])) = old.map(|old| (old, old.snapshot.difference(&order.snapshot)))
            && gone.len() + new.len() <= FEW
        {
            let gone: HashSet<*const Entry> = gone.iter().map(Arc::as_ptr).collect();
            let stays = |entry: &&Arc<Entry>| !gone.contains(&Arc::as_ptr(entry));
            let mut entries: Vec<Arc<Entry>> = old.entries.iter().filter(stays).cloned().collect();
            for entry in new.into_iter().filter(|entry| order.passes(entry)) {
                let place = entries.partition_point(|other| order.compare(other, &entry).is_lt());
                entries.insert(place, entry);
            }
            order.entries = entries;
            return Ok(order);
        }
        let found = order.snapshot.iter().filter(|entry| order.passes(entry));
        let mut valued: Vec<_> = found.map(|entry| (order.value(entry), entry)).collect();
        valued.sort_by(|(a, entry_a), (b, entry_b)| order.compare_values((a, entry_a), (b, entry_b)));
        order.entries = valued.into_iter().map(|(_, entry)| Arc::clone(entry)).collect();
        Ok(order)
    }

    fn passes(&self, entry: &Entry) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.matches(entry, entry.shown))
    }

    fn value<'a>(&self, entry: &'a Entry) -> Option<FieldValue<'a>> {
        self.field.as_ref()?.of(entry, entry.shown)
    }

    fn compare(&self, a: &Entry, b: &Entry) -> Ordering {
        self.compare_values((&self.value(a), a), (&self.value(b), b))
    }

    /// By the field, and the newest first where that does not tell.
    fn compare_values(
        &self,
        (a, entry_a): (&Option<FieldValue<'_>>, &Entry),
        (b, entry_b): (&Option<FieldValue<'_>>, &Entry),
    ) -> Ordering {
        let is_reverse = self.query.reverse == Some(1);
        let newest_first = entry_b.place().cmp(&entry_a.place());
        match &self.field {
            Some(field) => order(field, a.as_ref(), b.as_ref(), is_reverse).then(newest_first),
            None if is_reverse => newest_first.reverse(),
            None => newest_first,
        }
    }
}

impl Pages {
    /// The page that `query` asks for.
    ///
    /// # Errors
    /// 400 for a mistake in the filter or the sort key.
    pub async fn page(
        &self,
        state: &AppState,
        snapshot: Arc<Snapshot>,
        mut query: ListQuery,
    ) -> Result<Arc<Page>, ApiError> {
        query.limit = query.limit.min(MAX_LIMIT);
        let (revision, all) = (snapshot.revision, snapshot.len());
        let (entries, total) = if query.is_plain() {
            (snapshot.range(query.offset, query.limit), all)
        } else {
            let order = self.order(state, snapshot, &query).await?;
            let some = order.entries.iter().skip(query.offset).take(query.limit);
            (some.cloned().collect(), order.entries.len())
        };
        let page = Page { query, revision, total, all, entries, compressed: OnceCell::new() };
        let pages = &mut self.recent().pages;
        if let Some(known) = pages.iter().find(|known| known.says_the_same(&page)) {
            return Ok(Arc::clone(known));
        }
        let page = Arc::new(page);
        remember(pages, Arc::clone(&page));
        Ok(page)
    }

    async fn order(
        &self,
        state: &AppState,
        snapshot: Arc<Snapshot>,
        query: &ListQuery,
    ) -> Result<Arc<Order>, ApiError> {
        let known = || self.recent().orders.iter().find(|known| known.query.has_same_order(query)).cloned();
        // Newer is as good: the list is never older than its request.
        let is_fresh = |known: &Arc<Order>| known.snapshot.number >= snapshot.number;
        if let Some(known) = known().filter(is_fresh) {
            return Ok(known);
        }
        let _turn = self.ordering.lock().await;
        let old = known();
        if let Some(known) = old.clone().filter(is_fresh) {
            return Ok(known);
        }
        let query = query.clone();
        let order = state.work(move || Order::new(snapshot, query, old.as_deref())).await.map(Arc::new)?;
        let orders = &mut self.recent().orders;
        orders.retain(|known| !known.query.has_same_order(&order.query));
        remember(orders, Arc::clone(&order));
        Ok(order)
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remember<T>(recent: &mut VecDeque<T>, value: T) {
    recent.truncate(REMEMBERED - 1);
    recent.push_front(value);
}

/// One page of the list: `{revision, total, all, runs}` with the number of runs that match and of all.
#[derive(Debug)]
pub struct Page {
    query: ListQuery,
    revision: u64,
    total: usize,
    all: usize,
    entries: Vec<Arc<Entry>>,
    /// Made by the first who asks; the others wait for it.
    compressed: OnceCell<Bytes>,
}

impl Page {
    /// Only the first page has to have the present revision: clients follow changes from there on.
    fn says_the_same(&self, other: &Self) -> bool {
        let has_same_entries = || self.entries.iter().zip(&other.entries).all(|(a, b)| Arc::ptr_eq(a, b));
        self.query == other.query
            && (self.total, self.all, self.entries.len()) == (other.total, other.all, other.entries.len())
            && (self.revision == other.revision || self.query.offset > 0)
            && has_same_entries()
    }

    /// The answer, compressed for clients that accept it. To others it is sent as it is made, so that one that reads slowly
    /// has a small piece of it in memory.
    pub async fn response(self: Arc<Self>, state: &AppState, asked: &HeaderMap) -> Result<Response<Body>, ApiError> {
        let is_compressed = accepts_gzip(asked);
        let body = if is_compressed {
            let page = Arc::clone(&self);
            let compress = || state.work(move || page.compress().map_err(ApiError::internal));
            self.compressed.get_or_try_init(compress).await?.clone().into()
        } else {
            Body::from_stream(Pieces { page: self, next: 0, is_done: false })
        };
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if is_compressed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        Ok(response)
    }

    fn compress(self: Arc<Self>) -> io::Result<Bytes> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let mut pieces = Pieces { page: self, next: 0, is_done: false };
        while let Some(piece) = pieces.piece() {
            encoder.write_all(piece.as_bytes())?;
        }
        let mut bytes = encoder.finish()?;
        bytes.shrink_to_fit();
        Ok(bytes.into())
    }
}

/// Whether `gzip` is among the encodings, and not with a weight of 0.
fn accepts_gzip(asked: &HeaderMap) -> bool {
    let values = asked.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_none_or(|weight| weight > 0.0)
    })
}

/// The text of a page, made while it is read.
struct Pieces {
    page: Arc<Page>,
    /// The index of the first run that is still to be sent.
    next: usize,
    is_done: bool,
}

impl Pieces {
    fn piece(&mut self) -> Option<String> {
        if self.is_done {
            return None;
        }
        let mut text = String::new();
        let Page { revision, total, all, entries, .. } = self.page.as_ref();
        if self.next == 0 {
            text = format!("{{\"revision\":{revision},\"total\":{total},\"all\":{all},\"runs\":[");
        }
        while self.next < entries.len() && text.len() < PIECE {
            if self.next > 0 {
                text.push(',');
            }
            text.push_str(&entries[self.next].to_json());
            self.next += 1;
        }
        if self.next == entries.len() {
            text.push_str("]}");
            self.is_done = true;
        }
        Some(text)
    }
}

impl Stream for Pieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.piece().map(|piece| Ok(piece.into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_accept_it() {
        for (accepted, expected) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("identity", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(accepted))]);
            assert_eq!(accepts_gzip(&headers), expected, "{accepted}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
