//! What expressions become, and how mistakes in them are shown.

use proptest::prelude::*;

use super::compile::{Expression, Meaning};
use super::op::Op;

/// Compiles with three bands, a constant `L` of 0.5 and no other names.
fn compile(text: &str) -> Result<Vec<Op>, String> {
    let expression = Expression::parse(text).map_err(|error| error.to_string())?;
    let compiled = expression.compile(&mut |name| match name {
        "N" => Ok(Meaning::Input(0)),
        "R" => Ok(Meaning::Input(1)),
        "B" => Ok(Meaning::Input(2)),
        "L" => Ok(Meaning::Constant(0.5)),
        _ => Err("bands are N, R and B".to_owned()),
    });
    compiled.map_err(|error| error.to_string())
}

fn ops(text: &str) -> Vec<Op> {
    compile(text).unwrap()
}

fn complaint(text: &str) -> String {
    compile(text).unwrap_err()
}

const N: Op = Op::Input(0);
const R: Op = Op::Input(1);

#[test]
fn operators_bind_as_in_python() {
    let sum = [N, R, Op::Input(2), Op::Multiply, Op::Add];
    assert_eq!(ops("N + R * B"), sum);
    assert_eq!(ops("(N + R) * B")[2], Op::Add);
    assert_eq!(
        ops("N - R - B"),
        [N, R, Op::Subtract, Op::Input(2), Op::Subtract]
    );
    assert_eq!(ops("-N ** 2"), [N, Op::Number(2.0), Op::Power, Op::Negate]);
    assert_eq!(ops("N ** -0.5"), [N, Op::Number(-0.5), Op::Power]);
    let from_the_right = [N, R, Op::Number(2.0), Op::Power, Op::Power];
    assert_eq!(ops("N ** R ** 2"), from_the_right);
    assert_eq!(
        ops("N / R < 1"),
        [N, R, Op::Divide, Op::Number(1.0), Op::Less]
    );
    assert_eq!(ops("+N--R"), [N, R, Op::Negate, Op::Subtract]);
}

#[test]
fn functions_and_comparisons_become_operations() {
    assert_eq!(
        ops("where(N >= 0.2, R, 0)")[2..],
        [Op::GreaterEqual, R, Op::Number(0.0), Op::Where]
    );
    assert_eq!(ops("min(N, R, B)")[3], Op::Min(3));
    assert_eq!(ops("max(N,R)")[2], Op::Max(2));
    assert_eq!(
        ops("abs(sqrt(exp(log(N))))")[1..],
        [Op::Logarithm, Op::Exponential, Op::SquareRoot, Op::Absolute]
    );
    let clamp = [N, Op::Number(0.0), Op::Number(1.0), Op::Clamp];
    assert_eq!(ops("clamp(N, 0, 1)"), clamp);
    for (symbol, op) in [
        ("==", Op::Equal),
        ("!=", Op::NotEqual),
        ("<=", Op::LessEqual),
    ] {
        assert_eq!(ops(&format!("N {symbol} R"))[2], op);
    }
}

#[test]
fn constants_are_computed_in_float64_before_they_meet_a_band() {
    // 0.1 + 0.2 is another float32 when each is rounded first.
    #[expect(clippy::cast_possible_truncation, reason = "what the compiler does")]
    let sum = (0.1_f64 + 0.2) as f32;
    assert_eq!(ops("N * (0.1 + 0.2)"), [N, Op::Number(sum), Op::Multiply]);
    let savi = [N, Op::Number(1.5), Op::Multiply];
    assert_eq!(ops("N * (1.0 + L)"), savi);
    assert_eq!(ops("N + 2 ** 3"), [N, Op::Number(8.0), Op::Add]);
    assert_eq!(ops("N + 4 ** 0.5"), [N, Op::Number(2.0), Op::Add]);
    assert_eq!(ops("1e3 * N"), [Op::Number(1000.0), N, Op::Multiply]);
    // The last digit of an exponential depends on who computes it.
    let exponential = [N, Op::Number(1.0), Op::Exponential, Op::Add];
    assert_eq!(ops("N + exp(1)"), exponential);
}

