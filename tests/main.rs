//! All integration tests in one binary: Burn's generics are compiled once.
//!
//! Something new about ... goes into ...
//! - loading, splitting, preparing data: `data`
//! - rows divided by entity, by time, by a column, repeated folds: `splits`
//! - cells as people write them (numbers, dates, labels, encodings, odd cells): `tables`
//! - tables in other formats than CSV, and in several files: `formats`; numbers by their type beside those of texts: `notation`
//! - what must hold for any input: `properties`; inputs of extreme sizes: `extremes`; large tables: `large`, kept in a file: `cache`; a fuzzer's: `fuzz/`, by `.ci/fuzz`
//! - gradients, losses, update rules, metrics against independent figures: `numbers`
//! - shapes, gradients and attention of each kind of network: `kinds`
//! - learning rates, logits and batches at their limits: `limits`
//! - what a training reaches, stops at, keeps and repeats: `training`
//! - several columns predicted at once: `several_targets`, several labels in a cell: `separated_labels`; quantiles and ordered classes: `ranks`
//! - a trained model used again (evaluate, predict, resume, fine-tune): `reuse`
//! - several runs as one model (`--ensemble`): `ensemble`
//! - texts, language models, `generate`: `language`
//! - temperatures: `calibration`; how often sets and intervals hold the truth: `coverage`
//! - several seeds of one config, and the verdict on two configs: `seeds`
//! - sweeps over configs, workers that are lost, cross-validation: `sweep`
//! - the search around a config, and its verdict: `tune`
//! - workers on several hosts, PostgreSQL, Slurm: `hosts`
//! - pictures and reports of real runs: `pictures` (their drawing: `src/plots/tests/`)
//! - the ONNX writer: `onnx`; the web page of a model, in a real browser: `page`
//! - the command line, its errors and its files: `cli`; the program alone in an empty folder: `anywhere`
//! - `doctor` where something is wrong: `doctor`
//! - every verb as a process, on both databases: `verbs`
//! - data that are not what they seem, and what is told of them: `told`; files as newcomers have them: `newcomers`
//! - the network and training chosen by the data, the second training: `recipe`
//! - what a run and `config check` advise to do next: `hints`
//! - the config that is written for a file: `init`
//! - a disk that fails at each write, and a kill at each write: `faults`; kills at random moments: `kills`
//! - experiments whose names are alike, models that are not what their folder says: `names`
//! - results that were changed after the training, shared folders, locked stores: `altered`
//! - run folders from somebody else: links, pipes, huge files in place of each file: `strangers`
//! - other users of the machine: tokens, passwords, stores that cannot be written, names from elsewhere: `others`
//! - what other users have planted beside stores, data and outputs, and limits on processes and files: `planted`
//! - what is closed to other users stays so: inherited lists, what goes on from a closed run, pictures, caches: `closed`
//! - clients of servers that send names of files, images and tables of odd shapes, names in a command line, full disks: `outsiders`
//! - run folders and the store: `src/tracking/tests.rs`
//! - hostile text, pictures and strangers, in a real browser: `hostile`
//! - the dashboard in a real browser: `browser`, its charts: `charts`, what users arrange there: `chosen`, experiments: `home`, live and failed runs: `states`, what users do there with how many clicks: `tasks` (its routes and guard: `src/dashboard/tests.rs`)
//! - a thousand readers of a dashboard, clients that delete while processes train: `crowd`
//! - every shipped config: `shipped`; the README and the guide, their commands and figures: `guide`
//! - contributions of columns, partial dependence: `explain`
//! - one step of gradient descent as text: `explain_step`
//! - columns of free texts: `text_columns`; of very many categories: `rare_categories`
//! - the lessons of `burnlab learn`, their languages and measured numbers: `learn`; in a browser: `learn_page`; their routes:
//!   `src/learn/tests`
//! - `serve`: predictions by HTTP: `serving`; burnlab as a library, and the examples: `library`
//! - the layering of `src/`: `layers`; the documentation of what is public: `documented`
//!
//! Tests without their tool (a browser, ONNX Runtime, a Vulkan device, a PostgreSQL server) pass, and are counted by
//! `without_tools`; `BURNLAB_REQUIRE_ALL=1` (CI) makes them fail. `BURNLAB_TEST_SEED=N` repeats what the tests that kill
//! at random moments drew, which they print.

