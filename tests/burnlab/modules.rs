//! The modules of `src/` as the compiler sees them: files by their `mod` declarations, and what each of them names.
//!
//! A name is followed through `use`, `pub use`, globs, `self`, `super` and `crate` to the file that defines the item.
//! Calls of methods name no path and are not seen; paths in the tokens of macros are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

type ModuleId = usize;
type Segments = Vec<String>;

/// What a path leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    Module(ModuleId),
    /// An item that this module defines.
    Item(ModuleId),
    /// A path into another crate.
    External(Segments),
}

#[derive(Default)]
pub struct Module {
    /// Path from `src/`: `tracking/store.rs`.
    pub file: String,
    parent: Option<ModuleId>,
    root: ModuleId,
    children: BTreeMap<String, ModuleId>,
    items: BTreeSet<String>,
    imports: BTreeMap<String, Segments>,
    globs: Vec<Segments>,
    named: Vec<Named>,
    /// String literals outside comments.
    pub texts: Vec<String>,
    /// Features that a `cfg` asks for.
    pub features: BTreeSet<String>,
    pub is_unsafe: bool,
}

/// A path that a module names.
#[derive(Clone)]
struct Named {
    path: Segments,
    /// `pub use`: passed on, not used.
    is_reexport: bool,
}

/// One module names something.
pub struct Reference {
    pub from: ModuleId,
    pub path: String,
    pub target: Target,
    pub is_reexport: bool,
}

pub struct Modules {
    pub all: Vec<Module>,
    /// The root of each crate, by the name that the others have for it.
    crates: BTreeMap<String, ModuleId>,
}

impl Modules {
    /// burnlab's own crates.
    pub fn of_burnlab() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        Self::load(&folder, &[("burnlab", "lib.rs"), ("burnlab_cpu", "cpu/lib.rs"), ("main", "main.rs")])
    }

    /// The crates of these root files, in `folder`, each with its name.
    fn load(folder: &Path, roots: &[(&str, &str)]) -> Self {
        let mut modules = Self { all: Vec::new(), crates: BTreeMap::new() };
        for &(name, root) in roots {
            let file = folder.join(root);
            let id = modules.add(folder, &file, None);
            modules.fill(folder, id, &file, &file.with_file_name(""), &parse(&file).items);
            modules.crates.insert(name.to_owned(), id);
        }
        modules
    }

    fn add(&mut self, folder: &Path, file: &Path, parent: Option<ModuleId>) -> ModuleId {
        let id = self.all.len();
        let root = parent.map_or(id, |parent| self.all[parent].root);
        let file = file.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
        self.all.push(Module { file, parent, root, ..Module::default() });
        id
    }

    /// `children`: the folder of the files that it declares with `mod`.
    fn fill(&mut self, folder: &Path, id: ModuleId, file: &Path, children: &Path, items: &[syn::Item]) {
        let mut visitor = Visitor { module: std::mem::take(&mut self.all[id]), uses_are_public: true };
        for item in items {
            visitor.uses_are_public = true;
            visitor.module.items.extend(name_of(item));
            visitor.visit_item(item);
        }
        self.all[id] = visitor.module;
        for item in items {
            let syn::Item::Mod(item) = item else { continue };
            let name = item.ident.to_string();
            let below = children.join(&name);
            let child = if let Some((_, items)) = &item.content {
                let child = self.add(folder, file, Some(id));
                self.fill(folder, child, file, &below, items);
                child
            } else {
                let flat = children.join(format!("{name}.rs"));
                let file = path_attribute(&item.attrs)
                    .map(|path| children.join(path))
                    .unwrap_or_else(|| if flat.exists() { flat } else { below.join("mod.rs") });
                if !file.starts_with(folder) || file.components().any(|part| part.as_os_str() == "..") {
                    continue; // shared with tests/
                }
                let child = self.add(folder, &file, Some(id));
                let below = if file.ends_with("mod.rs") { file.with_file_name("") } else { file.with_extension("") };
                self.fill(folder, child, &file, &below, &parse(&file).items);
                child
            };
            self.all[id].children.insert(name, child);
        }
    }

    /// All that is named anywhere; what is local or of the prelude is left out.
    pub fn references(&self) -> Vec<Reference> {
        let mut found = Vec::new();
        for (from, module) in self.all.iter().enumerate() {
            for Named { path, is_reexport } in &module.named {
                if let Some(target) = self.resolve(from, path, 0) {
                    found.push(Reference { from, path: path.join("::"), target, is_reexport: *is_reexport });
                }
            }
        }
        found
    }

    /// Whether `below` is declared in `above`, in any number of steps.
    pub fn is_ancestor(&self, above: ModuleId, below: ModuleId) -> bool {
        std::iter::successors(self.all[below].parent, |&id| self.all[id].parent).any(|id| id == above)
    }

    fn resolve(&self, from: ModuleId, path: &[String], depth: usize) -> Option<Target> {
        // Names that import each other are errors of the compiler.
        if depth > 20 {
            return None;
        }
        let mut at = Target::Module(from);
        for (number, name) in path.iter().enumerate() {
            let Target::Module(module) = at else { break };
            let is_last = number + 1 == path.len();
            at = match name.as_str() {
                "crate" => Target::Module(self.all[module].root),
                "self" => at,
                "super" => Target::Module(self.all[module].parent?),
                name => match self.lookup(module, name, is_last, depth + 1) {
                    Some(Target::External(start)) => {
                        return Some(Target::External([&start, &path[number + 1..]].concat()));
                    }
                    Some(target) => target,
                    None if number == 0 && self.crates.contains_key(name) => Target::Module(self.crates[name]),
                    None if number == 0 && !is_last => return Some(Target::External(path.to_vec())),
                    None => return None,
                },
            };
        }
        Some(at)
    }

    /// A module and an item may have the same name: at the end of a path it is the item.
    fn lookup(&self, at: ModuleId, name: &str, is_last: bool, depth: usize) -> Option<Target> {
        let module = &self.all[at];
        let child = module.children.get(name).map(|&child| Target::Module(child));
        let own = module.items.contains(name).then_some(Target::Item(at));
        let imported = || {
            let path = module.imports.get(name)?;
            match self.resolve(at, path, depth) {
                None if path.len() == 1 => Some(Target::External(path.clone())),
                target => target,
            }
        };
        let by_glob = || {
            // A glob that is found through another one is rare, and each level would multiply the work.
            module.globs.iter().find_map(|glob| match self.resolve(at, glob, depth + 10)? {
                Target::Module(other) if other != at && depth <= 20 => self.lookup(other, name, is_last, depth + 1),
                _ => None,
            })
        };
        if is_last {
            own.or_else(imported).or(child).or_else(by_glob)
        } else {
            child.or(own).or_else(imported).or_else(by_glob)
        }
    }
}

