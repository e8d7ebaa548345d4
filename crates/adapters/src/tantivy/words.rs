//! Which documents have the words of a query, and how well: by the field, by how exactly, by how long the title is.
//! It does not know facets, prices or pages.
//!
//! Scores are whole numbers, so they are the same on every machine and can stand in a cursor. A word that is there as
//! written, begun, or in the other number is worth more than any number of wrong letters.

use std::slice;

use services::search::index::{AskedWord, Query};
use services::search::words::Word;
use tantivy::postings::{Postings, TermInfo};
use tantivy::query::{DfaWrapper, FuzzyTermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, TERMINATED, Term};

use super::bits::Bits;
use super::part::Group;
use super::schema::{Fields, Words};
use super::snapshot::{Segment, Snapshot};

/// When a search finds fewer as it is written, letters may be wrong in those of its words that fewer have; in all, when nothing is
/// found then.
const ENOUGH: u64 = 5;
/// Terms that one beginning, or one word with wrong letters, is tried as.
const TERMS_MAX: usize = 10_000;
/// Beginnings of codes are looked up from so many signs on: nearly all codes begin alike.
const CODE_BEGINNING_MIN: usize = 3;
/// What a word that is not mistyped is worth beside where it stands.
const AS_WRITTEN: u32 = 1_000;
const EXACT: u32 = 12;
const OTHER: u32 = 10;
const BEGUN: u32 = 9;
const ONE_WRONG: u32 = 2;
const TWO_WRONG: u32 = 1;
/// Titles that are at least so long are not told apart by it.
const TITLE_WORDS_MAX: u32 = 31;

/// What of one segment has all words.
pub struct Matched {
    pub bits: Bits,
    /// By document; empty where nothing was asked for by words.
    pub scores: Vec<u32>,
}

fn weight(words: Words) -> u32 {
    match words {
        Words::Title => 8,
        Words::Codes => 6,
        Words::Brand => 5,
        Words::Rest => 2,
    }
}
const CATEGORY_WEIGHT: u32 = 3;

pub fn matched(snapshot: &Snapshot, fields: &Fields, query: &Query) -> tantivy::Result<Vec<Matched>> {
    if query.words.is_empty() {
        let everything = |segment: &Segment| Matched { bits: segment.alive.clone(), scores: Vec::new() };
        return Ok(snapshot.segments.iter().map(everything).collect());
    }
    let all = |words: &[AskedWord], typos: &[Vec<Typo>]| -> tantivy::Result<Vec<Matched>> {
        let segments = snapshot.segments.iter();
        segments.map(|segment| Looking { segment, fields }.all(words, typos)).collect()
    };
    let has_enough = |matched: &[Matched]| matched.iter().map(|matched| matched.bits.count()).sum::<u64>() >= ENOUGH;
    let as_written = all(&query.words, &[])?;
    let may_be_wrong = query.words.iter().any(|asked| asked.word.typos > 0);
    if !may_be_wrong || has_enough(&as_written) {
        return Ok(as_written);
    }
    let (mut typos_of, mut meant) = (Vec::with_capacity(query.words.len()), Vec::new());
    for (place, asked) in query.words.iter().enumerate() {
        // A word that is alone has too few, as was seen.
        let may_be_meant = asked.word.typos > 0 && query.words.len() > 1;
        if may_be_meant && has_enough(&all(slice::from_ref(asked), &[])?) {
            meant.push(place);
            typos_of.push(Vec::new());
        } else {
            typos_of.push(typos(fields, &asked.word)?);
        }
    }
    let found = all(&query.words, &typos_of)?;
    if meant.is_empty() || found.iter().any(|matched| !matched.bits.is_empty()) {
        return Ok(found);
    }
    // Nothing has all of them, so what many have was mistyped into what it is, perhaps.
    for place in meant {
        typos_of[place] = typos(fields, &query.words[place].word)?;
    }
    all(&query.words, &typos_of)
}

