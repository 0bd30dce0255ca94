//! A crate as its modules: what each one names, defines, imports and contains.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use syn::punctuated::Punctuated;
use syn::{Attribute, ImplItem, Item, ItemUse, Meta, Token, UseTree, Visibility};

/// The text of each file, by its path from the root of the workspace.
pub(crate) type Sources = BTreeMap<String, String>;

/// Position of a module in [`Crate::modules`].
pub(crate) type ModuleId = usize;

/// The modules of one crate, in the order in which they are declared. The first is its root.
pub(crate) struct Crate {
    pub(crate) modules: Vec<Module>,
    has_tests: bool,
}

/// A module, in a file of its own or within another one.
pub(crate) struct Module {
    pub(crate) file: String,
    pub(crate) parent: Option<ModuleId>,
    /// What a name stands for. A name may stand for several things, such as a module and a
    /// function.
    pub(crate) names: BTreeMap<String, Vec<Meaning>>,
    /// The paths before `::*` in its `use` lines.
    pub(crate) globs: Vec<Vec<String>>,
    pub(crate) items: Vec<Item>,
}

/// What a name stands for within a module.
#[derive(Debug, Clone)]
pub(crate) enum Meaning {
    Module(ModuleId),
    /// An item that is defined here.
    Definition,
    /// A path that a `use` line brings into the module, re-exports among them.
    Import(Vec<String>),
}

impl Crate {
    /// Parses the crate whose root is the file at `root`, without its test code.
    ///
    /// # Errors
    ///
    /// When a file is missing or is not Rust.
    pub(crate) fn parse(root: &str, sources: &Sources) -> Result<Self> {
        Self::parse_all(root, sources, false)
    }

    /// The same with test code.
    pub(crate) fn parse_with_tests(root: &str, sources: &Sources) -> Result<Self> {
        Self::parse_all(root, sources, true)
    }

    fn parse_all(root: &str, sources: &Sources, has_tests: bool) -> Result<Self> {
        let (folder, _) = root.rsplit_once('/').context("a root without a folder")?;
        let mut parsed = Self {
            modules: vec![],
            has_tests,
        };
        parsed.add_file(root, folder, None, sources)?;
        Ok(parsed)
    }

    /// Adds the module in the file at `path`, whose children lie in `folder`.
    fn add_file(
        &mut self,
        path: &str,
        folder: &str,
        parent: Option<ModuleId>,
        sources: &Sources,
    ) -> Result<ModuleId> {
        let text = sources
            .get(path)
            .with_context(|| format!("{path} is declared and not there"))?;
        let file = syn::parse_file(text).with_context(|| format!("{path} is not Rust"))?;
        self.add(path, folder, parent, file.items, sources)
    }

    fn add(
        &mut self,
        file: &str,
        folder: &str,
        parent: Option<ModuleId>,
        mut items: Vec<Item>,
        sources: &Sources,
    ) -> Result<ModuleId> {
        if !self.has_tests {
            items.retain(|item| !is_test(attributes(item)));
        }
        let id = self.modules.len();
        self.modules.push(Module {
            file: file.to_owned(),
            parent,
            names: BTreeMap::new(),
            globs: vec![],
            items: vec![],
        });
        for item in &mut items {
            if let Item::Mod(declared) = item {
                // A child lies in the file that its declaration names, or between its braces.
                let name = declared.ident.to_string();
                let inside = format!("{folder}/{name}");
                let child = if let Some((_, content)) = declared.content.take() {
                    self.add(file, &inside, Some(id), content, sources)?
                } else {
                    let candidates = [format!("{inside}.rs"), format!("{inside}/mod.rs")];
                    let path = candidates
                        .iter()
                        .find(|path| sources.contains_key(*path))
                        .with_context(|| format!("{file} declares {name}, and has no file"))?;
                    self.add_file(path, &inside, Some(id), sources)?
                };
                self.modules[id].name(name, Meaning::Module(child));
            }
            self.modules[id].add(item);
        }
        self.modules[id].items = items;
        Ok(id)
    }
}

impl Module {
    fn name(&mut self, name: String, meaning: Meaning) {
        self.names.entry(name).or_default().push(meaning);
    }

    fn add(&mut self, item: &Item) {
        let defined = match item {
            Item::Const(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Fn(item) => &item.sig.ident,
            Item::Static(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::TraitAlias(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Union(item) => &item.ident,
            Item::Macro(item) => match &item.ident {
                Some(name) => name,
                None => return,
            },
            Item::Use(item) => {
                for import in imports(item) {
                    self.import(import);
                }
                return;
            }
            _ => return,
        };
        self.name(defined.to_string(), Meaning::Definition);
    }

    /// Makes an import known, of the module or of a function in it.
    pub(crate) fn import(&mut self, import: Import) {
        match import.name {
            Some(name) => self.name(name, Meaning::Import(import.path)),
            None => self.globs.push(import.path),
        }
    }
}

/// One path of a `use` line.
pub(crate) struct Import {
    pub(crate) path: Vec<String>,
    /// What it is called here; none of a glob.
    pub(crate) name: Option<String>,
}

/// All paths of a `use` line; none if it begins with `::`, which leads to another crate.
pub(crate) fn imports(item: &ItemUse) -> Vec<Import> {
    fn walk(tree: &UseTree, path: &[String], found: &mut Vec<Import>) {
        let with = |name: String| [path, &[name]].concat();
        match tree {
            UseTree::Path(tree) => walk(&tree.tree, &with(tree.ident.to_string()), found),
            UseTree::Name(tree) if tree.ident == "self" => found.push(Import {
                path: path.to_vec(),
                name: path.last().cloned(),
            }),
            UseTree::Name(tree) => found.push(Import {
                path: with(tree.ident.to_string()),
                name: Some(tree.ident.to_string()),
            }),
            UseTree::Rename(tree) => found.push(Import {
                path: with(tree.ident.to_string()),
                name: Some(tree.rename.to_string()),
            }),
            UseTree::Glob(_) => found.push(Import {
                path: path.to_vec(),
                name: None,
            }),
            UseTree::Group(group) => group.items.iter().for_each(|tree| walk(tree, path, found)),
        }
    }
    let mut found = vec![];
    if item.leading_colon.is_none() {
        walk(&item.tree, &[], &mut found);
    }
    found
}

/// Whether a `use` line shows what it imports to other modules.
pub(crate) fn is_re_export(visibility: &Visibility) -> bool {
    !matches!(visibility, Visibility::Inherited)
}

/// Whether code with these attributes is compiled for tests only.
pub(crate) fn is_test(attributes: &[Attribute]) -> bool {
    fn needs_test(predicate: &Meta) -> bool {
        let inner = |list: &syn::MetaList| {
            list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
                .unwrap_or_default()
        };
        match predicate {
            Meta::Path(path) => path.is_ident("test"),
            Meta::List(list) if list.path.is_ident("all") => inner(list).iter().any(needs_test),
            Meta::List(list) if list.path.is_ident("any") => inner(list).iter().all(needs_test),
            _ => false,
        }
    }
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args()
                .is_ok_and(|predicate| needs_test(&predicate))
    })
}

/// The attributes of an item of any kind.
pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The attributes of an associated item of any kind.
pub(crate) fn attributes_of_associated(item: &ImplItem) -> &[Attribute] {
    match item {
        ImplItem::Const(item) => &item.attrs,
        ImplItem::Fn(item) => &item.attrs,
        ImplItem::Macro(item) => &item.attrs,
        ImplItem::Type(item) => &item.attrs,
        _ => &[],
    }
}
