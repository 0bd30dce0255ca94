//! From a path in the code to the item that it names, through imports and re-exports.

use crate::modules::{Crate, Meaning, ModuleId};

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Module(ModuleId),
    Item(Found),
}

/// An item, where it is defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) module: ModuleId,
    pub(crate) name: String,
    /// What the path goes on to, such as a variant or an associated function.
    pub(crate) then: Option<String>,
}

impl Crate {
    /// All items and modules of this crate that `path` means in the module `from`. There is none
    /// when the path leads into another crate, or names something local.
    pub(crate) fn resolve(&self, from: ModuleId, path: &[String]) -> Vec<Target> {
        self.follow(from, path, &mut vec![])
    }

    /// `seen` are the names that are being looked up: imports may go in circles.
    fn follow(
        &self,
        from: ModuleId,
        path: &[String],
        seen: &mut Vec<(ModuleId, String)>,
    ) -> Vec<Target> {
        let Some((first, rest)) = path.split_first() else {
            return vec![];
        };
        let mut reached = match first.as_str() {
            "crate" => vec![Target::Module(0)],
            "self" => vec![Target::Module(from)],
            "super" => self.parent(from),
            name => self.look_up(from, name, seen),
        };
        for segment in rest {
            // Of a module and a function of one name, only the module has something inside.
            if reached
                .iter()
                .any(|target| matches!(target, Target::Module(_)))
            {
                reached.retain(|target| matches!(target, Target::Module(_)));
            }
            reached = reached
                .into_iter()
                .flat_map(|target| match target {
                    Target::Module(module) if segment == "super" => self.parent(module),
                    Target::Module(module) => self.look_up(module, segment, seen),
                    Target::Item(mut found) => {
                        found.then.get_or_insert_with(|| segment.clone());
                        vec![Target::Item(found)]
                    }
                })
                .collect();
        }
        reached
    }

    fn parent(&self, module: ModuleId) -> Vec<Target> {
        self.modules[module]
            .parent
            .map(Target::Module)
            .into_iter()
            .collect()
    }

    fn look_up(
        &self,
        module: ModuleId,
        name: &str,
        seen: &mut Vec<(ModuleId, String)>,
    ) -> Vec<Target> {
        let key = (module, name.to_owned());
        if seen.contains(&key) {
            return vec![];
        }
        seen.push(key);
        let within = &self.modules[module];
        let mut found = vec![];
        for meaning in within.names.get(name).into_iter().flatten() {
            match meaning {
                Meaning::Module(child) => found.push(Target::Module(*child)),
                Meaning::Definition => found.push(Target::Item(Found {
                    module,
                    name: name.to_owned(),
                    then: None,
                })),
                Meaning::Import(path) => found.extend(self.follow(module, path, seen)),
            }
        }
        // A name that stands in the module itself hides those that globs bring in.
        if found.is_empty() {
            for path in &within.globs {
                for target in self.follow(module, path, seen) {
                    if let Target::Module(source) = target {
                        found.extend(self.look_up(source, name, seen));
                    }
                }
            }
        }
        seen.pop();
        found
    }

    /// The module that defines the macro `name` for code in `module`: macros of the modules around
    /// one are seen in it.
    pub(crate) fn macro_around(&self, module: ModuleId, name: &str) -> Option<ModuleId> {
        let defines = |id: &ModuleId| {
            let meanings = self.modules[*id].names.get(name);
            meanings.is_some_and(|all| all.iter().any(|one| matches!(one, Meaning::Definition)))
        };
        std::iter::successors(Some(module), |&id| self.modules[id].parent).find(defines)
    }
}
