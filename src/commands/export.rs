//! `burnlab export RUN`: writes the model for other programs, or as a page, and its model card.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::output::{is_stdout, keeps, refuse_foreign, say, say_path, to_file, to_own_file, without_escapes};
use crate::backend::BackendName;
use crate::cli::{ExportArgs, ModelFormat, ModelWeights};
use crate::experiment::export::{about, html_page, notes, onnx_ensemble, onnx_model};
use crate::experiment::{Ensemble, RunFolder, SavedModel, model_card};
use crate::onnx::Weights;
use crate::permissions::create_for_this_user_alone;
use crate::tracking::slug;

/// Writes the model and its card, and prints the paths.
///
/// # Errors
/// No such run; a file that cannot be written.
pub fn run(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let to_stdout = args.output.as_deref().is_some_and(is_stdout);
    anyhow::ensure!(!to_stdout, "export writes a model card beside the model: name a file for the model");
    let is_onnx = args.format.is_none_or(|format| format == ModelFormat::Onnx);
    let weights = match args.weights {
        ModelWeights::Float32 => Weights::Float32,
        ModelWeights::Int8 => Weights::Int8,
    };
    anyhow::ensure!(weights == Weights::Float32 || is_onnx, "--weights int8 is for ONNX models: leave out --format");
    let location = args.store.location();
    if args.ensemble {
        anyhow::ensure!(is_onnx, "--ensemble writes an ONNX model: leave out --format");
        let ensemble = Ensemble::open(&location, &args.run)?;
        ensemble.members.iter().try_for_each(|member| member.model.check_answers(BackendName::chosen(None)))?;
        close_as(args, ensemble.members.iter().map(|member| &member.model.folder));
        let path = path(args, &format!("{}-ensemble", slug(&ensemble.name)), "onnx")?;
        let card = with_weights(model_card::of_ensemble(&ensemble, &path)?, weights);
        write(&path, &onnx_ensemble(&ensemble, weights)?, &card)?;
        notes(ensemble.first()).iter().for_each(|note| say!("note   {note}"));
        return Ok(ExitCode::SUCCESS);
    }
    let folder = RunFolder::find(&location, &args.run)?;
    close_as(args, [&folder]);
    let saved = SavedModel::open(&folder)?;
    saved.check_answers(BackendName::chosen(None))?;
    let format = args.format.unwrap_or(ModelFormat::Onnx);
    let path_with = |extension| path(args, &saved.name(), extension);
    let (path, bytes) = match format {
        ModelFormat::Onnx => (path_with("onnx")?, onnx_model(&saved, weights)?),
        ModelFormat::Safetensors => (path_with("safetensors")?, saved.encode()?),
        ModelFormat::Html => {
            // The card is in the page.
            let path = path_with("html")?;
            let page = html_page(&saved, &model_card::text(&saved, &path)?)?;
            write_file(&path, page.as_bytes())?;
            say_path(&path);
            return Ok(ExitCode::SUCCESS);
        }
    };
    write(&path, &bytes, &with_weights(model_card::text(&saved, &path)?, weights))?;
    if format == ModelFormat::Onnx {
        notes(&saved).iter().for_each(|note| say!("note   {note}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// The card, and what it says of the weights.
fn with_weights(mut card: String, weights: Weights) -> String {
    if let Some(about) = about(weights) {
        card.push_str(&format!("\n## Weights\n\n{about}\n"));
    }
    card
}

/// Under a name that burnlab gives, the export is closed to other users as the runs are: it has names of columns and classes.
fn close_as<'a>(args: &ExportArgs, folders: impl IntoIterator<Item = &'a RunFolder>) {
    if args.output.is_none() && folders.into_iter().any(|folder| !folder.is_public()) {
        create_for_this_user_alone();
    }
}

/// The file to write: that of `args`, or one named after the model, which must be no link.
fn path(args: &ExportArgs, name: &str, extension: &str) -> anyhow::Result<PathBuf> {
    if let Some(file) = &args.output {
        return Ok(file.clone());
    }
    // A run's id may contain dots, which `with_extension` would cut off.
    let file = PathBuf::from(format!("{name}.{extension}"));
    refuse_foreign(&file)?;
    Ok(file)
}

/// Writes the model and its card, and prints their paths.
fn write(path: &Path, bytes: &[u8], card: &str) -> anyhow::Result<()> {
    // The card's name includes the model's whole file name, so that it does not overwrite another file.
    let beside = PathBuf::from(format!("{}.md", path.display()));
    if !keeps(path) {
        return write_file(path, bytes);
    }
    // A name may be too long with three letters more: no model is to be there without its card.
    if let Err(error) = std::fs::symlink_metadata(&beside)
        && error.kind() == std::io::ErrorKind::InvalidFilename
    {
        anyhow::bail!("cannot write the model card {}: choose a shorter name: {error}", beside.display());
    }
    write_file(path, bytes)?;
    to_own_file(&beside, |writer| Ok(writer.write_all(without_escapes(card).as_bytes())?))?;
    say!("{}\n{}", path.display(), beside.display());
    Ok(())
}

fn write_file(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    to_file(path, &[], |writer| Ok(writer.write_all(bytes)?))
}