#[path = "burnlab/altered.rs"]
mod altered;
#[path = "burnlab/anywhere.rs"]
mod anywhere;
#[path = "burnlab/browser.rs"]
mod browser;
#[path = "burnlab/cache.rs"]
mod cache;
#[path = "burnlab/calibration.rs"]
mod calibration;
#[path = "burnlab/charts.rs"]
mod charts;
#[path = "burnlab/chosen.rs"]
mod chosen;
#[path = "burnlab/cli.rs"]
mod cli;
#[cfg(unix)]
#[path = "burnlab/closed.rs"]
mod closed;
#[path = "burnlab/counts.rs"]
mod counts;
#[path = "burnlab/coverage.rs"]
mod coverage;
#[path = "burnlab/crowd.rs"]
mod crowd;
#[path = "burnlab/data.rs"]
mod data;
#[path = "burnlab/doctor.rs"]
mod doctor;
#[path = "burnlab/documented.rs"]
mod documented;
#[path = "burnlab/ensemble.rs"]
mod ensemble;
#[path = "burnlab/explain.rs"]
mod explain;
#[path = "burnlab/explain_step.rs"]
mod explain_step;
#[path = "burnlab/extremes.rs"]
mod extremes;
#[path = "burnlab/faults.rs"]
mod faults;
#[path = "burnlab/formats.rs"]
mod formats;
#[path = "burnlab/guide.rs"]
mod guide;
#[path = "burnlab/hints.rs"]
mod hints;
#[path = "burnlab/home.rs"]
mod home;
#[path = "burnlab/hostile.rs"]
mod hostile;
#[path = "burnlab/hosts.rs"]
mod hosts;
#[path = "burnlab/images.rs"]
mod images;
#[path = "burnlab/init.rs"]
mod init;
#[path = "burnlab/kernels.rs"]
mod kernels;
#[path = "burnlab/kills.rs"]
mod kills;
#[path = "burnlab/kinds.rs"]
mod kinds;
#[path = "burnlab/lab.rs"]
mod lab;
#[path = "burnlab/language.rs"]
mod language;
#[path = "burnlab/large.rs"]
mod large;
#[path = "burnlab/layers.rs"]
mod layers;
#[path = "burnlab/learn.rs"]
mod learn;
#[path = "burnlab/learn_page.rs"]
mod learn_page;
#[path = "burnlab/library.rs"]
mod library;
#[path = "burnlab/limits.rs"]
mod limits;
#[path = "burnlab/modules.rs"]
mod modules;
#[path = "burnlab/names.rs"]
mod names;
#[path = "burnlab/newcomers.rs"]
mod newcomers;
#[path = "burnlab/notation.rs"]
mod notation;
#[path = "burnlab/numbers.rs"]
mod numbers;
#[path = "burnlab/onnx.rs"]
mod onnx;
#[cfg(target_os = "linux")]
#[path = "burnlab/others.rs"]
mod others;
#[path = "burnlab/outsiders.rs"]
mod outsiders;
#[path = "burnlab/page.rs"]
mod page;
#[path = "burnlab/pictures.rs"]
mod pictures;
#[path = "burnlab/place.rs"]
mod place;
#[cfg(unix)]
#[path = "burnlab/planted.rs"]
mod planted;
#[path = "burnlab/properties.rs"]
mod properties;
#[path = "burnlab/ranks.rs"]
mod ranks;
#[path = "burnlab/rare_categories.rs"]
mod rare_categories;
#[path = "burnlab/recipe.rs"]
mod recipe;
#[path = "burnlab/reuse.rs"]
mod reuse;
#[path = "burnlab/seeds.rs"]
mod seeds;
#[path = "burnlab/separated_labels.rs"]
mod separated_labels;
#[path = "burnlab/served.rs"]
mod served;
#[path = "burnlab/serving.rs"]
mod serving;
#[path = "burnlab/several_targets.rs"]
mod several_targets;
#[path = "burnlab/shipped.rs"]
mod shipped;
#[cfg(unix)]
#[path = "burnlab/splits.rs"]
mod splits;
#[path = "burnlab/states.rs"]
mod states;
#[path = "burnlab/strangers.rs"]
mod strangers;
#[path = "burnlab/sweep.rs"]
mod sweep;
#[path = "burnlab/tables.rs"]
mod tables;
#[path = "burnlab/tasks.rs"]
mod tasks;
#[path = "burnlab/tasks_kept.rs"]
mod tasks_kept;
#[path = "burnlab/tasks_reach.rs"]
mod tasks_reach;
#[path = "burnlab/tested_rows.rs"]
mod tested_rows;
#[path = "burnlab/text_columns.rs"]
mod text_columns;
#[path = "burnlab/thresholds.rs"]
mod thresholds;
#[path = "burnlab/told.rs"]
mod told;
#[path = "burnlab/training.rs"]
mod training;
#[path = "burnlab/tune.rs"]
mod tune;
#[path = "burnlab/verbs.rs"]
mod verbs;
#[path = "burnlab/walk.rs"]
mod walk;
#[path = "burnlab/webdriver.rs"]
mod webdriver;
#[path = "burnlab/weights.rs"]
mod weights;
#[path = "fuzz/whole_way.rs"]
mod whole_way;
#[path = "burnlab/without_tools.rs"]
mod without_tools;

/// Whether a Vulkan device answers.
fn wgpu_is_here() -> bool {
    let found = std::env::var_os("VK_ICD_FILENAMES").is_some() || std::env::var_os("VK_DRIVER_FILES").is_some();
    if !found {
        without_tools::skip("Vulkan device");
    }
    found
}
