//! Words as they are compared: folded, Hangul and other scripts without spaces by pairs, and what a search asks of each.
//! It does not know fields or documents. The same folding makes what is indexed and what is asked.
//!
//! A run of Hangul, Han or kana becomes every two neighbours and its last sign alone: `가방끈` is `가방 방끈 끈`. Whoever
//! asks for one sign asks for what begins with it, so it is found anywhere; whoever asks for more asks for pairs side by
//! side. The lone last sign keeps the pairs of two runs from being side by side.

use unicode_normalization::UnicodeNormalization;

/// Words of one search; more do not narrow it.
const WORDS_MAX: usize = 12;
/// Characters of one word; what follows is not compared.
const WORD_CHARS_MAX: usize = 40;
/// From so many letters on, one letter may be wrong, and two.
const LETTERS_FOR_TYPOS: [usize; 2] = [4, 8];
/// Letters that a word needs to be tried in the other number: `mugs` for `mug`.
const LETTERS_FOR_NUMBER: usize = 3;

/// Letters that each part of a word needs to be tried as two: `giftcard` for `gift card`.
const LETTERS_APART: usize = 3;

/// What a search asks for with one word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word {
    /// One, or several side by side.
    pub terms: Vec<String>,
    /// As good: the same in the other number, or written as one.
    pub others: Vec<String>,
    /// As good: written as two words, each of these side by side.
    pub apart: Vec<Vec<String>>,
    /// What begins with this is found, too.
    pub begun: Option<String>,
    /// How many letters of a single term may be wrong, where it would hardly be found as it is.
    pub typos: u8,
}

/// A piece of text that is not divided by spaces or signs.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    /// Letters and digits.
    Plain(String),
    /// Signs of a script that writes without spaces, or with particles joined on.
    Signs(Vec<char>),
}

/// Without case, accents and compatibility forms; Hangul composed.
pub fn fold(text: &str) -> String {
    let is_accent = |sign: &char| ('\u{300}'..='\u{36f}').contains(sign);
    let plain: String = text.nfkd().filter(|sign| !is_accent(sign)).flat_map(char::to_lowercase).nfc().collect();
    if plain.is_ascii() {
        return plain;
    }
    let mut folded = String::with_capacity(plain.len());
    for sign in plain.chars() {
        match sign {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ı' => folded.push('i'),
            other => folded.push(other),
        }
    }
    folded
}

/// What a text is found by, in its order.
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for group in groups(&fold(text)) {
        let mut joined = String::new();
        let is_compound = group.len() > 1;
        for piece in group {
            match piece {
                Piece::Plain(word) => {
                    joined.push_str(&word);
                    words.push(cut(word));
                }
                Piece::Signs(signs) => words.extend(pairs(&signs, true)),
            }
        }
        if is_compound && !joined.is_empty() {
            words.push(cut(joined));
        }
    }
    words
}

/// What somebody asks for. The last word may be the beginning of one.
pub fn asked(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for group in groups(&fold(text)) {
        let plain: Option<Vec<&str>> = group
            .iter()
            .map(|piece| match piece {
                Piece::Plain(word) => Some(word.as_str()),
                Piece::Signs(_) => None,
            })
            .collect();
        match plain {
            Some(pieces) if pieces.len() > 1 => words.push(compound(&pieces)),
            _ => words.extend(group.into_iter().map(single)),
        }
    }
    words.truncate(WORDS_MAX);
    if let Some(last) = words.last_mut().filter(|last| last.begun.is_none()) {
        let is_plain = |term: &&String| !term.chars().any(is_joined_script);
        let beginning = last.others.first().filter(|_| last.terms.len() > 1).or(last.terms.first());
        last.begun = beginning.filter(is_plain).cloned();
    }
    words.dedup();
    words
}

impl Word {
    /// Whether a text of these words has it, with no letter wrong.
    pub fn is_in(&self, words: &[String]) -> bool {
        let is_other = |word: &String| self.others.contains(word);
        let is_begun = |word: &String| self.begun.as_ref().is_some_and(|begun| word.starts_with(begun.as_str()));
        let has = |terms: &Vec<String>| words.windows(terms.len().max(1)).any(|some| some == *terms);
        has(&self.terms) || self.apart.iter().any(has) || words.iter().any(|word| is_other(word) || is_begun(word))
    }
}

