//! The scripts of the page as one: fifty modules are fifty requests, which took a browser 0.3 s, and the network each time.
//!
//! The modules are written in a plain form of JavaScript: an import or export is one line, and what is exported is declared
//! where it is exported. Each becomes a block, in the order in which a browser would run them. What it exports is read
//! through a getter of an object, so that it is always the present value, as in a module.

use std::collections::BTreeMap;
use std::fmt::Write;

/// Names and texts.
type Files = &'static [(&'static str, &'static str)];

/// How the getters of a module's object are made, which it begins with.
const HELPER: &str = "const $export = (to, getters) => { for (const [name, get] of Object.entries(getters)) \
     Object.defineProperty(to, name, { get, enumerable: true }); };\n";

/// The module `entry` and all that it needs, as one module. It exports the objects of all of them, for tests.
///
/// # Panics
/// On an import or export in another form, or of what is not there; a test makes the bundle.
pub fn bundle(assets: Files, entry: &str) -> String {
    let mut bundle = Bundle { assets, modules: BTreeMap::new(), text: String::new() };
    bundle.add(entry);
    let objects: Vec<&str> = bundle.modules.keys().copied().collect();
    let made: String = objects.iter().map(|name| format!("const ${name} = Object.create(null);\n")).collect();
    let named: Vec<String> = objects.iter().map(|name| format!("{name}: ${name}")).collect();
    format!("{HELPER}{made}{}export const modules = {{ {} }};\n", bundle.text, named.join(", "))
}

struct Bundle {
    assets: Files,
    /// By name without `.js`; whether its block is there already.
    modules: BTreeMap<&'static str, bool>,
    text: String,
}

impl Bundle {
    /// Adds the block of a module behind those of the modules that it imports, unless these import it as well.
    fn add(&mut self, file: &str) {
        let (name, source) = self.find(file);
        if self.modules.insert(name, false).is_some() {
            unreachable!("{file} is added once");
        }
        for needed in source.lines().filter_map(from) {
            if !self.modules.contains_key(stem(needed)) {
                self.add(needed);
            }
        }
        let (mut exports, mut body) = (String::new(), String::new());
        for line in source.lines() {
            match line.split_once(' ') {
                Some(("import", rest)) => body.push_str(&self.import(file, rest)),
                Some(("export", rest)) => {
                    let (getters, declared) = self.export(file, rest);
                    exports.push_str(&getters);
                    body.push_str(declared);
                }
                _ => body.push_str(line),
            }
            body.push('\n');
        }
        // Functions of a block are there from its beginning; the getters are called later.
        write!(self.text, "{{ // {file}\n$export(${name}, {{ {exports}}});\n{body}}}\n").expect("text");
        self.modules.insert(name, true);
    }

    fn find(&self, file: &str) -> (&'static str, &'static str) {
        let found = self.assets.iter().find(|(known, _)| *known == file);
        let (known, source) = found.unwrap_or_else(|| panic!("no module `{file}`"));
        (stem(known), source)
    }

    /// `{ a, b as c } from "./x.js";` or `* as x from "./x.js";` as constants.
    fn import(&self, file: &str, rest: &str) -> String {
        let needed = source_of(rest).unwrap_or_else(|| panic!("{file}: import {rest}"));
        let object = stem(needed);
        if let Some((name, _)) = rest.strip_prefix("* as ").and_then(|rest| rest.split_once(' ')) {
            return format!("const {name} = ${object};");
        }
        let exported = names_of(self.find(needed).1, self.assets);
        names(rest)
            .map(|(theirs, mine)| {
                assert!(exported.iter().any(|name| name == theirs), "{file}: `{needed}` exports no `{theirs}`");
                // A module that imports this one comes later: its functions are there when they are called.
                let value = match self.modules[object] {
                    true => format!("${object}.{theirs}"),
                    false => format!("(...given) => ${object}.{theirs}(...given)"),
                };
                format!("const {mine} = {value}; ")
            })
            .collect()
    }

