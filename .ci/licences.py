"""Prints the licences of all that a build of burnlab contains, as Markdown: of its crates, and of the data inside.

    .ci/licences.py TARGET FEATURES > THIRD-PARTY.md
"""

import collections
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parent.parent
NAMES = ("licen", "copying", "notice", "copyright", "unlicense")
# What compilers put in besides crates.
OWN = {
    "libsqlite3-sys": "It contains SQLite, which is in the public domain: <https://sqlite.org/copyright.html>",
}


def cargo(*command):
    return subprocess.check_output(["cargo", *command], cwd=ROOT, text=True)


def crates(target, features):
    """The crates of the program, burnlab itself left out; those that only its build or its tests need are not in it."""
    # `cargo metadata` follows features that no build switches on.
    tree = cargo(
        *("tree", "--locked", "--edges", "normal", "--target", target, "--features", features),
        *("--prefix", "none", "--format", "{p}"),
    )
    reached = {tuple(line.split()[:2]) for line in tree.splitlines()}
    found = json.loads(cargo("metadata", "--format-version", "1", "--locked"))
    packages = (p for p in found["packages"] if (p["name"], f"v{p['version']}") in reached and p["source"])
    return sorted(packages, key=lambda p: (p["name"], p["version"]))


def texts(crate):
    """The files of a crate's licences, those of what it contains among them."""
    folder = pathlib.Path(crate["manifest_path"]).parent
    files = {path for path in folder.rglob("*") if path.is_file() and path.name.lower().startswith(NAMES)}
    if crate["license_file"]:
        files.add(folder / crate["license_file"])
    sources = (".rs", ".c", ".h", ".py", ".go", ".pl")
    return [path.read_text(errors="replace").strip() for path in sorted(files) if path.suffix not in sources]


def main():
    target, features = sys.argv[1:]
    found = crates(target, features)
    by_text, same = collections.defaultdict(list), {}
    print("# What burnlab is made of\n")
    print("| crate | licence | source |\n|---|---|---|")
    for crate in found:
        name = f"{crate['name']} {crate['version']}"
        licence = crate["license"] or "see its file below"
        print(f"| {name} | {licence} | {crate['repository'] or crate['homepage'] or ''} |")
        for text in texts(crate):
            # The same words are one text, however the lines are broken.
            text = same.setdefault(" ".join(text.split()), text)
            if name not in by_text[text]:
                by_text[text].append(name)
    print("\nThe Rust standard library: MIT OR Apache-2.0, <https://github.com/rust-lang/rust>.")
    for name, note in OWN.items():
        if any(crate["name"] == name for crate in found):
            print(f"{name}: {note}.")
    with_text = {name for names in by_text.values() for name in names}
    without = [crate for crate in found if f"{crate['name']} {crate['version']}" not in with_text]
    # burnlab's own two files are the texts of these.
    strange = [f"{c['name']}: {c['license']}" for c in without if not {"MIT", "Apache-2.0"} & set((c["license"] or "").split())]
    if strange:
        sys.exit(f"no text of the licences of {', '.join(strange)}")
    if without:
        names = ", ".join(f"{crate['name']} {crate['version']}" for crate in without)
        print(f"\nWithout a file of their own, under the licence named above, whose text is beside this one: {names}.")
    for text, names in by_text.items():
        print(f"\n---\n\nOf {', '.join(names)}:\n\n```text\n{text.replace('```', chr(39) * 3)}\n```")
    for data in ("src/data/builtin/README.md", "configs/data/README.md"):
        print(f"\n---\n\n{(ROOT / data).read_text().strip()}")


main()