fn single(piece: Piece) -> Word {
    match piece {
        Piece::Plain(word) => {
            let word = cut(word);
            let letters = word.chars().count();
            let may_be_wrong = word.chars().all(char::is_alphabetic);
            let typos = LETTERS_FOR_TYPOS.iter().filter(|least| may_be_wrong && letters >= **least).count();
            let others = if may_be_wrong { in_other_number(&word) } else { Vec::new() };
            let apart = if may_be_wrong { in_two(&word) } else { Vec::new() };
            Word { terms: vec![word], others, apart, begun: None, typos: u8::try_from(typos).unwrap_or(0) }
        }
        Piece::Signs(signs) => {
            let terms = pairs(&signs, signs.len() == 1);
            let begun = (signs.len() == 1).then(|| terms.concat());
            let apart = (1..signs.len()).map(|at| {
                let (first, second) = signs.split_at(at);
                [pairs(first, true), pairs(second, second.len() == 1)].concat()
            });
            Word { terms, apart: apart.collect(), begun, ..Word::default() }
        }
    }
}

/// A word as two, wherever each of them would be long enough to be one.
fn in_two(word: &str) -> Vec<Vec<String>> {
    let cuts: Vec<usize> = word.char_indices().map(|(at, _)| at).collect();
    let last = cuts.len().saturating_sub(LETTERS_APART);
    let cuts = cuts.get(LETTERS_APART..=last).unwrap_or_default();
    cuts.iter().map(|at| vec![word[..*at].to_owned(), word[*at..].to_owned()]).collect()
}

/// `t-shirt`: side by side, or written as one.
fn compound(pieces: &[&str]) -> Word {
    let terms = pieces.iter().map(|piece| cut((*piece).to_owned())).collect();
    Word { terms, others: vec![cut(pieces.concat())], ..Word::default() }
}

/// English plurals, and those of other languages that add an s: cheap, and of no harm where there is no such word.
fn in_other_number(word: &str) -> Vec<String> {
    if !word.is_ascii() || word.len() < LETTERS_FOR_NUMBER {
        return Vec::new();
    }
    if let Some(stem) = word.strip_suffix("ies") {
        return vec![format!("{stem}y"), format!("{stem}ie")];
    }
    match word.strip_suffix('s').filter(|stem| !stem.ends_with('s') && stem.len() >= LETTERS_FOR_NUMBER) {
        Some(stem) => match stem.strip_suffix('e') {
            Some(shorter) => vec![stem.to_owned(), shorter.to_owned()],
            None => vec![stem.to_owned()],
        },
        None => match word.strip_suffix('y') {
            Some(stem) => vec![format!("{word}s"), format!("{stem}ies")],
            None => vec![format!("{word}s"), format!("{word}es")],
        },
    }
}

fn pairs(signs: &[char], with_last: bool) -> Vec<String> {
    let mut pairs: Vec<String> = signs.windows(2).map(|pair| pair.iter().collect()).collect();
    pairs.extend(signs.last().filter(|_| with_last).map(ToString::to_string));
    pairs
}

fn cut(word: String) -> String {
    match word.char_indices().nth(WORD_CHARS_MAX) {
        Some((end, _)) => word[..end].to_owned(),
        None => word,
    }
}

/// Pieces that hang together by signs without a space, such as `t-shirt`.
fn groups(folded: &str) -> Vec<Vec<Piece>> {
    let mut groups: Vec<Vec<Piece>> = vec![Vec::new()];
    let mut goes_on = false;
    for sign in folded.chars() {
        let group = groups.last_mut();
        match (sign, group) {
            (sign, Some(group)) if is_joined_script(sign) => {
                match group.last_mut() {
                    Some(Piece::Signs(signs)) if goes_on => signs.push(sign),
                    _ => group.push(Piece::Signs(vec![sign])),
                }
                goes_on = true;
            }
            (sign, Some(group)) if sign.is_alphanumeric() => {
                match group.last_mut() {
                    Some(Piece::Plain(word)) if goes_on => word.push(sign),
                    _ => group.push(Piece::Plain(sign.to_string())),
                }
                goes_on = true;
            }
            ('\'' | '’', _) => {}
            ('-' | '_' | '.' | '/' | '+' | '&', _) => goes_on = false,
            _ => {
                groups.push(Vec::new());
                goes_on = false;
            }
        }
    }
    groups.retain(|group| !group.is_empty());
    groups
}