fn parse(file: &Path) -> syn::File {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn path_attribute(attributes: &[syn::Attribute]) -> Option<PathBuf> {
    attributes.iter().find(|attribute| attribute.path().is_ident("path")).and_then(|attribute| {
        let syn::Meta::NameValue(meta) = &attribute.meta else { return None };
        let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. }) = &meta.value else { return None };
        Some(path.value().into())
    })
}

fn name_of(item: &syn::Item) -> Option<String> {
    use syn::Item;
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        // `mod` is a child, `use` an import; `syn` may know more kinds one day.
        _ => return None,
    };
    Some(name.to_string())
}

struct Visitor {
    module: Module,
    /// False within a function, where nothing is passed on.
    uses_are_public: bool,
}

impl Visitor {
    fn names(&mut self, path: Segments) {
        self.module.named.push(Named { path, is_reexport: false });
    }

    fn import(&mut self, start: &[String], tree: &syn::UseTree, is_reexport: bool) {
        let with = |name: &syn::Ident| [start, &[name.to_string()]].concat();
        let (name, path) = match tree {
            syn::UseTree::Path(tree) => return self.import(&with(&tree.ident), &tree.tree, is_reexport),
            syn::UseTree::Group(tree) => {
                return tree.items.iter().for_each(|tree| self.import(start, tree, is_reexport));
            }
            syn::UseTree::Glob(_) => {
                self.module.named.push(Named { path: start.to_vec(), is_reexport });
                return self.module.globs.push(start.to_vec());
            }
            syn::UseTree::Name(tree) if tree.ident == "self" => (start.last().unwrap().clone(), start.to_vec()),
            syn::UseTree::Name(tree) => (tree.ident.to_string(), with(&tree.ident)),
            syn::UseTree::Rename(tree) if tree.ident == "self" => (tree.rename.to_string(), start.to_vec()),
            syn::UseTree::Rename(tree) => (tree.rename.to_string(), with(&tree.ident)),
        };
        self.module.named.push(Named { path: path.clone(), is_reexport });
        // `use x;` and `use x as y;` of a crate would lead back to themselves.
        if path != [name.clone()] {
            self.module.imports.insert(name, path);
        }
    }

