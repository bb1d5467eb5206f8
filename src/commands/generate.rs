//! `burnlab generate RUN`: text generation with a language model.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use super::output::to_terminal;
use crate::backend::BackendName;
use crate::cli::GenerateArgs;
use crate::experiment::generate::{Sampler, TextGenerator, generate};
use crate::experiment::{RunFolder, SavedModel};

/// Prints the prompt, and each character as soon as it is generated.
///
/// # Errors
/// No such run, or not a language model; a prompt with a character that is not in its text.
pub fn run(args: &GenerateArgs) -> anyhow::Result<ExitCode> {
    let saved = SavedModel::open(&RunFolder::find(&args.model.store.location(), &args.model.run)?)?;
    let generator = TextGenerator::new(&saved, &args.prompt)?;
    let sampler = Sampler::new(args.temperature, args.top_k.map(|most| most as usize), args.seed);
    let backend = BackendName::chosen(args.model.backend);
    let on_terminal = io::stdout().is_terminal();
    to_terminal(|terminal| {
        let mut print = |text: &str| -> anyhow::Result<()> {
            write!(terminal, "{}", if on_terminal { harmless(text) } else { text.to_owned() })?;
            Ok(terminal.flush()?)
        };
        print(&args.prompt)?;
        generate(&saved, generator, sampler, args.length, backend, &mut |character| {
            print(character.encode_utf8(&mut [0; 4]))
        })?;
        print("\n")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The model may have learned terminal escape sequences from its text.
fn harmless(text: &str) -> String {
    text.replace(|character: char| character.is_control() && !matches!(character, '\n' | '\t'), "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_holds_no_command_to_the_terminal() {
        assert_eq!(harmless("a\u{1b}[31m\tb\r\n\u{7}"), "a\u{fffd}[31m\tb\u{fffd}\n\u{fffd}");
    }
}
