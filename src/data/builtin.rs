//! Loads or generates the sources of the catalog. Origin and licence of the shipped files: `builtin/README.md`.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::catalog::{ClassOrder, Draw, GeneratedClasses, SourceOrigin};
use super::origin::Origin;
use super::points::Turn;
use super::{Column, ColumnKind, DataConfig, Dataset, Matrix, Readings, Source, Target, infer, text_file};
use crate::invalid::Invalid;

const DEFAULT_NUM_EXAMPLES: usize = 400;

/// Loads or generates a source as its row in the catalog specifies.
///
/// # Errors
/// Column names in the section that the data set does not have; a text shorter than a window.
pub(super) fn load(source: Source, config: &DataConfig) -> Result<Dataset, Invalid> {
    match source.row().origin {
        SourceOrigin::Table { file, class_order } => table(source, file, class_order, config),
        SourceOrigin::Text { file } => {
            text_file::read(source.name(), &Origin::shipped(source.name(), file), config.context(), None, None)
        }
        SourceOrigin::Generated { classes, noise, draw } => Ok(generate(source, classes, noise, draw, config)),
    }
}

/// A shipped table, parsed by the same code as the user's files.
fn table(
    source: Source,
    file: &'static [u8],
    class_order: ClassOrder,
    config: &DataConfig,
) -> Result<Dataset, Invalid> {
    let config = DataConfig {
        target: Some("target".into()),
        task: config.task.or(Some(source.task())),
        image_shape: config.image_shape.or(source.image_shape().map(Into::into)),
        ..config.clone()
    };
    let mut dataset = infer::read(source.name(), &Origin::shipped(source.name(), file), &config, None)?;
    if let (ClassOrder::Reversed, Target::Classes { names, labels }) = (class_order, &mut dataset.target) {
        names.reverse();
        let last = names.len() as u32 - 1;
        labels.iter_mut().for_each(|label| *label = last - *label);
    }
    Ok(dataset)
}

/// `num_examples` points of a generated set; the same seed gives the same points on every machine.
fn generate(source: Source, classes: GeneratedClasses, default_noise: f64, draw: Draw, config: &DataConfig) -> Dataset {
    let mut random = ChaCha8Rng::seed_from_u64(config.generator_seed);
    let num_examples = config.num_examples.unwrap_or(DEFAULT_NUM_EXAMPLES);
    let num_classes = match classes {
        GeneratedClasses::Two => 2,
        GeneratedClasses::Chosen { default } => config.num_classes.unwrap_or(default),
    };
    let noise = config.noise.unwrap_or(default_noise);
    let mut values = Vec::with_capacity(2 * num_examples);
    let mut labels = Vec::with_capacity(num_examples);
    for i in 0..num_examples {
        let (point, class) = draw(Turn::new(i, num_examples, num_classes), &mut random);
        for coordinate in point {
            let deviation: f64 = StandardNormal.sample(&mut random);
            values.push((coordinate + noise * deviation) as f32);
        }
        labels.push(class as u32);
    }
    let columns = ["x1", "x2"].map(|name| Column { name: name.to_owned(), kind: ColumnKind::Numeric });
    Dataset {
        name: source.name().to_owned(),
        columns: columns.to_vec(),
        cells: Matrix::of_floats(2, values),
        target: Target::Classes { names: (0..num_classes).map(|class| class.to_string()).collect(), labels },
        target_name: "label".to_owned(),
        image_shape: config.image_shape,
        num_training_rows: None,
        source_rows: Vec::new(),
        division: Default::default(),
        weights: None,
        notes: Vec::new(),
        readings: Readings::default(),
    }
}