    /// What stands behind `export`: the getters of what it names, and the declaration that is left.
    fn export<'a>(&self, file: &str, rest: &'a str) -> (String, &'a str) {
        let Some(needed) = source_of(rest) else {
            let name = declared(rest).unwrap_or_else(|| panic!("{file}: export {rest}"));
            return (format!("{name}: () => {name}, "), rest);
        };
        let object = stem(needed);
        let getter = |theirs: &str, mine: &str| format!("{mine}: () => ${object}.{theirs}, ");
        match rest.starts_with('*') {
            true => (names_of(self.find(needed).1, self.assets).iter().map(|name| getter(name, name)).collect(), ""),
            false => (names(rest).map(|(theirs, mine)| getter(theirs, mine)).collect(), ""),
        }
    }
}

/// `api` of `api.js`.
fn stem(file: &str) -> &str {
    file.strip_suffix(".js").unwrap_or(file)
}

/// The module that a line imports or exports from.
fn from(line: &str) -> Option<&str> {
    source_of(line.strip_prefix("import ").or_else(|| line.strip_prefix("export "))?)
}

/// The same of what stands behind `import` or `export`.
fn source_of(rest: &str) -> Option<&str> {
    let (before, file) = rest.strip_suffix("\";")?.rsplit_once("\"./")?;
    before.ends_with(" from ").then_some(file)
}

/// The names between braces, there and here.
fn names(rest: &str) -> impl Iterator<Item = (&str, &str)> {
    let inner = rest.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or("", |(inner, _)| inner);
    inner
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| name.split_once(" as ").unwrap_or((name, name)))
}

/// The name of what is declared.
fn declared(rest: &str) -> Option<&str> {
    let kinds = ["async function ", "function ", "class ", "const ", "let "];
    let name = kinds.iter().find_map(|kind| rest.strip_prefix(kind))?;
    name.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '$').next()
}

/// All names that a module exports.
fn names_of(source: &str, assets: Files) -> Vec<String> {
    let exports = source.lines().filter_map(|line| line.strip_prefix("export "));
    exports
        .flat_map(|rest| match source_of(rest) {
            Some(needed) if rest.starts_with('*') => assets
                .iter()
                .filter(|(name, _)| *name == needed)
                .flat_map(|(_, source)| names_of(source, assets))
                .collect(),
            Some(_) => names(rest).map(|(_, mine)| mine.to_owned()).collect(),
            None => declared(rest).map(str::to_owned).into_iter().collect::<Vec<_>>(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_become_blocks_in_the_order_of_their_imports() {
        let assets: Files = &[
            (
                "main.js",
                "import { two as second } from \"./b.js\";\nimport * as a from \"./a.js\";\nlog(second, a.one());",
            ),
            (
                "a.js",
                "import { two } from \"./b.js\";\nexport let live = 0;\nexport function one() {\n  return two;\n}",
            ),
            ("b.js", "import { one } from \"./a.js\";\nexport * from \"./c.js\";\nexport const two = () => one();"),
            ("c.js", "export const three = () => 3;"),
        ];
        let text = bundle(assets, "main.js");
        let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("`{part}` is not in {text}"));
        let order = ["{ // a.js", "{ // c.js", "{ // b.js", "{ // main.js", "export const modules = { a: $a, b: $b,"];
        assert!(order.windows(2).all(|two| place(two[0]) < place(two[1])), "{text}");
        place("$export($a, { live: () => live, one: () => one, });");
        place("$export($b, { three: () => $c.three, two: () => two, });");
        // `b.js` is not there yet when `a.js` runs, as they import each other.
        place("const two = (...given) => $b.two(...given);");
        place("const one = $a.one; ");
        place("const second = $b.two; ");
        place("const a = $a;");
        assert!(!text.contains("import"), "{text}");
    }
}
