//! What the checks see, on small trees that are made up.

use anyhow::Result;

use crate::circles::show;
use crate::edges::{Edges, edges};
use crate::modules::{Crate, Sources};

/// The edges of a crate of these files, each a name in `src/` and its text.
fn edges_of(files: &[(&str, &str)]) -> Result<Edges> {
    let sources: Sources = files
        .iter()
        .map(|(name, text)| (format!("src/{name}"), (*text).to_owned()))
        .collect();
    Ok(edges(&mut Crate::parse("src/lib.rs", &sources)?))
}

/// The edges as lines of `a.rs -> b.rs: Name, Name`.
fn lines(edges: &Edges) -> Vec<String> {
    edges
        .iter()
        .map(|((from, to), names)| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let within = |path: &str| path.trim_start_matches("src/").to_owned();
            format!("{} -> {}: {}", within(from), within(to), names.join(", "))
        })
        .collect()
}

#[test]
fn a_circle_is_found_and_shown_with_its_names() -> Result<()> {
    let edges = edges_of(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        (
            "a.rs",
            "use crate::b::{B, b}; pub(crate) struct A(B); fn a() { b() }",
        ),
        (
            "b.rs",
            "pub(crate) struct B; pub(crate) fn b() { crate::c::c() }",
        ),
        (
            "c.rs",
            "pub(crate) fn c() { let _: Option<super::a::A> = None; }",
        ),
    ])?;
    assert_eq!(
        show(&edges),
        "circle of 3 files:\n  \
         src/a.rs -> src/b.rs: B, b\n  \
         src/b.rs -> src/c.rs: c\n  \
         src/c.rs -> src/a.rs: A\n"
    );
    Ok(())
}

#[test]
fn files_that_depend_one_way_are_no_circle() -> Result<()> {
    let edges = edges_of(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::{b::B, c::C};"),
        ("b.rs", "use crate::c::C; pub(crate) struct B;"),
        ("c.rs", "pub(crate) struct C;"),
    ])?;
    assert_eq!(lines(&edges).len(), 3);
    assert_eq!(show(&edges), "");
    Ok(())
}

#[test]
fn circles_apart_are_two() -> Result<()> {
    let edges = edges_of(&[
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        (
            "a.rs",
            "pub(crate) struct A(crate::b::B); fn a(_: crate::c::C) {}",
        ),
        ("b.rs", "pub(crate) struct B(crate::a::A);"),
        ("c.rs", "pub(crate) struct C(crate::d::D);"),
        ("d.rs", "pub(crate) struct D(crate::c::C);"),
    ])?;
    assert_eq!(show(&edges).matches("circle of 2 files").count(), 2);
    Ok(())
}

#[test]
fn a_re_export_leads_to_the_definition_and_is_no_edge() -> Result<()> {
    let edges = edges_of(&[
        (
            "lib.rs",
            "mod store; mod user; pub use store::Store as Shop;",
        ),
        (
            "store/mod.rs",
            "mod item; mod table; pub(crate) use table::*; pub use item::Item;",
        ),
        ("store/item.rs", "pub struct Item;"),
        ("store/table.rs", "pub struct Store(super::Item);"),
        (
            "user.rs",
            "use crate::Shop; fn user(_: crate::store::Store, _: Shop) {}",
        ),
    ])?;
    assert_eq!(
        lines(&edges),
        [
            "store/table.rs -> store/item.rs: Item",
            "user.rs -> store/table.rs: Store"
        ]
    );
    Ok(())
}

#[test]
fn a_module_alone_is_no_item() -> Result<()> {
    let edges = edges_of(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        (
            "a.rs",
            "use crate::b; use super::c::{self}; fn a() { c::c() }",
        ),
        ("b.rs", "pub(crate) fn b() {}"),
        ("c.rs", "pub(crate) fn c() {}"),
    ])?;
    assert_eq!(lines(&edges), ["a.rs -> c.rs: c"]);
    Ok(())
}

#[test]
fn a_path_through_a_module_does_not_name_a_function_of_the_same_name() -> Result<()> {
    let edges = edges_of(&[
        ("lib.rs", "mod load; mod show; fn load() {}"),
        ("load.rs", "pub(crate) struct Run;"),
        ("show.rs", "use crate::load::Run;"),
    ])?;
    assert_eq!(lines(&edges), ["show.rs -> load.rs: Run"]);
    Ok(())
}

