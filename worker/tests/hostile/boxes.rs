//! JP2 files whose boxes are wrong (ISO/IEC 15444-1 Annex I).

use crate::case::{Case, MALFORMED, TRUNCATED, UNSUPPORTED, edited, refused};
use crate::jp2::{Jp2Box, Length};
use crate::scene::whole;

/// The undamaged file with other bytes at some distance from the first `mark`.
fn patched(
    name: &str,
    codes: &'static [&'static str],
    words: &'static str,
    (mark, distance): (&[u8], isize),
    bytes: &[u8],
) -> Case {
    let mut file = whole();
    let at = file
        .windows(mark.len())
        .position(|window| window == mark)
        .expect("it is there");
    let at = at.checked_add_signed(distance).expect("it is in the file");
    file[at..at + bytes.len()].copy_from_slice(bytes);
    refused(name, file, codes, words)
}

#[expect(clippy::too_many_lines, reason = "a table with a case in each item")]
pub(crate) fn cases() -> Vec<Case> {
    let ihdr = |field: isize| (&b"ihdr"[..], 4 + field);
    vec![
        edited("no file type box", MALFORMED, "instead of 'ftyp'", |file| {
            drop(file.boxes.remove(1));
        }),
        edited(
            "no header box",
            MALFORMED,
            "before the box 'jp2h'",
            |file| drop(file.boxes.remove(2)),
        ),
        edited("two header boxes", MALFORMED, "second box 'jp2h'", |file| {
            let header = file.boxes[2].clone();
            file.boxes.push(header);
        }),
        edited(
            "an empty header box",
            MALFORMED,
            "'jp2h' is empty",
            |file| file.content(*b"jp2h").clear(),
        ),
        edited("a palette", UNSUPPORTED, "palette", |file| {
            file.content(*b"jp2h")
                .extend(Jp2Box::new(*b"pclr", [0, 1, 1, 7, 0]).bytes());
        }),
        edited(
            "an open box in front of the codestream",
            TRUNCATED,
            "before its codestream",
            |file| {
                file.boxes[3].length = Length::Open;
            },
        ),
        edited("more boxes than a file has", UNSUPPORTED, "boxes", |file| {
            file.boxes
                .extend(std::iter::repeat_n(Jp2Box::new(*b"free", []), 1_000_000));
        }),
        edited(
            "9 MB of metadata",
            UNSUPPORTED,
            "boxes and headers",
            |file| {
                file.boxes.push(Jp2Box::new(*b"xml ", vec![b' '; 9 << 20]));
            },
        ),
        edited(
            "a cut box behind the codestream",
            TRUNCATED,
            "runs past",
            |file| {
                file.codestream = Length::Short;
                file.behind = Jp2Box::new(*b"xml ", b"<metadata/>".to_vec()).bytes();
                file.behind.pop();
            },
        ),
        patched(
            "a box of 4 bytes",
            MALFORMED,
            "impossible length",
            (b"jp2h", -4),
            &[0, 0, 0, 4],
        ),
        patched(
            "a box of 4 GB",
            TRUNCATED,
            "runs past",
            (b"jp2h", -4),
            &[0xff; 4],
        ),
        patched(
            "a box of 2^64 bytes",
            TRUNCATED,
            "runs past",
            (b"asoc", 4),
            &[0xff; 8],
        ),
        patched(
            "a long box of 15 bytes",
            MALFORMED,
            "impossible length",
            (b"asoc", 4),
            &[0, 0, 0, 0, 0, 0, 0, 15],
        ),
        patched(
            "no codestream box",
            TRUNCATED,
            "before its codestream",
            (b"jp2c", 0),
            b"jp2d",
        ),
        patched(
            "another height in the box",
            MALFORMED,
            "height",
            ihdr(0),
            &[0, 0, 1, 1],
        ),
        patched(
            "another width in the box",
            MALFORMED,
            "width",
            ihdr(4),
            &[0, 0, 1, 1],
        ),
        patched(
            "three components in the box",
            MALFORMED,
            "components",
            ihdr(8),
            &[0, 3],
        ),
        patched(
            "eight bits in the box",
            MALFORMED,
            "bit depth",
            ihdr(10),
            &[7],
        ),
    ]
}
