//! Numbers as people read them.
//! It does not know what is counted.

/// Thousands apart: 184,248.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// 1,500,000 as `1.5 MB`.
pub fn bytes(number: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match units.into_iter().find(|(size, _)| number >= *size) {
        Some((size, unit)) => format!("{}.{} {unit}", grouped(number / size), number % size * 10 / size),
        None => format!("{number} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(
            ["424", "9,854", "1,000,000"],
            [grouped(424), grouped(9_854), grouped(1_000_000)].each_ref().map(String::as_str)
        );
        assert_eq!(
            ["999 bytes", "1.0 kB", "15.3 MB"],
            [bytes(999), bytes(1_000), bytes(15_390_000)].each_ref().map(String::as_str)
        );
    }
}
