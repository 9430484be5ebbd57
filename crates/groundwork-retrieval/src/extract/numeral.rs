//! The numbers of list items as they are shown: `3`, `c`, `iii`.

/// How a list counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numeral {
    Decimal,
    Letter { upper: bool },
    Roman { upper: bool },
}

impl Numeral {
    /// By the sample that HTML and OpenDocument name it with: `1`, `a`, `A`, `i`, `I`.
    pub(super) fn of_sample(sample: &str) -> Self {
        match sample.trim() {
            "a" => Self::Letter { upper: false },
            "A" => Self::Letter { upper: true },
            "i" => Self::Roman { upper: false },
            "I" => Self::Roman { upper: true },
            _ => Self::Decimal,
        }
    }

    pub(super) fn show(self, number: u64) -> String {
        let in_case = |text: String, upper: bool| if upper { text.to_ascii_uppercase() } else { text };
        match self {
            Self::Letter { upper } if (1..=MOST_LETTERED).contains(&number) => in_case(letters(number), upper),
            Self::Roman { upper } if (1..=MOST_ROMAN).contains(&number) => in_case(roman(number), upper),
            _ => number.to_string(),
        }
    }
}

/// Nobody counts further in letters or Roman numbers.
const MOST_LETTERED: u64 = 26 * 27;
const MOST_ROMAN: u64 = 3999;

/// `a` to `z`, then `aa`.
fn letters(number: u64) -> String {
    let mut rest = number;
    let mut text = Vec::new();
    while rest > 0 {
        rest -= 1;
        text.push(char::from(b'a' + (rest % 26) as u8));
        rest /= 26;
    }
    text.iter().rev().collect()
}

fn roman(number: u64) -> String {
    const SIGNS: [(u64, &str); 13] = [
        (1000, "m"),
        (900, "cm"),
        (500, "d"),
        (400, "cd"),
        (100, "c"),
        (90, "xc"),
        (50, "l"),
        (40, "xl"),
        (10, "x"),
        (9, "ix"),
        (5, "v"),
        (4, "iv"),
        (1, "i"),
    ];
    let mut rest = number;
    let mut text = String::new();
    for (value, sign) in SIGNS {
        while rest >= value {
            text.push_str(sign);
            rest -= value;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_the_list_counts() {
        assert_eq!([1, 26, 27, 28].map(|n| Numeral::of_sample("a").show(n)), ["a", "z", "aa", "ab"]);
        assert_eq!([4, 9, 1990].map(|n| Numeral::of_sample("I").show(n)), ["IV", "IX", "MCMXC"]);
        assert_eq!(Numeral::of_sample("1").show(12), "12");
        assert_eq!(Numeral::of_sample("i").show(0), "0");
    }
}
