//! The word that somebody may have meant.
//! It does not know what words are for.

/// The nearest of the known words, if it is near enough to be meant.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let far = (word.chars().count() / 3).max(1);
    let measured = known.into_iter().map(|known| (distance(word, known), known));
    measured.filter(|(distance, _)| *distance <= far).min().map(|(_, known)| known)
}

/// How many letters must be put, taken, replaced or swapped with their neighbour to make one word of the other (optimal
/// string alignment).
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for (i, letter) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, against) in other.iter().enumerate() {
            let replaced = rows[i][j] + usize::from(letter != against);
            let mut best = replaced.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *letter == other[j - 1] && one[i - 1] == *against {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        let known = ["listen", "public_url", "http.in_flight", "postgres.url", "postgres", "verify-full"];
        for (written, meant) in [
            ("lisen", "listen"),
            ("http.inflight", "http.in_flight"),
            ("postgers.ulr", "postgres.url"),
            ("postgress", "postgres"),
            ("verify_full", "verify-full"),
        ] {
            assert_eq!(nearest(written, known), Some(meant), "{written}");
        }
        assert_eq!(nearest("colour", known), None);
        assert_eq!([distance("ab", "ba"), distance("", "abc"), distance("abc", "abc")], [1, 3, 0]);
    }
}
