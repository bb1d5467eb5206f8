//! `burnlab export RUN`: writes the model for other programs, and its model card.

use std::path::PathBuf;
use std::process::ExitCode;

use super::output::{is_stdout, refuse_foreign, say, to_file, to_own_file};
use crate::cli::{ExportArgs, ModelFormat};
use crate::experiment::export::{has_onnx, notes, onnx_model};
use crate::experiment::{RunFolder, SavedModel, model_card};

/// Writes the model and its card, and prints the paths.
///
/// # Errors
/// No such run; a file that cannot be written.
pub fn run(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let to_stdout = args.output.as_deref().is_some_and(is_stdout);
    anyhow::ensure!(!to_stdout, "export writes a model card beside the model: name a file for the model");
    let saved = SavedModel::open(&RunFolder::find(&args.store.location(), &args.run)?)?;
    let by_default = if has_onnx(&saved) { ModelFormat::Onnx } else { ModelFormat::Safetensors };
    let format = args.format.unwrap_or(by_default);
    let (extension, bytes) = match format {
        ModelFormat::Onnx => ("onnx", onnx_model(&saved)?),
        ModelFormat::Safetensors => ("safetensors", saved.encode()?),
    };
    let path = match &args.output {
        Some(path) => path.clone(),
        // The id may contain dots, which `with_extension` would cut off.
        None => PathBuf::from(format!("{}.{extension}", saved.name())),
    };
    // The card's name includes the model's whole file name, so that it does not overwrite another file.
    let card = PathBuf::from(format!("{}.md", path.display()));
    let text = model_card::text(&saved, &path)?;
    if args.output.is_none() {
        refuse_foreign(&path)?;
    }
    to_own_file(&card, |writer| Ok(writer.write_all(text.as_bytes())?))?;
    to_file(&path, &[], |writer| Ok(writer.write_all(&bytes)?))?;
    say!("{}\n{}", path.display(), card.display());
    if format == ModelFormat::Onnx {
        notes(&saved).iter().for_each(|note| say!("note   {note}"));
    }
    Ok(ExitCode::SUCCESS)
}
