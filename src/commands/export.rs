//! `burnlab export RUN`: writes the model for other programs, and its model card.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::output::{is_stdout, refuse_foreign, say, to_file, to_own_file};
use crate::cli::{ExportArgs, ModelFormat};
use crate::experiment::export::{notes, onnx_ensemble, onnx_model};
use crate::experiment::{Ensemble, RunFolder, SavedModel, model_card};
use crate::tracking::slug;

/// Writes the model and its card, and prints the paths.
///
/// # Errors
/// No such run; a file that cannot be written.
pub fn run(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let to_stdout = args.output.as_deref().is_some_and(is_stdout);
    anyhow::ensure!(!to_stdout, "export writes a model card beside the model: name a file for the model");
    let location = args.store.location();
    if args.ensemble {
        let is_onnx = args.format.is_none_or(|format| format == ModelFormat::Onnx);
        anyhow::ensure!(is_onnx, "--ensemble writes an ONNX model: leave out --format");
        let ensemble = Ensemble::open(&location, &args.run)?;
        let path = path(args, &format!("{}-ensemble", slug(&ensemble.name)), "onnx");
        write(args, &path, &onnx_ensemble(&ensemble)?, &model_card::of_ensemble(&ensemble, &path)?)?;
        notes(ensemble.first()).iter().for_each(|note| say!("note   {note}"));
        return Ok(ExitCode::SUCCESS);
    }
    let saved = SavedModel::open(&RunFolder::find(&location, &args.run)?)?;
    let format = args.format.unwrap_or(ModelFormat::Onnx);
    let (extension, bytes) = match format {
        ModelFormat::Onnx => ("onnx", onnx_model(&saved)?),
        ModelFormat::Safetensors => ("safetensors", saved.encode()?),
    };
    let path = path(args, &saved.name(), extension);
    write(args, &path, &bytes, &model_card::text(&saved, &path)?)?;
    if format == ModelFormat::Onnx {
        notes(&saved).iter().for_each(|note| say!("note   {note}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// The file to write: that of `args`, or one named after the model.
fn path(args: &ExportArgs, name: &str, extension: &str) -> PathBuf {
    // A run's id may contain dots, which `with_extension` would cut off.
    args.output.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.{extension}")))
}

/// Writes the model and its card, and prints their paths.
fn write(args: &ExportArgs, path: &Path, bytes: &[u8], card: &str) -> anyhow::Result<()> {
    // The card's name includes the model's whole file name, so that it does not overwrite another file.
    let beside = PathBuf::from(format!("{}.md", path.display()));
    if args.output.is_none() {
        refuse_foreign(path)?;
    }
    to_own_file(&beside, |writer| Ok(writer.write_all(card.as_bytes())?))?;
    to_file(path, &[], |writer| Ok(writer.write_all(bytes)?))?;
    say!("{}\n{}", path.display(), beside.display());
    Ok(())
}
