//! A page of the guide: its fenced blocks, and what the tests do with them.

use std::ops::Range;
use std::path::{Path, PathBuf};

pub struct Page {
    /// From the repository's root.
    pub name: String,
    pub lines: Vec<String>,
}

/// What a page has the reader do, in its order.
pub enum Step {
    /// A block ```` ```toml ```` whose first line is a comment with a file's name is that file.
    Write { file: String, text: String },
    /// A line `$ command` of a block ```` ```console ````, and the lines below it, which it prints.
    Run { command: Command, block: Range<usize> },
}

#[derive(Clone)]
pub struct Command {
    pub line: usize,
    pub text: String,
    pub output: Range<usize>,
}

struct Fence {
    language: String,
    lines: Range<usize>,
}

impl Page {
    pub fn read(name: &str) -> Self {
        let text = std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { name: name.to_owned(), lines: text.lines().map(str::to_owned).collect() }
    }

    pub fn write(&self) {
        std::fs::write(path(&self.name), self.lines.join("\n") + "\n").unwrap();
    }

    /// Replaces ranges of lines, which are given in their order.
    pub fn replace(&mut self, edits: Vec<(Range<usize>, Vec<String>)>) {
        for (range, lines) in edits.into_iter().rev() {
            self.lines.splice(range, lines);
        }
    }

    pub fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for fence in self.fences() {
            match fence.language.as_str() {
                "console" => {
                    let block = fence.lines.clone();
                    let commands = self.commands(fence.lines).into_iter();
                    steps.extend(commands.map(|command| Step::Run { command, block: block.clone() }));
                }
                "toml" => steps.extend(self.file(&fence.lines)),
                // Shown alone.
                "text" | "rust,ignore" => {}
                other => panic!(
                    "{}:{}: a block is ```console, ```toml, ```rust,ignore or ```text, not ```{other}",
                    self.name, fence.lines.start
                ),
            }
        }
        steps
    }

    /// The texts of the TOML blocks that are pieces of a config and no whole file.
    pub fn snippets(&self) -> Vec<(usize, String)> {
        let pieces = self.fences().into_iter().filter(|fence| fence.language == "toml");
        pieces
            .filter(|fence| self.file(&fence.lines).is_none())
            .map(|fence| (fence.lines.start, self.lines[fence.lines].join("\n")))
            .collect()
    }

    /// The text outside of blocks, by line, with the code spans taken out: what links are looked for in.
    pub fn prose(&self) -> Vec<(usize, String)> {
        let blocks = self.fences();
        let is_prose = |at: &usize| !blocks.iter().any(|fence| fence.lines.contains(at));
        let text = |at: usize| self.lines[at].split('`').step_by(2).collect::<Vec<_>>().join("``");
        (0..self.lines.len()).filter(is_prose).map(|at| (at + 1, text(at))).collect()
    }

    fn fences(&self) -> Vec<Fence> {
        let mut fences = Vec::new();
        let mut open: Option<(usize, String)> = None;
        for (at, line) in self.lines.iter().enumerate() {
            let Some(info) = line.strip_prefix("```") else { continue };
            match open.take() {
                None => open = Some((at + 1, info.trim().to_owned())),
                Some((start, language)) => fences.push(Fence { language, lines: start..at }),
            }
        }
        assert!(open.is_none(), "{}: a block has no end", self.name);
        fences
    }

    fn file(&self, lines: &Range<usize>) -> Option<Step> {
        let name = self.lines[lines.start].strip_prefix("# ")?;
        let is_file = name.ends_with(".toml") && !name.contains(' ');
        is_file.then(|| Step::Write { file: name.to_owned(), text: self.lines[lines.clone()].join("\n") + "\n" })
    }

    fn commands(&self, block: Range<usize>) -> Vec<Command> {
        let mut commands: Vec<Command> = Vec::new();
        let mut is_continued = false;
        for at in block {
            let line = &self.lines[at];
            match commands.last_mut() {
                Some(last) if is_continued => {
                    last.text = format!("{} {}", last.text.trim_end_matches('\\'), line.trim());
                    last.output = at + 1..at + 1;
                }
                _ if line.starts_with("$ ") => {
                    commands.push(Command { line: at + 1, text: line[2..].to_owned(), output: at + 1..at + 1 });
                }
                Some(last) => last.output.end = at + 1,
                None => panic!("{}:{}: a block begins with `$ `", self.name, at + 1),
            }
            is_continued = line.ends_with('\\');
        }
        // The empty line before the next command is no output.
        for command in &mut commands {
            while !command.output.is_empty() && self.lines[command.output.end - 1].is_empty() {
                command.output.end -= 1;
            }
        }
        commands
    }
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
