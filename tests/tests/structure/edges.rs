//! Which file of a crate names what of which other file.
//!
//! An edge goes from the file that names an item to the file that defines it. `mod` lines and
//! re-exports are no edges, and neither is a path that ends at a module. What only types could tell
//! is not seen, such as whose method a call is; a file that calls one nearly always names the type.

use std::collections::{BTreeMap, BTreeSet};

use syn::buffer::{Cursor, TokenBuffer};
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ImplItem, Item, Macro, Meta, Path, Type};

use crate::modules::{
    Crate, ModuleId, attributes, attributes_of_associated, imports, is_re_export, is_test,
};
use crate::resolve::{Found, Target};

/// The names that a file takes from another, by both files.
pub(crate) type Edges = BTreeMap<(String, String), BTreeSet<String>>;

/// All edges between the files of `parsed`.
pub(crate) fn edges(parsed: &mut Crate) -> Edges {
    add_imports_of_functions(parsed);
    let associated = associated_items(parsed);
    let mut namer = Namer {
        parsed,
        associated: &associated,
        module: 0,
        own_type: None,
        edges: Edges::new(),
    };
    for (id, module) in parsed.modules.iter().enumerate() {
        namer.module = id;
        for item in &module.items {
            namer.visit_item(item);
        }
    }
    namer.edges
}

/// The module of the `impl` block of each associated item, by the type's module and name and the
/// item's name.
type Associated = BTreeMap<(ModuleId, String, String), ModuleId>;

fn associated_items(parsed: &Crate) -> Associated {
    let mut all = Associated::new();
    for (id, module) in parsed.modules.iter().enumerate() {
        for item in &module.items {
            let Item::Impl(block) = item else { continue };
            let Some(own) = own_type(parsed, id, &block.self_ty) else {
                continue;
            };
            if block.trait_.is_some() {
                continue;
            }
            for item in &block.items {
                let name = match item {
                    ImplItem::Const(item) => &item.ident,
                    ImplItem::Fn(item) => &item.sig.ident,
                    ImplItem::Type(item) => &item.ident,
                    _ => continue,
                };
                all.insert((own.module, own.name.clone(), name.to_string()), id);
            }
        }
    }
    all
}

/// The type of this crate that an `impl` block is for.
fn own_type(parsed: &Crate, module: ModuleId, written: &Type) -> Option<Found> {
    let Type::Path(written) = written else {
        return None;
    };
    let targets = parsed.resolve(module, &segments(&written.path));
    targets.into_iter().find_map(|target| match target {
        Target::Item(found) => Some(found),
        Target::Module(_) => None,
    })
}

/// Makes the `use` lines within functions known to the module around them.
fn add_imports_of_functions(parsed: &mut Crate) {
    struct Uses(Vec<syn::ItemUse>);
    impl<'a> Visit<'a> for Uses {
        fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
            self.0.push(item.clone());
        }
    }
    for module in &mut parsed.modules {
        let mut uses = Uses(vec![]);
        for item in &module.items {
            if !matches!(item, Item::Use(_)) {
                uses.visit_item(item);
            }
        }
        for item in &uses.0 {
            for import in imports(item) {
                module.import(import);
            }
        }
    }
}

fn segments(path: &Path) -> Vec<String> {
    path.segments
        .iter()
        .map(|segment| segment.ident.to_string())
        .collect()
}

struct Namer<'a> {
    parsed: &'a Crate,
    associated: &'a Associated,
    /// The module whose code is visited.
    module: ModuleId,
    /// The type of the `impl` block that is visited.
    own_type: Option<Found>,
    edges: Edges,
}

