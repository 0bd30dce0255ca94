//! What the demo prints.
#![expect(clippy::print_stdout, reason = "a demo is there to print")]

use std::sync::atomic::{AtomicU32, Ordering};

/// Begins the next numbered step.
pub fn step(title: &str) {
    static STEPS: AtomicU32 = AtomicU32::new(0);
    println!("\n{}. {title}", STEPS.fetch_add(1, Ordering::Relaxed) + 1);
}

/// The command for the next step, as a user types it.
pub fn command(text: &str) {
    println!("   $ {text}");
}

/// A line of information.
pub fn line(text: &str) {
    println!("   {text}");
}

/// Several lines of information.
pub fn block(text: &str) {
    text.lines().for_each(line);
}

/// A number of bytes in a readable unit.
pub fn bytes(count: u64) -> String {
    let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    match units.into_iter().find(|&(_, size)| count >= size) {
        Some((unit, size)) => format!("{}.{} {unit}", count / size, count % size * 10 / size),
        None => format!("{count} B"),
    }
}
