//! The meaning of an example's inputs, for the architectures that depend on it.

/// The inputs of an example, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// The column that each group of inputs comes from.
    pub columns: Vec<InputColumn>,
    /// Rows of an image, and inputs in each, when the inputs are one: as many as its columns of pixels, or three times as
    /// many where there are colours.
    pub image_shape: Option<[usize; 2]>,
    /// Inputs of each pixel, side by side; 1 where the inputs are no image.
    pub num_channels: usize,
    /// Vocabulary size, when the inputs are a text: each input is then the index of a character, and the last index
    /// stands for all characters that the training part lacks.
    pub num_characters: Option<usize>,
}

/// A column of the data as network inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputColumn {
    /// One input: a scaled number, a pixel, or a character's index.
    Number,
    /// The bins of a number, this many: those below it are 1, those above it 0, and its own is in between.
    Bins(usize),
    /// One-hot inputs, this many: at most one is 1, the rest are 0.
    Categories(usize),
    /// The terms of a text in this many buckets, most of which are 0.
    Terms(usize),
}

impl InputColumn {
    /// Number of inputs of this column.
    pub fn width(self) -> usize {
        match self {
            Self::Number => 1,
            Self::Bins(count) | Self::Categories(count) | Self::Terms(count) => count,
        }
    }
}

impl Layout {
    /// `num_inputs` numbers that are neither image nor text.
    pub fn of_numbers(num_inputs: usize) -> Self {
        Self {
            columns: vec![InputColumn::Number; num_inputs],
            image_shape: None,
            num_channels: 1,
            num_characters: None,
        }
    }

    /// Rows and columns of pixels, when the inputs are an image.
    pub fn pixels(&self) -> Option<[usize; 2]> {
        self.image_shape.map(|[height, width]| [height, width / self.num_channels])
    }

    /// Width of the network's input.
    pub fn num_inputs(&self) -> usize {
        self.columns.iter().map(|column| column.width()).sum()
    }
}
