//! What the binary carries: the compiler's version, for the environment that each run records, and
//! plotly.js out of the `plotly` crate, so that the dashboard works offline, without Node or a CDN.

use std::env;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    name_compiler();
    compress_plotly();
}

fn name_compiler() {
    let rustc = env::var("RUSTC").expect("cargo sets RUSTC");
    let version = Command::new(rustc).arg("--version").output().expect("cargo has just run this compiler");
    println!("cargo::rustc-env=BURNLAB_RUSTC={}", String::from_utf8_lossy(&version.stdout).trim());
}

fn compress_plotly() {
    // Two script tags: plotly.js, then MathJax. The first ends at the first closing tag; the file itself has none,
    // since it is made to stand inside of one.
    let sources = plotly::Plot::offline_js_sources();
    let start = sources.find("/**").expect("plotly.js begins with a comment");
    let end = sources.find("</script>").expect("plotly.js is inside a script tag");
    let script = &sources[start..end];
    assert!(script.starts_with("/**\n* plotly.js v3."), "the crate `plotly` embeds another file than plotly.js 3");

    let folder = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(script.as_bytes()).expect("writing to memory does not fail");
    let compressed = encoder.finish().expect("writing to memory does not fail");
    fs::write(Path::new(&folder).join("plotly.js.gz"), compressed).expect("OUT_DIR can be written");
}