impl Namer<'_> {
    fn add(&mut self, module: ModuleId, name: &str) {
        let file = |id: ModuleId| self.parsed.modules[id].file.clone();
        let (from, to) = (file(self.module), file(module));
        if from != to {
            self.edges
                .entry((from, to))
                .or_default()
                .insert(name.to_owned());
        }
    }

    /// Adds what `path` names: the item itself, and an associated one if it is defined elsewhere.
    fn names(&mut self, path: &[String]) {
        if let [first, then, ..] = path
            && first == "Self"
        {
            self.names_own(then);
            return;
        }
        for target in self.parsed.resolve(self.module, path) {
            let Target::Item(found) = target else {
                continue;
            };
            self.add(found.module, &found.name);
            if let Some(then) = &found.then {
                self.names_associated(&found, then);
            }
        }
    }

    fn names_associated(&mut self, of: &Found, name: &str) {
        let key = (of.module, of.name.clone(), name.to_owned());
        if let Some(&module) = self.associated.get(&key)
            && module != of.module
        {
            self.add(module, name);
        }
    }

    fn names_own(&mut self, name: &str) {
        if let Some(own) = self.own_type.clone() {
            self.names_associated(&own, name);
        }
    }

    /// Adds the paths in tokens that no grammar is known of: those of macros and attributes.
    fn scan(&mut self, mut cursor: Cursor<'_>, strings_are_paths: bool) {
        let mut path: Vec<String> = vec![];
        // Of the tokens before: how many colons, and whether a point makes the next word a field.
        let (mut colons, mut is_field) = (0, false);
        while !cursor.eof() {
            if let Some((word, next)) = cursor.ident() {
                if colons != 2 {
                    self.names(&std::mem::take(&mut path));
                }
                if !is_field {
                    path.push(word.to_string());
                }
                (colons, is_field, cursor) = (0, false, next);
            } else if let Some((punct, next)) = cursor.punct() {
                colons = if punct.as_char() == ':' {
                    colons + 1
                } else {
                    0
                };
                is_field = punct.as_char() == '.';
                if colons == 0 {
                    self.names(&std::mem::take(&mut path));
                }
                cursor = next;
            } else {
                self.names(&std::mem::take(&mut path));
                (colons, is_field) = (0, false);
                if let Some((inside, _, _, next)) = cursor.any_group() {
                    self.scan(inside, strings_are_paths);
                    cursor = next;
                } else if let Some((literal, next)) = cursor.literal() {
                    let text = literal.to_string();
                    if strings_are_paths && let Ok(path) = syn::parse_str(text.trim_matches('"')) {
                        self.names(&segments(&path));
                    }
                    cursor = next;
                } else if let Some((_, next)) = cursor.token_tree() {
                    cursor = next;
                }
            }
        }
        self.names(&path);
    }
}

impl<'a> Visit<'a> for Namer<'_> {
    fn visit_item(&mut self, item: &'a Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'a ImplItem) {
        if !is_test(attributes_of_associated(item)) {
            visit::visit_impl_item(self, item);
        }
    }

    // A module is visited by itself, or lies in another file.
    fn visit_item_mod(&mut self, _: &'a syn::ItemMod) {}

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        if !is_re_export(&item.vis) {
            for import in imports(item) {
                self.names(&import.path);
            }
        }
    }

    fn visit_item_impl(&mut self, block: &'a syn::ItemImpl) {
        self.own_type = own_type(self.parsed, self.module, &block.self_ty);
        visit::visit_item_impl(self, block);
        self.own_type = None;
    }

    fn visit_path(&mut self, path: &'a Path) {
        if path.leading_colon.is_none() {
            self.names(&segments(path));
        }
        visit::visit_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        if let Expr::Path(receiver) = &*call.receiver
            && receiver.path.is_ident("self")
        {
            self.names_own(&call.method.to_string());
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, called: &'a Macro) {
        if let Some(name) = called.path.get_ident()
            && let Some(module) = self.parsed.macro_around(self.module, &name.to_string())
        {
            self.add(module, &name.to_string());
        }
        self.visit_path(&called.path);
        self.scan(TokenBuffer::new2(called.tokens.clone()).begin(), false);
    }

    fn visit_attribute(&mut self, attribute: &'a Attribute) {
        // Words of `cfg` are no paths, and documentation may name what it likes.
        if let Meta::List(list) = &attribute.meta
            && !list.path.is_ident("cfg")
        {
            self.scan(TokenBuffer::new2(list.tokens.clone()).begin(), true);
        }
    }
}
