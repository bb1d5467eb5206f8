//! `burnlab generate RUN`: text generation with a language model.

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
    // The model may have learned terminal escape sequences from its text, which are not passed on.
    to_terminal(|terminal| {
        let mut print = |text: &str| -> anyhow::Result<()> {
            terminal.write_all(text.as_bytes())?;
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
