//! The config that `burnlab init` writes for a file.

use crate::place::{Place, text};

#[track_caller]
fn run(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[track_caller]
fn refused(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    assert_eq!(output.status.code(), Some(1), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stderr)
}

/// Sixty rows whose class follows from `x`; `header` names three columns.
fn table(header: &str) -> String {
    let row = |i: usize| {
        format!(
            "{},{},{}\n",
            i * 37 % 61,
            ["red", "blue", "green"][i % 3],
            ["no", "yes"][usize::from(i * 37 % 61 > 30)]
        )
    };
    format!("{header}\n{}", (0..60).map(row).collect::<String>())
}

#[test]
fn the_config_for_a_table_passes_its_check_and_trains() {
    let place = Place::new();
    place.write("shop visits.csv", &table("x,colour,bought"));
    let told = run(&place, &["init", "shop visits.csv"]);
    assert!(
        told.contains("wrote  shop-visits.toml, to predict `bought` (chosen since it is the last column"),
        "{told}"
    );
    let config = std::fs::read_to_string(place.path("shop-visits.toml")).unwrap();
    for expected in [
        "\npath = \"shop visits.csv\"\n",
        "\ntarget = \"bought\"\n",
        "#   colour: 3 categories (blue, green, red)\n",
        "#   target `bought`: 2 classes (no 30, yes 30)\n",
        "\n# hidden = [64]\n",
    ] {
        assert!(config.contains(expected), "{expected:?} in {config}");
    }
    // What it says of the data is what the check says.
    let checked = run(&place, &["config", "check", "shop-visits.toml"]);
    assert!(checked.starts_with("shop-visits.toml: ok") && checked.contains("colour: 3 categories (blue, green, red)"));
    run(&place, &["--config", "shop-visits.toml", "-q", "--set", "training.max_epochs=2"]);
    assert!(run(&place, &["runs", "list"]).contains("shop-visits"));
    // Each key in a comment is one, and the network that is shown is the one that was chosen.
    let uncommented = |keep: &dyn Fn(&str) -> bool| -> String {
        let line = |line: &str| match line.strip_prefix("# ") {
            Some(key) if (key.contains(" = ") || key.starts_with('[')) && keep(key) => key.to_owned() + "\n",
            _ => line.to_owned() + "\n",
        };
        config.lines().map(line).collect()
    };
    let network = uncommented(&|key| !key.contains("COLUMN") && !key.contains("folds") && !key.contains("unknown"));
    place.write("chosen.toml", &network);
    let resolved = |file: &str| {
        let all = run(&place, &["config", "render", file]);
        all.lines().skip_while(|line| *line != "[model]").map(|line| line.to_owned() + "\n").collect::<String>()
    };
    let (of_data, of_file) = (resolved("shop-visits.toml"), resolved("chosen.toml"));
    for line in of_file
        .lines()
        .filter(|line| ["hidden", "batch_size", "weight_decay", "dropout"].iter().any(|key| line.starts_with(key)))
    {
        assert!(of_data.contains(line), "{line}");
    }
    place.write("all.toml", &uncommented(&|_| true).replace("\"COLUMN\"", "\"nowhere\""));
    assert!(refused(&place, &["config", "check", "all.toml"]).contains("nowhere"), "every key is known");
}

#[test]
fn no_file_is_overwritten_and_the_terminal_takes_it_too() {
    let place = Place::new();
    place.write("t.csv", &table("x,colour,class"));
    place.write("t.toml", "precious");
    let error = refused(&place, &["init", "t.csv"]);
    assert!(error.contains("t.toml is already there: remove it, or name another file with --output"), "{error}");
    assert_eq!(std::fs::read_to_string(place.path("t.toml")).unwrap(), "precious");
    run(&place, &["init", "t.csv", "--output", "other.toml"]);
    assert!(refused(&place, &["init", "t.csv", "--output", "other.toml"]).contains("other.toml is already there"));
    let shown = run(&place, &["init", "t.csv", "--output", "-"]);
    place.write("shown.toml", &shown);
    assert!(run(&place, &["config", "check", "shown.toml"]).contains("target `class`"));
    assert!(refused(&place, &["init", "t.csv", "-o", "nowhere/t.toml"]).contains("cannot write nowhere/t.toml"));
}

#[test]
fn the_target_is_the_given_one_or_the_one_so_named() {
    let place = Place::new();
    let target = |header: &str, more: &[&str]| {
        place.write("t.csv", &table(header));
        let config = run(&place, &[&["init", "t.csv", "-o", "-"], more].concat());
        config.lines().find_map(|line| line.strip_prefix("target = ")).map(str::to_owned).unwrap()
    };
    assert_eq!(target("x,Label,y2", &[]), "\"Label\"");
    assert_eq!(target("x,kind,y", &[]), "\"y\"");
    assert_eq!(target("x,\"the \"\"kind\"\"\",z", &["--target", "the \"kind\""]), "'the \"kind\"'");
    let error = refused(&place, &["init", "t.csv", "--target", "kinds"]);
    assert!(error.contains("t.csv has no column `kinds`"), "{error}");
    // A guess that cannot be learned says how to name another one.
    let names: String = (0..60).map(|i| format!("{i},{},name {i}\n", i % 2)).collect();
    place.write("names.csv", &format!("a,b,c\n{names}"));
    let error = refused(&place, &["init", "names.csv"]);
    assert!(
        error.contains("`c` was tried: name the column to predict, burnlab init names.csv --target COLUMN"),
        "{error}"
    );
    assert!(!place.path("names.toml").exists());
    assert!(refused(&place, &["init", "nowhere.csv"]).contains("no file `nowhere.csv`"));
    assert!(refused(&place, &["init", "-"]).contains("save them to a file first"));
    // Another kind of file.
    place.write("a.txt", &"the cat sat on the mat. the dog sat on the log. ".repeat(20));
    assert!(run(&place, &["init", "a.txt", "-o", "-"]).contains("task = \"language_model\""));
}
