//! stub
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
#[derive(Debug, Clone)]
pub struct RunId(pub String);
impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Status {
    Running,
    Finished,
    Interrupted,
    Failed,
    Crashed,
}
#[derive(Debug, Clone)]
pub struct MetricKey(String);
impl MetricKey {
    pub fn new(split: &str, name: &str) -> Result<Self, TrackingError> {
        Ok(Self(format!("{split}/{name}")))
    }
}
#[derive(Debug, Clone)]
pub struct Point {
    pub key: MetricKey,
    pub epoch: u64,
    pub step: u64,
    pub time: f64,
    pub value: f64,
}
pub struct NewRun {
    pub experiment: String,
    pub name: Option<String>,
    pub tags: Vec<String>,
    pub note: Option<String>,
    pub config_toml: String,
    pub params: BTreeMap<String, serde_json::Value>,
    pub environment: serde_json::Value,
    pub seed: u64,
    pub parent: Option<RunId>,
}
pub struct RunWriter {
    id: RunId,
    folder: PathBuf,
    text: String,
}
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TrackingError(#[from] std::io::Error);
impl RunWriter {
    pub fn start(root: &Path, run: NewRun) -> Result<Self, TrackingError> {
        let id = RunId(format!("{}-x", run.experiment));
        let folder = root.join("runs").join(&id.0);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("config.toml"), run.config_toml)?;
        Ok(Self { id, folder, text: String::new() })
    }
    pub fn id(&self) -> &RunId {
        &self.id
    }
    pub fn folder(&self) -> &Path {
        &self.folder
    }
    pub fn log(&mut self, points: &[Point]) -> Result<(), TrackingError> {
        for p in points {
            self.text += &format!("{},{},{},{},{}\n", p.key.0, p.epoch, p.step, p.time, p.value);
        }
        std::fs::write(self.folder.join("metrics.csv"), &self.text)?;
        Ok(())
    }
    pub fn write_file(&self, name: &str, bytes: &[u8]) -> Result<(), TrackingError> {
        std::fs::write(self.folder.join(name), bytes)?;
        Ok(())
    }
    pub fn finish(self, _s: Status, _r: &str, _b: Option<u64>) -> Result<(), TrackingError> {
        Ok(())
    }
}
