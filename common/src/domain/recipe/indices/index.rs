//! One spectral index: a line of the table, and the recipe file that it stands for.

use std::fmt::Write as _;

/// A spectral index. Names of bands and constants are those of spyndex (awesome spectral indices).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The name of its recipe, such as `ndvi`.
    pub name: &'static str,
    /// The name in spyndex, such as `NDVI`; it is accepted too.
    pub spelling: &'static str,
    /// The name in words.
    pub title: &'static str,
    /// The formula, in terms of reflectance.
    pub expression: &'static str,
    /// The constants of the formula with their values. Wavelengths are not among them: `lambdaN`
    /// and its like are the sensor's.
    pub constants: Vec<(&'static str, &'static str)>,
    /// The address of the paper that proposed it.
    pub reference: &'static str,
}

impl Index {
    /// Reads a line of the table: name, spelling, title, expression, constants, reference, with
    /// tabs between them. Constants have the form `L=0.5 g=2.5`, and `-` means none.
    pub(super) fn of_line(line: &'static str) -> Option<Self> {
        let mut cells = line.split('\t');
        let mut next = || cells.next().filter(|cell| !cell.is_empty());
        let (name, spelling, title, expression) = (next()?, next()?, next()?, next()?);
        let (constants, reference) = (next()?, next()?);
        let constants = match constants {
            "-" => vec![],
            list => list
                .split(' ')
                .map(|constant| constant.split_once('='))
                .collect::<Option<_>>()?,
        };
        Some(Self {
            name,
            spelling,
            title,
            expression,
            constants,
            reference,
        })
    }

    /// Whether it is `(X - Y) / (X + Y)` of two bands. Such a value lies within -1 and 1, so four
    /// decimals in 16 bits hold it. Others have no bounds in common.
    pub fn is_normalized_difference(&self) -> bool {
        let text: String = self.expression.split_whitespace().collect();
        let is_band = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let parts = || {
            let inner = text.strip_prefix('(')?.strip_suffix(')')?;
            let (difference, sum) = inner.split_once(")/(")?;
            Some((difference.split_once('-')?, sum.split_once('+')?))
        };
        parts().is_some_and(|(one, other)| one == other && is_band(one.0) && is_band(one.1))
    }

    /// The recipe file: what `producer recipes NAME` shows, and what a user copies and changes.
    ///
    /// A normalized difference is stored as int16 in steps of 0.0001, any other as float32.
    pub fn to_toml(&self) -> String {
        let stored = if self.is_normalized_difference() {
            "dtype = \"int16\"\nscale = 0.0001\nnodata = -32768\n"
        } else {
            "dtype = \"float32\"\nnodata = nan\n"
        };
        let mut text = format!(
            "# {reference}\n\
             name = \"{name}\"\n\
             title = \"{title}\"\n\
             \n\
             [[output]]\n\
             name = \"{name}\"\n\
             expression = \"{expression}\"\n\
             {stored}",
            reference = self.reference,
            name = self.name,
            title = self.title,
            expression = self.expression,
        );
        if !self.constants.is_empty() {
            text.push_str("\n[constants]\n");
        }
        for (name, value) in &self.constants {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name} = {value}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(expression: &'static str) -> Index {
        Index {
            name: "x",
            spelling: "X",
            title: "An index",
            expression,
            constants: vec![("L", "0.5"), ("g", "2.5")],
            reference: "https://doi.org/10.1/1",
        }
    }

    #[test]
    fn only_a_difference_of_two_bands_over_their_sum_is_normalized() {
        for expression in [
            "(N - R)/(N + R)",
            "(S1-S2) / (S1+S2)",
            "(RE2 - A)/(RE2 + A)",
        ] {
            assert!(index(expression).is_normalized_difference(), "{expression}");
        }
        for expression in [
            "(N - R)/(N + B)",
            "(N - R)/(R + N)",
            "(N + R)/(N - R)",
            "(N - 0.5 * R)/(N + 0.5 * R)",
            "(N - (R))/(N + (R))",
            "(N - R)/(N + R) * N",
            "((N - R)/(N + R)) * N",
            "N - R",
        ] {
            assert!(
                !index(expression).is_normalized_difference(),
                "{expression}"
            );
        }
    }

    #[test]
    fn an_index_is_a_recipe_file_with_its_reference() {
        assert_eq!(
            index("g * N / (R + L)").to_toml(),
            "# https://doi.org/10.1/1\nname = \"x\"\ntitle = \"An index\"\n\n[[output]]\n\
             name = \"x\"\nexpression = \"g * N / (R + L)\"\ndtype = \"float32\"\nnodata = nan\n\n\
             [constants]\nL = 0.5\ng = 2.5\n"
        );
        let difference = index("(N - R)/(N + R)").to_toml();
        assert!(difference.contains("dtype = \"int16\"\nscale = 0.0001\nnodata = -32768\n"));
    }

    #[test]
    fn a_line_without_all_its_cells_is_no_index() {
        let line = "x\tX\tAn index\tg * N / (R + L)\tL=0.5 g=2.5\thttps://doi.org/10.1/1";
        assert_eq!(Index::of_line(line), Some(index("g * N / (R + L)")));
        assert_eq!(Index::of_line("x\tX\tAn index\tN\t-"), None);
        assert_eq!(
            Index::of_line("x\tX\tAn index\tN\tL\thttps://doi.org/10.1/1"),
            None
        );
    }
}