/// Expressions, what is wrong with them, and the column of the caret.
const MISTAKES: [(&str, &str, usize); 19] = [
    (
        "(N - X) / (N + R)",
        "\"X\" is neither a band nor a constant; bands are N, R and B",
        5,
    ),
    (
        "(N - R",
        "found the end, but expected an operator or \")\"",
        6,
    ),
    ("N R", "found \"R\", but expected an operator or the end", 2),
    (
        "",
        "found the end, but expected a band, a number, a function or \"(\"",
        0,
    ),
    (
        "N +",
        "found the end, but expected a band, a number, a function or \"(\"",
        3,
    ),
    (
        "N * / R",
        "found \"/\", but expected a band, a number, a function or \"(\"",
        4,
    ),
    (
        "N ^ 2",
        "\"^\" is not a sign of an expression; a power is written a ** b",
        2,
    ),
    (
        "N = R",
        "\"=\" is not a sign of an expression; equality is written a == b",
        2,
    ),
    (
        "where(N > 0, R)",
        "where takes three values, not 2; write where(condition, value, other)",
        0,
    ),
    (
        "N + min(R)",
        "min takes 2 to 16 values, not 1; write min(a, b)",
        4,
    ),
    ("sqrt()", "sqrt takes one value, not 0; write sqrt(a)", 0),
    (
        "sin(N)",
        "\"sin\" is not a function; functions are where, min, max, abs, sqrt, exp, log, clamp",
        0,
    ),
    ("log * N", "log is a function; write log(a)", 0),
    (
        "R < N < B",
        "comparisons do not chain; compare two at a time, as in where(a < b, b < c, 0)",
        6,
    ),
    ("N * 2x", "\"2x\" is not a number of float32", 4),
    ("N * 1e39", "\"1e39\" is not a number of float32", 4),
    ("N / (1 / 0)", "the constants here give no finite number", 7),
    (
        "1 + L",
        "the expression reads no band, so it is the same everywhere; name one, such as N",
        0,
    ),
    (
        "abs(N",
        "found the end, but expected an operator, \",\" or \")\"",
        5,
    ),
];

#[test]
fn each_mistake_is_shown_with_a_caret_and_what_was_expected() {
    for (text, words, column) in MISTAKES {
        let caret = " ".repeat(column);
        assert_eq!(complaint(text), format!("{words}\n  {text}\n  {caret}^"));
    }
}

#[test]
fn the_caret_stands_below_its_sign_in_long_and_in_wide_texts() {
    let long = format!("{} + X", vec!["N"; 100].join(" + "));
    let shown = complaint(&long);
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[1].len() < 100, "{shown}");
    assert_eq!(lines[1].find('X'), lines[2].find('^'));
    let wide = complaint("N +\té");
    assert!(wide.ends_with("\n  N + é\n      ^"), "{wide}");
}

#[test]
fn an_expression_is_bounded_in_length_depth_and_operations() {
    let nested = |depth: usize| format!("{}N{}", "(".repeat(depth), ")".repeat(depth));
    assert!(compile(&nested(40)).is_ok());
    assert!(complaint(&nested(60)).starts_with("parentheses are nested more than 50 deep"));
    assert!(complaint(&"-".repeat(4000)).starts_with("parentheses are nested"));
    assert!(complaint(&"N".repeat(5000)).starts_with("the expression is longer than 4096"));
    let many = vec!["N"; 900].join("+");
    assert!(complaint(&many).starts_with("more than 1000 operations"));
}

/// How many values operations leave on the stack; `None` if one finds too few.
fn left_by(ops: &[Op]) -> Option<u32> {
    ops.iter().try_fold(0_u32, |depth, op| {
        Some(depth.checked_sub(op.operands())? + 1)
    })
}

proptest! {
    #[test]
    fn no_text_breaks_the_parser_and_what_it_accepts_leaves_one_value(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "N", "R", "L", "x", "1", "0.5", "2e3", ".", "+", "-", "*", "/", "**", "(", ")",
                ",", "<", "==", "!", "min", "where", "clamp(", "abs(", "log(", "é", " ",
            ]),
            0..14,
        ),
    ) {
        let text = words.concat();
        match compile(&text) {
            Ok(ops) => prop_assert_eq!(left_by(&ops), Some(1), "{}", text),
            Err(words) => prop_assert!(words.contains("\n  "), "{}", words),
        }
    }
}
