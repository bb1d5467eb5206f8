//! What the JSON Schema of a config says beyond what the types say themselves.

use schemars::Schema;

/// For a key whose value is chosen by the data where it is left out.
pub fn without_default(schema: &mut Schema) {
    schema.remove("default");
}
