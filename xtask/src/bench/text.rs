//! Figures as people read them.
//! It does not know what they measure.

/// 1294.4 as `1,294`.
pub fn whole(number: f64) -> String {
    let digits = format!("{number:.0}");
    let (sign, digits) = digits.strip_prefix('-').map_or(("", &*digits), |rest| ("-", rest));
    let mut text = String::from(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1.07 ×`.
pub fn ratio(ours: f64, theirs: f64) -> String {
    format!("{:.2} ×", ours / theirs)
}

/// Milliseconds with as many digits as matter.
pub fn ms(number: f64) -> String {
    if number < 10.0 { format!("{number:.2} ms") } else { format!("{number:.1} ms") }
}

/// Bytes in millions of them.
pub fn mb(bytes: u64) -> String {
    format!("{} MB", whole(bytes as f64 / 1e6))
}

pub fn seconds(number: f64) -> String {
    if number < 10.0 { format!("{number:.2} s") } else { format!("{number:.1} s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        assert_eq!([whole(999.6), whole(1_294.4), whole(-5_000.0)], ["1,000", "1,294", "-5,000"]);
        assert_eq!((ratio(9.0, 10.0), ms(4.5), ms(45.04)), ("0.90 ×".into(), "4.50 ms".into(), "45.0 ms".into()));
        assert_eq!((mb(80_400_000), seconds(0.171)), ("80 MB".into(), "0.17 s".into()));
    }
}