/// Hangul, kana, Han.
fn is_joined_script(sign: char) -> bool {
    matches!(sign, '가'..='힣' | '\u{1100}'..='\u{11ff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_alike_is_one_word() {
        assert_eq!(words("Crème BRÛLÉE, straße"), ["creme", "brulee", "strasse"]);
        assert_eq!(words("Women’s T-Shirt"), ["womens", "t", "shirt", "tshirt"]);
        assert_eq!(words("TEE-BLK/M"), ["tee", "blk", "m", "teeblkm"]);
        assert_eq!(words("ﬁne ① ５"), ["fine", "1", "5"]);
        assert_eq!(words(" - …!"), [] as [&str; 0]);
    }

    #[test]
    fn hangul_is_found_by_pairs_and_by_one() {
        assert_eq!(words("가방끈 15호"), ["가방", "방끈", "끈", "15", "호", "15"].map(String::from));
        // Decomposed, as some keyboards and file systems write it.
        assert_eq!(words("\u{1100}\u{1161}\u{1107}\u{1161}\u{11bc}"), ["가방", "방"]);
        let [word] = asked("가방끈").try_into().unwrap();
        assert_eq!((word.terms.as_slice(), word.begun), (["가방".to_owned(), "방끈".to_owned()].as_slice(), None));
        let [one] = asked("끈").try_into().unwrap();
        assert_eq!((one.terms.as_slice(), one.begun.as_deref()), (["끈".to_owned()].as_slice(), Some("끈")));
    }

    #[test]
    fn two_words_are_found_where_they_are_asked_for_as_one() {
        let finds = |asked_for: &str, text: &str| asked(asked_for)[0].is_in(&words(text));
        let found = [
            ("giftcard", "A gift card"),
            ("선물카드", "선물 카드"),
            ("황동만년필", "황동 만년필 세트"),
            ("차쟁반", "차 쟁반"),
            ("녹차잔", "녹차 잔"),
        ];
        for (asked_for, text) in found {
            assert!(finds(asked_for, text), "{asked_for}");
        }
        let strange = [
            ("giftcard", "card gift"),
            ("giftcard", "gift and card"),
            ("선물카드", "선물 상자 카드"),
            ("선물카드", "선물"),
        ];
        for (asked_for, text) in strange {
            assert!(!finds(asked_for, text), "{asked_for} in {text}");
        }
        assert_eq!(asked("tea abcde abcdef")[2].apart, [["abc", "def"]]);
        assert!(asked("tea abcde 123456").iter().all(|word| word.apart.is_empty()));
    }

    #[test]
    fn long_words_may_be_a_little_wrong_and_numbers_never() {
        let typos = |text: &str| asked(text).iter().map(|word| word.typos).collect::<Vec<_>>();
        assert_eq!(typos("mug lamp umbrella 12345678 ab12 가방끈"), [0, 1, 2, 0, 0, 0]);
    }

    #[test]
    fn only_the_last_word_may_be_begun() {
        let begun = |text: &str| asked(text).into_iter().map(|word| word.begun).collect::<Vec<_>>();
        assert_eq!(begun("blue te"), [None, Some("te".to_owned())]);
        assert_eq!(begun("tee-bl"), [Some("teebl".to_owned())]);
        assert_eq!(begun("  "), []);
    }

    #[test]
    fn one_and_many_find_each_other() {
        let finds = |asked_for: &str, text: &str| asked(asked_for)[0].is_in(&words(text));
        for (one, many) in [("mug x", "mugs"), ("dress x", "dresses"), ("berry x", "berries"), ("shoe x", "shoes")] {
            assert!(finds(one, many), "{one} {many}");
            let swapped = (format!("{many} x"), one.split_once(' ').unwrap().0);
            assert!(finds(&swapped.0, swapped.1), "{many} {one}");
        }
        assert!(!finds("glass x", "glas"));
    }
}
