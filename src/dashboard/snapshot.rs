//! All runs at one moment, in pieces that later moments share: a change of one run copies 256 pointers, not 20,000.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, OnceLock};

use super::entry::Entry;
use crate::comparison::Vocabulary;
use crate::tracking::RunId;

/// The number of entries in a piece; up to twice as many.
const PIECE: usize = 256;

/// All runs at one revision, newest first.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Increases with every snapshot, unlike the revision, which restarts when the store is rebuilt.
    pub number: u64,
    pub revision: u64,
    pieces: Vec<Arc<Piece>>,
}

#[derive(Debug)]
struct Piece {
    entries: Vec<Arc<Entry>>,
    known: OnceLock<Known>,
    vocabulary: OnceLock<Vocabulary>,
}

/// What is found in a piece without a look at all of its entries.
#[derive(Debug)]
struct Known {
    /// Hashes of the ids with the entries' indices, sorted.
    ids: Box<[(u64, usize)]>,
    /// Indices of the runs without a final status.
    unfinished: Box<[usize]>,
}

impl Piece {
    fn new(entries: Vec<Arc<Entry>>) -> Arc<Self> {
        Arc::new(Self { entries, known: OnceLock::new(), vocabulary: OnceLock::new() })
    }

    fn known(&self) -> &Known {
        self.known.get_or_init(|| {
            let hashes = self.entries.iter().enumerate().map(|(index, entry)| (hash(entry.id()), index));
            let mut ids: Box<[(u64, usize)]> = hashes.collect();
            ids.sort_unstable();
            let unfinished = (0..self.entries.len()).filter(|&index| !self.entries[index].is_final()).collect();
            Known { ids, unfinished }
        })
    }

    fn find(&self, hash: u64, id: &RunId) -> Option<usize> {
        let ids = &self.known().ids;
        let first = ids.partition_point(|(other, _)| *other < hash);
        let same = ids[first..].iter().take_while(|(other, _)| *other == hash);
        same.map(|(_, index)| *index).find(|&index| self.entries[index].id() == id)
    }

    fn vocabulary(&self) -> &Vocabulary {
        self.vocabulary.get_or_init(|| Vocabulary::new(self.entries.iter().map(Arc::as_ref)))
    }
}

fn hash(id: &RunId) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(id)
}

impl Snapshot {
    /// Of all `entries`, in any order.
    pub fn new(revision: u64, mut entries: Vec<Arc<Entry>>) -> Self {
        entries.sort_by(|a, b| b.place().cmp(&a.place()));
        let pieces = entries.chunks(PIECE).map(|piece| Piece::new(piece.to_vec())).collect();
        Self { number: 0, revision, pieces }
    }

    pub fn len(&self) -> usize {
        self.pieces.iter().map(|piece| piece.entries.len()).sum()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.pieces.iter().flat_map(|piece| &piece.entries)
    }

    /// The entries from `offset`, at most `limit`.
    pub fn range(&self, mut offset: usize, limit: usize) -> Vec<Arc<Entry>> {
        let mut found = Vec::with_capacity(limit.min(self.len()));
        for piece in &self.pieces {
            let some = piece.entries.iter().skip(offset).take(limit - found.len());
            found.extend(some.cloned());
            offset = offset.saturating_sub(piece.entries.len());
        }
        found
    }

    /// The run of this id.
    pub fn find(&self, id: &RunId) -> Option<&Arc<Entry>> {
        let (piece, index) = self.locate(id)?;
        Some(&self.pieces[piece].entries[index])
    }

    fn locate(&self, id: &RunId) -> Option<(usize, usize)> {
        let hash = hash(id);
        self.pieces.iter().enumerate().find_map(|(number, piece)| Some((number, piece.find(hash, id)?)))
    }

    /// The runs without a final status.
    pub fn unfinished(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.pieces.iter().flat_map(|piece| piece.known().unfinished.iter().map(|&index| &piece.entries[index]))
    }

    /// The names that the runs have.
    pub fn vocabulary(&self) -> Vocabulary {
        let none = Vocabulary::new(std::iter::empty::<&Entry>());
        self.pieces.iter().fold(none, |all, piece| all.with(piece.vocabulary()))
    }

    /// The snapshot after these changes.
    pub fn changed(&self, revision: u64, changed: &[Arc<Entry>], removed: &[RunId]) -> Self {
        let mut new = Self { number: self.number, revision, pieces: self.pieces.clone() };
        removed.iter().for_each(|id| new.remove(id));
        for entry in changed {
            match new.locate(entry.id()) {
                Some((piece, index)) if new.pieces[piece].entries[index].place() == entry.place() => {
                    let mut entries = new.pieces[piece].entries.clone();
                    entries[index] = Arc::clone(entry);
                    new.pieces[piece] = Piece::new(entries);
                }
                found => {
                    if found.is_some() {
                        new.remove(entry.id());
                    }
                    new.insert(entry);
                }
            }
        }
        new
    }

    fn remove(&mut self, id: &RunId) {
        let Some((piece, index)) = self.locate(id) else { return };
        let mut entries = self.pieces[piece].entries.clone();
        entries.remove(index);
        if entries.is_empty() {
            self.pieces.remove(piece);
        } else {
            self.pieces[piece] = Piece::new(entries);
        }
    }

    fn insert(&mut self, entry: &Arc<Entry>) {
        let is_before = |other: &Arc<Entry>| other.place() > entry.place();
        let piece = self.pieces.partition_point(|piece| piece.entries.last().is_some_and(&is_before));
        let piece = piece.min(self.pieces.len().saturating_sub(1));
        let mut entries = self.pieces.get(piece).map(|piece| piece.entries.clone()).unwrap_or_default();
        entries.insert(entries.partition_point(is_before), Arc::clone(entry));
        let rest = if entries.len() > 2 * PIECE { entries.split_off(PIECE) } else { Vec::new() };
        let pieces = [entries, rest].into_iter().filter(|piece| !piece.is_empty()).map(Piece::new);
        let old = piece..(piece + 1).min(self.pieces.len());
        self.pieces.splice(old, pieces);
    }

    /// The entries that are no more in `later`, and those that are new in it.
    pub fn difference(&self, later: &Self) -> [Vec<Arc<Entry>>; 2] {
        let pieces = |of: &Self| -> HashSet<*const Piece> { of.pieces.iter().map(Arc::as_ptr).collect() };
        let entries = |of: &Self, known: &HashSet<*const Piece>| -> Vec<Arc<Entry>> {
            let changed = of.pieces.iter().filter(|piece| !known.contains(&Arc::as_ptr(piece)));
            changed.flat_map(|piece| piece.entries.iter().cloned()).collect()
        };
        let (mut gone, mut new) = (entries(self, &pieces(later)), entries(later, &pieces(self)));
        let places = |of: &[Arc<Entry>]| -> HashSet<*const Entry> { of.iter().map(Arc::as_ptr).collect() };
        let (before, after) = (places(&gone), places(&new));
        gone.retain(|entry| !after.contains(&Arc::as_ptr(entry)));
        new.retain(|entry| !before.contains(&Arc::as_ptr(entry)));
        [gone, new]
    }

    /// The ids that are here, but not in `later`.
    pub fn missing_in(&self, later: &Self) -> Vec<RunId> {
        let there: HashSet<&RunId> = later.iter().map(|entry| entry.id()).collect();
        self.iter().map(|entry| entry.id()).filter(|id| !there.contains(id)).cloned().collect()
    }
}
