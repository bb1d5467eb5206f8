//! The shape of the images that a network is given.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Rows and columns of pixels, and the numbers of each pixel. Written as `[rows, columns]`, with a third number for colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<usize>", into = "Vec<usize>")]
pub struct ImageShape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Numbers of each pixel, side by side: 1 for grey, 3 for red, green and blue.
    pub channels: usize,
}

impl ImageShape {
    /// Numbers of an image; `None` beyond what can be counted.
    pub fn checked_len(self) -> Option<usize> {
        self.height.checked_mul(self.width)?.checked_mul(self.channels)
    }

    /// Numbers of an image.
    pub fn num_cells(self) -> usize {
        self.height * self.width * self.channels
    }

    /// The name of each number of an image, row by row: `pixel_0_0`, or `pixel_0_0_red` where there are colours.
    pub(super) fn names(self) -> Vec<String> {
        const COLOURS: [&str; 3] = ["red", "green", "blue"];
        let name = |i: usize| {
            let pixel = i / self.channels;
            let place = format!("pixel_{}_{}", pixel / self.width, pixel % self.width);
            match self.channels {
                1 => place,
                _ => format!("{place}_{}", COLOURS[i % self.channels]),
            }
        };
        (0..self.num_cells()).map(name).collect()
    }

    /// Grey levels of an image's numbers, one a pixel, for a picture: the mean of the colours.
    pub fn grey(self, cells: &[f32]) -> Vec<f32> {
        cells.chunks_exact(self.channels).map(|pixel| pixel.iter().sum::<f32>() / self.channels as f32).collect()
    }
}

impl std::fmt::Display for ImageShape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} x {}", self.height, self.width)?;
        if self.channels == 1 { Ok(()) } else { write!(f, " x {}", self.channels) }
    }
}

impl From<[usize; 2]> for ImageShape {
    fn from([height, width]: [usize; 2]) -> Self {
        Self { height, width, channels: 1 }
    }
}

impl TryFrom<Vec<usize>> for ImageShape {
    type Error = String;

    fn try_from(sizes: Vec<usize>) -> Result<Self, String> {
        match sizes[..] {
            [height, width] | [height, width, 1] => Ok([height, width].into()),
            [height, width, 3] => Ok(Self { height, width, channels: 3 }),
            _ => Err(format!("an image's shape is [rows, columns], or with colours [rows, columns, 3], not {sizes:?}")),
        }
    }
}

impl From<ImageShape> for Vec<usize> {
    fn from(ImageShape { height, width, channels }: ImageShape) -> Self {
        match channels {
            1 => vec![height, width],
            _ => vec![height, width, channels],
        }
    }
}

impl JsonSchema for ImageShape {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ImageShape".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "array",
            "items": { "type": "integer", "minimum": 1 },
            "minItems": 2,
            "maxItems": 3
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_named_by_row_column_and_colour() {
        let grey = ImageShape::try_from(vec![2, 3]).unwrap();
        assert_eq!((grey.num_cells(), &*grey.names()[5], &*grey.to_string()), (6, "pixel_1_2", "2 x 3"));
        let colour = ImageShape::try_from(vec![1, 2, 3]).unwrap();
        let names = ["0_0_red", "0_0_green", "0_0_blue", "0_1_red", "0_1_green", "0_1_blue"];
        assert_eq!(colour.names(), names.map(|name| format!("pixel_{name}")));
        assert_eq!(colour.grey(&[1.0, 2.0, 6.0, 0.0, 0.0, 3.0]), [3.0, 1.0]);
        for sizes in [vec![], vec![3], vec![2, 2, 2], vec![1, 2, 3, 4]] {
            assert!(ImageShape::try_from(sizes).is_err());
        }
    }
}
