//! Sets of a part's documents, as bits or as a list, whichever is shorter: what counting facets comes down to.
//! It does not know what the documents are.

const WORD: usize = 64;

/// A set of documents, a bit for each that there could be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bits(Vec<u64>);

impl Bits {
    pub fn none(documents: u32) -> Self {
        Self(vec![0; (documents as usize).div_ceil(WORD)])
    }

    pub fn all(documents: u32) -> Self {
        let mut bits = Self(vec![u64::MAX; (documents as usize).div_ceil(WORD)]);
        let last = documents as usize % WORD;
        if let Some(word) = bits.0.last_mut().filter(|_| last > 0) {
            *word = (1 << last) - 1;
        }
        bits
    }

    pub fn insert(&mut self, document: u32) {
        self.0[document as usize / WORD] |= 1 << (document as usize % WORD);
    }

    pub fn remove(&mut self, document: u32) {
        self.0[document as usize / WORD] &= !(1 << (document as usize % WORD));
    }

    pub fn has(&self, document: u32) -> bool {
        self.0[document as usize / WORD] >> (document as usize % WORD) & 1 == 1
    }

    /// Keeps what the other has, too.
    pub fn narrow(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word &= other);
    }

    /// Takes in what the other has.
    pub fn widen(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word |= other);
    }

    pub fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// How many both have.
    pub fn count_with(&self, other: &Self) -> u64 {
        self.0.iter().zip(&other.0).map(|(word, other)| u64::from((word & other).count_ones())).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// In rising order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                if left == 0 {
                    return None;
                }
                let bit = left.trailing_zeros();
                left &= left - 1;
                Some(u32::try_from(at * WORD).unwrap_or(u32::MAX) + bit)
            })
        })
    }
}

/// The documents that share something.
#[derive(Debug, Clone)]
pub enum Holders {
    /// In rising order.
    Few(Vec<u32>),
    Many(Bits),
}

impl Holders {
    /// A test of one document costs about as much as one word of bits.
    pub fn of(documents: Vec<u32>, all: u32) -> Self {
        if documents.len() * WORD < all as usize {
            return Self::Few(documents);
        }
        let mut bits = Bits::none(all);
        documents.into_iter().for_each(|document| bits.insert(document));
        Self::Many(bits)
    }

    pub fn count_in(&self, bits: &Bits) -> u64 {
        match self {
            Self::Few(documents) => documents.iter().map(|document| u64::from(bits.has(*document))).sum(),
            Self::Many(holders) => holders.count_with(bits),
        }
    }

    pub fn add_to(&self, bits: &mut Bits) {
        match self {
            Self::Few(documents) => documents.iter().for_each(|document| bits.insert(*document)),
            Self::Many(holders) => bits.widen(holders),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_bits_are_the_same_sets() {
        let some: Vec<u32> = (0..1_000).filter(|n| n % 3 == 0).collect();
        let (many, few) = (Holders::of(some.clone(), 1_000), Holders::Few(some.clone()));
        assert!(matches!(many, Holders::Many(_)) && matches!(Holders::of(vec![7], 1_000), Holders::Few(_)));
        let mut even = Bits::none(1_000);
        (0..1_000).filter(|n| n % 2 == 0).for_each(|n| even.insert(n));
        assert_eq!((many.count_in(&even), few.count_in(&even)), (167, 167));
        let (mut a, mut b) = (Bits::none(1_000), Bits::none(1_000));
        many.add_to(&mut a);
        few.add_to(&mut b);
        assert_eq!((a == b, a.iter().collect::<Vec<_>>()), (true, some));
        a.narrow(&even);
        assert_eq!(a.count(), 167);
        assert_eq!((Bits::all(130).count(), Bits::all(128).count(), Bits::none(0).is_empty()), (130, 128, true));
        a.remove(0);
        assert_eq!((a.has(0), a.has(6)), (false, true));
    }
}
