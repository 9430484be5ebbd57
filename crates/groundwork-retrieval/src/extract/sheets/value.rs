//! A cell's value → the text a reader sees: dates as dates, shares as per cent, numbers without the noise of binary fractions.

use calamine::{Data, ExcelDateTime};

/// What a cell shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) text: String,
    /// Whether it is a number or a date rather than words.
    pub(super) is_number: bool,
}

/// `None` for a cell without anything to see. `format` is the cell's number format, where it is known.
pub(super) fn show(value: &Data, format: Option<&str>) -> Option<Shown> {
    let (text, is_number) = match value {
        Data::Empty => return None,
        Data::String(text) => (text.clone(), false),
        Data::Int(whole) => match (i32::try_from(*whole), format) {
            (Ok(small), Some(_)) => (number(f64::from(small), format), true),
            _ => (whole.to_string(), true),
        },
        Data::Float(value) => (number(*value, format), true),
        Data::Bool(value) => (if *value { "TRUE" } else { "FALSE" }.to_owned(), true),
        Data::DateTime(value) => (date(value), true),
        Data::DateTimeIso(text) => (text.replacen('T', " ", 1), true),
        Data::DurationIso(text) => (text.clone(), true),
        Data::Error(error) => (error.to_string(), false),
    };
    (!text.trim().is_empty()).then_some(Shown { text, is_number })
}

fn number(value: f64, format: Option<&str>) -> String {
    match format {
        // Quoted or escaped signs are ornament; a bare one multiplies.
        Some(format) if format.ends_with('%') && !format.contains(['"', '\\']) => {
            let places = format
                .trim_end_matches('%')
                .rsplit_once('.')
                .map_or(0, |(_, places)| places.chars().filter(|c| "0#?".contains(*c)).count());
            format!("{:.*}%", places.min(15), value * 100.0)
        }
        _ => plain(value),
    }
}

/// Fifteen digits are what a workbook keeps; the rest is noise.
pub(super) fn plain(value: f64) -> String {
    let rounded = format!("{value:.14e}").parse::<f64>().unwrap_or(value);
    if rounded != 0.0 && !(1e-9..1e21).contains(&rounded.abs()) { format!("{rounded:e}") } else { rounded.to_string() }
}

fn date(value: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, _) = value.to_ymd_hms_milli();
    let days = value.as_f64();
    if value.is_duration() {
        let seconds = (days * 86_400.0).round();
        return format!("{}:{:02}:{:02}", (seconds / 3600.0).trunc(), ((seconds / 60.0) % 60.0).trunc(), seconds % 60.0);
    }
    let time = if second == 0 { format!("{hour:02}:{minute:02}") } else { format!("{hour:02}:{minute:02}:{second:02}") };
    // Less than a day is a time of day.
    if (0.0..1.0).contains(&days) {
        time
    } else if days.fract() == 0.0 {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:04}-{month:02}-{day:02} {time}")
    }
}
