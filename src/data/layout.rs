//! What the inputs of an example stand for, for the architectures that need to know.

/// The inputs of an example, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// What each group of inputs was before it was prepared.
    pub columns: Vec<InputColumn>,
    /// Rows and columns of pixels, when the inputs are an image.
    pub image_shape: Option<[usize; 2]>,
    /// Distinct numbers, when the inputs are a text: each input is then that of a character, the last one of any that the
    /// training part lacks.
    pub num_characters: Option<usize>,
}

/// A column of the data, as inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputColumn {
    /// One input: a scaled number, a pixel, or a character's number.
    Number,
    /// So many inputs, of which at most one is 1 and the rest are 0.
    Categories(usize),
}

impl InputColumn {
    /// Inputs of this column.
    pub fn width(self) -> usize {
        match self {
            Self::Number => 1,
            Self::Categories(count) => count,
        }
    }
}

impl Layout {
    /// `num_inputs` numbers that are neither image nor text.
    pub fn of_numbers(num_inputs: usize) -> Self {
        Self { columns: vec![InputColumn::Number; num_inputs], image_shape: None, num_characters: None }
    }

    /// Width of the network's input.
    pub fn num_inputs(&self) -> usize {
        self.columns.iter().map(|column| column.width()).sum()
    }
}