/// What recognises a word with letters wrong. It is made once for all fields and segments: its tables take longer to fill than to
/// use.
struct Typo {
    kind: u32,
    automaton: DfaWrapper,
}

/// As it is and without the plural's ending, with letters wrong. An ending that is added and mistyped could be any.
fn typos(fields: &Fields, word: &Word) -> tantivy::Result<Vec<Typo>> {
    let mut typos = Vec::new();
    if word.terms.len() != 1 {
        return Ok(typos);
    }
    let is_shorter = |other: &&String| word.terms.iter().all(|term| other.len() < term.len());
    for (wrong, kind) in [(1, ONE_WRONG), (2, TWO_WRONG)].into_iter().filter(|(wrong, _)| *wrong <= word.typos) {
        for text in word.terms.iter().chain(word.others.iter().filter(is_shorter)) {
            // Any field will do: the automaton is the word's alone.
            let term = Term::from_field_text(fields.of(Words::Title), text);
            let query = match word.begun {
                Some(_) => FuzzyTermQuery::new_prefix(term, wrong, true),
                None => FuzzyTermQuery::new(term, wrong, true),
            };
            typos.push(Typo { kind, automaton: query.automaton()? });
        }
    }
    Ok(typos)
}

/// One segment, looked through for words.
struct Looking<'a> {
    segment: &'a Segment,
    fields: &'a Fields,
}

/// For each document how well it fits one word; 0 where it does not.
struct Scores(Vec<u32>);

impl Scores {
    fn mark(&mut self, document: u32, score: u32) {
        let before = &mut self.0[document as usize];
        *before = score.max(*before);
    }
}