    fn features(&mut self, cfg: &proc_macro2::TokenStream) {
        let text = cfg.to_string();
        let features = text.split("feature = \"").skip(1).filter_map(|rest| rest.split('"').next());
        self.module.features.extend(features.map(str::to_owned));
    }

    /// Paths and texts in the tokens of a macro or an attribute.
    fn tokens(&mut self, tokens: proc_macro2::TokenStream) {
        use proc_macro2::TokenTree;
        let mut path = Segments::new();
        // The punctuation since the last name: `::` goes on with its path, `.` begins a field or a method.
        let mut between = String::new();
        for token in tokens {
            if !matches!(&token, TokenTree::Punct(_)) && between != "::" && !path.is_empty() {
                self.names(std::mem::take(&mut path));
            }
            match token {
                TokenTree::Punct(punct) => {
                    between.push(punct.as_char());
                    continue;
                }
                TokenTree::Ident(_) if between == "." => {}
                TokenTree::Ident(name) => {
                    self.module.is_unsafe |= name == "unsafe";
                    path.push(name.to_string());
                }
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Literal(literal) => {
                    if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                        self.module.texts.push(text.value());
                    }
                }
            }
            between.clear();
        }
        if !path.is_empty() {
            self.names(path);
        }
    }
}

impl<'ast> Visit<'ast> for Visitor {
    /// A module of its own, also where it is in the same file.
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        item.attrs.iter().for_each(|attribute| self.visit_attribute(attribute));
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let is_reexport = self.uses_are_public && !matches!(item.vis, syn::Visibility::Inherited);
        self.import(&[], &item.tree, is_reexport);
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        self.uses_are_public = false;
        visit::visit_block(self, block);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.names(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.visit_path(&item.path);
        if item.path.is_ident("cfg") {
            self.features(&item.tokens);
        }
        self.tokens(item.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        let syn::Meta::List(list) = &attribute.meta else { return };
        if attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr") {
            self.features(&list.tokens);
        }
        let before = self.module.texts.len();
        self.tokens(list.tokens.clone());
        // #[serde(default = "crate::data::all")]
        for text in self.module.texts.split_off(before) {
            if let Ok(path) = syn::parse_str::<syn::Path>(&text) {
                self.visit_path(&path);
            }
        }
    }

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        self.module.texts.push(text.value());
    }

    fn visit_expr_unsafe(&mut self, block: &'ast syn::ExprUnsafe) {
        self.module.is_unsafe = true;
        visit::visit_expr_unsafe(self, block);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.module.is_unsafe |= signature.unsafety.is_some();
        visit::visit_signature(self, signature);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.module.is_unsafe |= item.unsafety.is_some();
        visit::visit_item_impl(self, item);
    }
}

#[test]
fn names_are_followed_to_the_file_that_defines_them() {
    let folder = crate::place::folder();
    for (file, text) in [
        ("lib.rs", "mod a; mod b; pub use b::inner::Thing as Renamed;"),
        ("far/lib.rs", "pub struct Far; fn g() { let _: small::Renamed; }"),
        (
            "a.rs",
            "use crate::Renamed; use far::Far; use super::b::*; fn f(_: Deep) { println!(\"{}\", crate::b::inner::VALUE); }",
        ),
        ("b.rs", "pub mod inner; pub use self::inner::Deep; pub use burn::Tensor;"),
        ("b/inner.rs", "pub struct Thing; pub struct Deep; pub const VALUE: u8 = 1; fn g() { let _: super::Tensor; }"),
    ] {
        std::fs::create_dir_all(folder.path().join(file).parent().unwrap()).unwrap();
        std::fs::write(folder.path().join(file), text).unwrap();
    }
    let modules = Modules::load(folder.path(), &[("small", "lib.rs"), ("far", "far/lib.rs")]);
    let mut found: Vec<(String, String)> = Vec::new();
    for Reference { from, target, is_reexport, .. } in modules.references() {
        let to = match target {
            Target::Item(to) => modules.all[to].file.clone(),
            Target::External(path) => path.join("::"),
            Target::Module(_) => continue,
        };
        let from = &modules.all[from].file;
        if !is_reexport && *from != to {
            found.push((from.clone(), to));
        }
    }
    found.sort();
    found.dedup();
    let expected =
        [("a.rs", "b/inner.rs"), ("a.rs", "far/lib.rs"), ("b/inner.rs", "burn::Tensor"), ("far/lib.rs", "b/inner.rs")];
    assert_eq!(found, expected.map(|(from, to)| (from.to_owned(), to.to_owned())));
}