#[test]
fn test_code_is_left_out() -> Result<()> {
    let edges = edges_of(&[
        ("lib.rs", "mod a; mod b; #[cfg(test)] mod only_in_tests;"),
        (
            "a.rs",
            "pub(crate) struct A;
             #[cfg(test)] use crate::b::B;
             #[cfg(all(test, unix))] fn set_up() { crate::b::b() }
             impl A { #[cfg(test)] fn of_tests() { crate::b::b() } }
             #[cfg(test)] mod tests { use super::*; use crate::b::B; }",
        ),
        (
            "b.rs",
            "pub(crate) struct B(crate::a::A); pub(crate) fn b() {}
             #[cfg(not(test))] fn in_the_program(_: crate::a::A) {}",
        ),
        ("only_in_tests.rs", "use crate::a::A;"),
    ])?;
    assert_eq!(lines(&edges), ["b.rs -> a.rs: A"]);
    Ok(())
}

#[test]
fn code_for_a_feature_is_no_test_code() -> Result<()> {
    let edges = edges_of(&[
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            "#[cfg(any(test, feature = \"faults\"))] use crate::b::B;",
        ),
        ("b.rs", "pub(crate) struct B;"),
    ])?;
    assert_eq!(lines(&edges), ["a.rs -> b.rs: B"]);
    Ok(())
}

#[test]
fn names_in_macros_and_attributes_count() -> Result<()> {
    let edges = edges_of(&[
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        (
            "a.rs",
            "use crate::{b, d};
             fn a() { println!(\"{}\", b::text(b::LENGTH)); let _ = crate::c::shout!(); }
             #[derive(Parser)] struct Arguments { #[arg(value_parser = d::parse)] word: String }
             #[serde(with = \"crate::d\")] struct Other;
             #[serde(default = \"crate::d::word\")] struct More;",
        ),
        (
            "b.rs",
            "pub(crate) fn text() {} pub(crate) const LENGTH: u8 = 1;",
        ),
        (
            "c.rs",
            "macro_rules! shout { () => { } } pub(crate) use shout;",
        ),
        ("d.rs", "pub(crate) fn parse() {} pub(crate) fn word() {}"),
    ])?;
    assert_eq!(
        lines(&edges),
        [
            "a.rs -> b.rs: LENGTH, text",
            "a.rs -> c.rs: shout",
            "a.rs -> d.rs: parse, word"
        ]
    );
    Ok(())
}

#[test]
fn a_macro_of_a_module_around_is_found() -> Result<()> {
    let edges = edges_of(&[
        (
            "lib.rs",
            "macro_rules! twice { ($e:expr) => { $e; $e } } mod a;",
        ),
        ("a.rs", "fn a() { twice!(1); }"),
    ])?;
    assert_eq!(lines(&edges), ["a.rs -> lib.rs: twice"]);
    Ok(())
}

#[test]
fn fields_and_foreign_names_are_no_items() -> Result<()> {
    let edges = edges_of(&[
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            "use crate::b::*; use std::fmt::Debug; use ::b::b as foreign;
             fn a(value: Foreign) { assert!(value.b); value.b(); foreign(); }",
        ),
        ("b.rs", "pub(crate) fn b() {}"),
    ])?;
    assert_eq!(lines(&edges), Vec::<String>::new());
    Ok(())
}

#[test]
fn an_associated_item_is_where_its_impl_block_is() -> Result<()> {
    let edges = edges_of(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        (
            "a.rs",
            "pub(crate) struct A;
             impl A { fn a(&self) { self.of_b(); Self::also_of_b() } }",
        ),
        (
            "b.rs",
            "use crate::a::A;
             impl A { pub(crate) fn of_b(&self) {} pub(crate) fn also_of_b() {} }",
        ),
        ("c.rs", "use crate::a::A; fn c() { A::also_of_b() }"),
    ])?;
    assert_eq!(
        lines(&edges),
        [
            "a.rs -> b.rs: also_of_b, of_b",
            "b.rs -> a.rs: A",
            "c.rs -> a.rs: A",
            "c.rs -> b.rs: also_of_b",
        ]
    );
    Ok(())
}

#[test]
fn imports_within_functions_and_modules_within_files_count() -> Result<()> {
    let edges = edges_of(&[
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            "mod inner { use super::super::b::B; pub(super) struct Own(B); }
             fn a() -> inner::Own { use crate::b; b::make() }",
        ),
        ("b.rs", "pub(crate) struct B; pub(crate) fn make() {}"),
    ])?;
    assert_eq!(lines(&edges), ["a.rs -> b.rs: B, make"]);
    Ok(())
}

#[test]
fn imports_that_go_in_circles_end() -> Result<()> {
    let edges = edges_of(&[
        ("lib.rs", "mod a; mod b; use a::X; fn f(_: X) {}"),
        ("a.rs", "pub use crate::b::*;"),
        ("b.rs", "pub use crate::a::*;"),
    ])?;
    assert_eq!(lines(&edges), Vec::<String>::new());
    Ok(())
}

#[test]
fn a_declared_module_without_a_file_is_an_error() {
    assert!(edges_of(&[("lib.rs", "mod gone;")]).is_err());
}
