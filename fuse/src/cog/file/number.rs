//! Numbers as text, as GDAL writes them.

/// The number as C's `printf` writes it with `%.18g`, which loses nothing; `nan` for NaN.
pub(crate) fn general(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string().to_ascii_lowercase();
    }
    // 18 digits, with the exponent that decides between the two notations.
    let scientific = format!("{value:.17e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let trimmed = |text: &str| {
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text.to_owned()
        }
    };
    if (-4..18).contains(&exponent) {
        let decimals = usize::try_from(17 - exponent).unwrap_or_default();
        return trimmed(&format!("{value:.decimals$}"));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trimmed(digits), exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_printf_does() {
        for (value, text) in [
            (0.0, "0"),
            (-32768.0, "-32768"),
            (65535.0, "65535"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::from(0.1_f32), "0.100000001490116119"),
            (f64::from(f32::MIN), "-3.4028234663852886e+38"),
            (1e-5, "1.00000000000000008e-05"),
            (-9999.5, "-9999.5"),
            (1e17, "100000000000000000"),
            (1e18, "1e+18"),
        ] {
            assert_eq!(general(value), text);
        }
    }
}