impl Looking<'_> {
    /// `typos`: those of each word, or none at all.
    fn all(&self, words: &[AskedWord], typos: &[Vec<Typo>]) -> tantivy::Result<Matched> {
        let documents = self.segment.part.documents;
        let mut sums: Option<Vec<u32>> = None;
        for (place, asked) in words.iter().enumerate() {
            let mut scores = Scores(vec![0; documents as usize]);
            self.word(asked, typos.get(place).map_or(&[], Vec::as_slice), &mut scores)?;
            if let Some(sums) = &mut sums {
                let both = |(sum, score): (&mut u32, u32)| *sum = if *sum > 0 && score > 0 { *sum + score } else { 0 };
                sums.iter_mut().zip(scores.0).for_each(both);
            } else {
                sums = Some(scores.0);
            }
        }
        let mut scores = sums.unwrap_or_default();
        let mut bits = Bits::none(documents);
        let title_words = self.segment.reader.get_fieldnorms_reader(self.fields.of(Words::Title))?;
        for (document, score) in (0..documents).zip(&mut scores) {
            if *score > 0 && self.segment.alive.has(document) {
                bits.insert(document);
                let length = title_words.fieldnorm(document).min(TITLE_WORDS_MAX);
                *score = *score * (TITLE_WORDS_MAX + 1) + (TITLE_WORDS_MAX - length);
            }
        }
        Ok(Matched { bits, scores })
    }

    fn word(&self, asked: &AskedWord, typos: &[Typo], scores: &mut Scores) -> tantivy::Result<()> {
        let word = &asked.word;
        for (place, field) in Words::ALL.into_iter().enumerate() {
            let worth = |kind: u32| AS_WRITTEN + weight(field) * kind;
            match word.terms.as_slice() {
                [term] => self.exact(place, field, term, worth(EXACT), scores)?,
                terms => self.side_by_side(place, field, terms, worth(EXACT), scores)?,
            }
            for other in &word.others {
                self.exact(place, field, other, worth(OTHER), scores)?;
            }
            for terms in &word.apart {
                self.side_by_side(place, field, terms, worth(OTHER), scores)?;
            }
            let is_long = |begun: &&String| field != Words::Codes || begun.chars().count() >= CODE_BEGINNING_MIN;
            if let Some(begun) = word.begun.as_ref().filter(is_long) {
                self.begun(place, begun, worth(BEGUN), scores)?;
            }
            for typo in typos.iter().filter(|_| field != Words::Codes) {
                self.mistyped(place, typo, weight(field) * typo.kind, scores)?;
            }
        }
        for slug in &asked.categories {
            if let Some(holders) = self.segment.part.holders(&Group::Categories, slug) {
                let mut bits = Bits::none(self.segment.part.documents);
                holders.add_to(&mut bits);
                bits.iter().for_each(|document| scores.mark(document, AS_WRITTEN + CATEGORY_WEIGHT * EXACT));
            }
        }
        Ok(())
    }

    fn exact(&self, at: usize, field: Words, text: &str, score: u32, scores: &mut Scores) -> tantivy::Result<()> {
        let term = Term::from_field_text(self.fields.of(field), text);
        match self.segment.words[at].get_term_info(&term)? {
            Some(info) => self.mark(at, &info, score, scores),
            None => Ok(()),
        }
    }

    fn begun(&self, at: usize, beginning: &str, score: u32, scores: &mut Scores) -> tantivy::Result<()> {
        let mut end = beginning.as_bytes().to_vec();
        // No byte of UTF-8 is the last there is.
        end.last_mut().into_iter().for_each(|last| *last += 1);
        let mut terms = self.segment.words[at].terms().range().ge(beginning.as_bytes()).lt(&end).into_stream()?;
        let mut left = TERMS_MAX;
        while left > 0 && terms.advance() {
            self.mark(at, terms.value(), score, scores)?;
            left -= 1;
        }
        Ok(())
    }

    fn mistyped(&self, at: usize, typo: &Typo, score: u32, scores: &mut Scores) -> tantivy::Result<()> {
        let mut terms = self.segment.words[at].terms().search(&typo.automaton).into_stream()?;
        let mut left = TERMS_MAX;
        while left > 0 && terms.advance() {
            self.mark(at, terms.value(), score, scores)?;
            left -= 1;
        }
        Ok(())
    }

    fn mark(&self, at: usize, info: &TermInfo, score: u32, scores: &mut Scores) -> tantivy::Result<()> {
        let words = &self.segment.words[at];
        let mut postings = words.read_block_postings_from_terminfo(info, IndexRecordOption::Basic)?;
        while !postings.docs().is_empty() {
            postings.docs().iter().for_each(|document| scores.mark(*document, score));
            postings.advance();
        }
        Ok(())
    }

    /// Terms that follow each other.
    fn side_by_side(
        &self,
        at: usize,
        field: Words,
        terms: &[String],
        score: u32,
        scores: &mut Scores,
    ) -> tantivy::Result<()> {
        let mut all = Vec::with_capacity(terms.len());
        for text in terms {
            let term = Term::from_field_text(self.fields.of(field), text);
            let words = &self.segment.words[at];
            let Some(postings) = words.read_postings(&term, IndexRecordOption::WithFreqsAndPositions)? else {
                return Ok(());
            };
            all.push(postings);
        }
        let Some((first, rest)) = all.split_first_mut() else { return Ok(()) };
        let (mut starts, mut places) = (Vec::new(), Vec::new());
        while first.doc() != TERMINATED {
            let document = first.doc();
            first.positions(&mut starts);
            for (offset, postings) in (1_u32..).zip(rest.iter_mut()) {
                let is_there =
                    postings.doc() == document || (postings.doc() < document && postings.seek(document) == document);
                if !is_there {
                    starts.clear();
                    break;
                }
                postings.positions(&mut places);
                starts.retain(|start| places.binary_search(&(start + offset)).is_ok());
            }
            if !starts.is_empty() {
                scores.mark(document, score);
            }
            first.advance();
        }
        Ok(())
    }
}
