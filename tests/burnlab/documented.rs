//! All that semantic versioning holds for has a sentence of documentation: what `src/lib.rs` passes on, its fields, variants and
//! methods. The compiler's own lint, `missing_docs`, leaves out what lies in hidden modules, as these items do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::{Attribute, Fields, ImplItem, Item, TraitItem, Type, Visibility};

use crate::modules::{Modules, Target};

/// What `src/lib.rs` passes on.
struct Public {
    /// Names by the file that defines them.
    defined: BTreeMap<String, BTreeSet<String>>,
    /// All files of the library.
    files: BTreeSet<String>,
}

impl Public {
    fn load() -> Self {
        let modules = Modules::of_burnlab();
        let mut defined: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for reference in
            modules.references().into_iter().filter(|reference| reference.from == 0 && reference.is_reexport)
        {
            let Target::Item(module) = reference.target else { panic!("{} is no item", reference.path) };
            let name = reference.path.rsplit("::").next().unwrap().to_owned();
            defined.entry(modules.all[module].file.clone()).or_default().insert(name);
        }
        Self { defined, files: modules.all.into_iter().map(|module| module.file).collect() }
    }

    /// The names that a file may add methods to: those defined in its part of the library.
    fn in_part_of(&self, file: &str) -> BTreeSet<String> {
        let part = |file: &str| file.split('/').next().unwrap().to_owned();
        let of_part = self.defined.iter().filter(|(other, _)| part(other) == part(file));
        of_part.flat_map(|(_, names)| names.iter().cloned()).collect()
    }
}

fn source(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file)
}

fn is_documented(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident("doc"))
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// The names of what has no documentation in an item that is public: itself, and what it consists of.
fn undocumented(item: &Item, public: &BTreeSet<String>) -> Vec<String> {
    let fields = |of: &str, fields: &Fields, all: bool| -> Vec<String> {
        let bare = fields.iter().filter(|field| (all || is_public(&field.vis)) && !is_documented(&field.attrs));
        bare.map(|field| format!("{of}.{}", field.ident.as_ref().map_or("0".to_owned(), ToString::to_string))).collect()
    };
    let (name, attributes, parts) = match item {
        Item::Struct(item) => {
            let name = item.ident.to_string();
            // The field of a tuple is what the type is of.
            let is_tuple = matches!(item.fields, Fields::Unnamed(_));
            (name.clone(), &item.attrs, if is_tuple { Vec::new() } else { fields(&name, &item.fields, false) })
        }
        Item::Enum(item) => {
            let variant = |variant: &syn::Variant| {
                let name = format!("{}::{}", item.ident, variant.ident);
                // The message of an error says what its fields are.
                let has_message = variant.attrs.iter().any(|attribute| attribute.path().is_ident("error"));
                let mut bare = match variant.fields {
                    Fields::Named(_) if !has_message => fields(&name, &variant.fields, true),
                    _ => Vec::new(),
                };
                bare.extend((!is_documented(&variant.attrs)).then_some(name));
                bare
            };
            (item.ident.to_string(), &item.attrs, item.variants.iter().flat_map(variant).collect())
        }
        Item::Trait(item) => {
            let method = |part: &TraitItem| match part {
                TraitItem::Fn(method) if !is_documented(&method.attrs) => {
                    Some(format!("{}::{}", item.ident, method.sig.ident))
                }
                _ => None,
            };
            (item.ident.to_string(), &item.attrs, item.items.iter().filter_map(method).collect())
        }
        Item::Fn(item) => (item.sig.ident.to_string(), &item.attrs, Vec::new()),
        Item::Type(item) => (item.ident.to_string(), &item.attrs, Vec::new()),
        Item::Impl(of) if of.trait_.is_none() => return methods(of, public),
        _ => return Vec::new(),
    };
    if !public.contains(&name) {
        return Vec::new();
    }
    let own = (!is_documented(attributes)).then_some(name);
    own.into_iter().chain(parts).collect()
}

fn methods(of: &syn::ItemImpl, public: &BTreeSet<String>) -> Vec<String> {
    let Type::Path(path) = &*of.self_ty else { return Vec::new() };
    let name = path.path.segments.last().unwrap().ident.to_string();
    if !public.contains(&name) {
        return Vec::new();
    }
    let method = |part: &ImplItem| match part {
        ImplItem::Fn(method) if is_public(&method.vis) && !is_documented(&method.attrs) => {
            Some(format!("{name}::{}", method.sig.ident))
        }
        _ => None,
    };
    of.items.iter().filter_map(method).collect()
}

#[test]
fn every_public_item_says_what_it_is() {
    let public = Public::load();
    let (mut bare, mut found) = (BTreeSet::new(), BTreeSet::new());
    let none = BTreeSet::new();
    for file in &public.files {
        let (own, of_part) = (public.defined.get(file).unwrap_or(&none), public.in_part_of(file));
        if of_part.is_empty() {
            continue;
        }
        for item in syn::parse_file(&std::fs::read_to_string(source(file)).unwrap()).unwrap().items {
            if let Item::Struct(syn::ItemStruct { ident, .. })
            | Item::Enum(syn::ItemEnum { ident, .. })
            | Item::Trait(syn::ItemTrait { ident, .. })
            | Item::Type(syn::ItemType { ident, .. })
            | Item::Fn(syn::ItemFn { sig: syn::Signature { ident, .. }, .. }) = &item
            {
                found.extend(own.contains(&ident.to_string()).then(|| ident.to_string()));
            }
            let names = if matches!(item, Item::Impl(_)) { &of_part } else { own };
            bare.extend(undocumented(&item, names).into_iter().map(|name| format!("src/{file}: {name}")));
        }
    }
    let wanted: BTreeSet<String> = public.defined.into_values().flatten().collect();
    assert!(wanted.len() > 40 && found == wanted, "not looked at: {:?}", wanted.difference(&found));
    let bare: Vec<String> = bare.into_iter().collect();
    assert!(bare.is_empty(), "without documentation:\n{}", bare.join("\n"));
}

#[test]
fn what_has_no_documentation_is_found() {
    let text = "/// a\npub struct A { pub b: u8, /** c */ pub c: u8, d: u8 }\nimpl A { pub fn e() {} fn f() {} }
        pub enum B { C { d: u8 }, /** e */ E(u8) }\npub struct Hidden;";
    let public = BTreeSet::from(["A", "B"].map(str::to_owned));
    let items = syn::parse_file(text).unwrap().items;
    let found: Vec<String> = items.iter().flat_map(|item| undocumented(item, &public)).collect();
    assert_eq!(found, ["A.b", "A::e", "B", "B::C.d", "B::C"]);
}
