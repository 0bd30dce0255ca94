//! Text of others on a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with its control characters made visible, except newline and tab: ESC becomes
/// `\u{1b}`.
///
/// Reasons, keys, worker names and messages of services come from others. A terminal would obey
/// what is in them (ECMA-48, "Control functions for coded character sets").
///
/// ```
/// use tilefleet_common::terminal::visible;
///
/// assert_eq!(visible("red: \u{1b}[31m"), "red: \\u{1b}[31m");
/// ```
pub fn visible(text: &str) -> Cow<'_, str> {
    let is_obeyed = |sign: char| {
        let turns_text = matches!(sign, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        turns_text || (sign.is_control() && !matches!(sign, '\n' | '\t'))
    };
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut seen = String::with_capacity(text.len());
    for sign in text.chars() {
        if is_obeyed(sign) {
            // Writing to a string does not fail.
            let _ = write!(seen, "{}", sign.escape_unicode());
        } else {
            seen.push(sign);
        }
    }
    Cow::Owned(seen)
}

/// As [`visible`], for text that stands in a line: its line ends become visible too. Otherwise a
/// reason could add lines that look like ours.
pub fn visible_line(text: &str) -> Cow<'_, str> {
    if text.contains('\n') {
        Cow::Owned(visible(&text.replace('\n', "\\n")).into_owned())
    } else {
        visible(text)
    }
}
