//! The highest of many ranks, in little memory.

/// How many rows can be paged through. No more are kept in memory, however long the files are.
pub const MAX_RANKED: usize = 100_000;

/// The positions of the highest ranks; equal ranks in the order of the file.
pub struct Top {
    most: usize,
    found: Vec<(f64, usize)>,
    /// How many were added.
    pub total: usize,
}

impl Top {
    pub fn new(most: usize) -> Self {
        Self { most, found: Vec::new(), total: 0 }
    }

    pub fn add(&mut self, rank: f64, place: usize) {
        self.total += 1;
        self.found.push((rank, place));
        // Sorting only now and then keeps both memory and time low.
        if self.found.len() >= 2 * self.most.max(1000) {
            self.shorten();
        }
    }

    fn shorten(&mut self) {
        self.found.sort_by(|(rank_a, place_a), (rank_b, place_b)| rank_b.total_cmp(rank_a).then(place_a.cmp(place_b)));
        self.found.truncate(self.most);
    }

    pub fn best(mut self) -> impl Iterator<Item = usize> {
        self.shorten();
        self.found.into_iter().map(|(_, place)| place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_highest_ranks_are_kept() {
        let mut top = Top::new(3);
        // 0 to 4999, each twice, in an order that jumps.
        (0..10_000).for_each(|place| top.add((place * 7919 % 5000) as f64, place));
        assert!(top.found.len() < 2000);
        assert_eq!(top.total, 10_000);
        let places: Vec<usize> = top.best().collect();
        let ranks: Vec<usize> = places.iter().map(|place| place * 7919 % 5000).collect();
        assert_eq!(ranks, [4999, 4999, 4998]);
        assert!(places[0] < places[1]);
    }
}
