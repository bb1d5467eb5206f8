//! Files as newcomers have them, and what they are told: tables without a header, folders of all kinds of images, damaged texts, and
//! the first config.

use std::fs;

use crate::place::{Place, png, refused, text, works};

/// The lines that `config check` prints for `file` and the target `y`.
#[track_caller]
fn checked(place: &Place, file: &str, target: &str, more: &str) -> String {
    place.write("c.toml", &format!("[data]\npath = \"{file}\"\ntarget = \"{target}\"\n{more}"));
    works(place, &["config", "check", "c.toml"])
}

/// Two classes of twenty images of 24 x 24 pixels in a folder.
fn images(place: &Place, folder: &str) {
    for i in 0..20 {
        png(&place.path(&format!("{folder}/cat/{i}.png")), [24, 24], 10 + i);
        png(&place.path(&format!("{folder}/dog/{i}.png")), [24, 24], 200 + i);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Tables

/// Rows of an age, a sum, a town and whether something was bought.
fn rows() -> String {
    let row = |i: usize| {
        format!(
            "{},{}.5,{},{}\n",
            20 + i * 37 % 50,
            1000 + i * 61 % 900,
            ["Köln", "Bonn", "Ulm"][i % 3],
            if i * 37 % 50 > 25 { "yes" } else { "no" }
        )
    };
    (0..80).map(row).collect()
}

#[test]
fn a_first_line_that_is_a_row_is_no_header() {
    let place = Place::new();
    place.write("d.csv", &rows());
    let error = text(&place.run(&["init", "d.csv"]).stderr);
    for part in [
        "d.csv:1: the first line is taken for the names of the columns, and looks like a row",
        "`20`, `1000.5` are numbers over numbers, and `Köln`, `no` are also cells below them",
        "set data.header = false; the columns are then `column_1` to `column_4`",
        "burnlab init d.csv --set data.header=false",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(!error.contains("--target"), "{error}");
    // The advice works as it is written, and stays in the config.
    works(&place, &["init", "d.csv", "--set", "data.header=false"]);
    let config = fs::read_to_string(place.path("d.toml")).unwrap();
    assert!(config.contains("\nheader = false\n") && config.contains("\ntarget = \"column_4\"\n"), "{config}");
    let told = works(&place, &["config", "check", "d.toml"]);
    assert!(told.contains("80 rows, 3 inputs") && told.contains("target `column_4`: 2 classes"), "{told}");
    // Nor does training take it for one.
    place.write("c.toml", "[data]\npath = \"d.csv\"\ntarget = \"no\"\n");
    refused(&place, &["--config", "c.toml"], "set data.header = false");
    // Where it is only likely, a note says so; a header is no matter for one.
    place.write("d.csv", &"1,5,2\n3,4,5\n2,2,9\n".repeat(20).replacen("1,5,2", "1,5,3", 1));
    let told = checked(&place, "d.csv", "3", "");
    let note =
        "is all numbers (if it is a row, set data.header = false; the columns are then `column_1` to `column_3`)";
    assert!(told.contains(note), "{told}");
    place.write("d.csv", &format!("age,sum,town,bought\n{}", rows()));
    assert!(!checked(&place, "d.csv", "bought", "").contains("data.header"));
}

#[test]
fn lines_above_the_header_that_are_filled_up_with_delimiters_are_skipped() {
    let place = Place::new();
    let rows: String = (0..60).map(|i| format!("{};{},5;{}\n", i * 37 % 61, i * 17 % 40, i % 2)).collect();
    place.write("d.csv", &format!("Name: Test;;\nDatum: 01.02.2024;;\n;;\nx;z;y\n{rows}"));
    let told = checked(&place, "d.csv", "y", "");
    assert!(told.contains("60 rows, 2 inputs"), "{told}");
    assert!(told.contains("note: skipped above the header: `Name: Test;;`, `Datum: 01.02.2024;;`"), "{told}");
}

#[test]
fn one_damaged_byte_does_not_garble_a_file() {
    let place = Place::new();
    let text = format!("age,sum,town,bought\n{}", rows());
    let mut bytes = text.into_bytes();
    // The ö of the third Köln, as Latin-1 writes it.
    let at = bytes.windows(2).enumerate().filter(|(_, pair)| *pair == "ö".as_bytes()).nth(2).unwrap().0;
    let line = 1 + bytes[..at].iter().filter(|&&byte| byte == b'\n').count();
    bytes.splice(at..at + 2, [0xf6]);
    fs::write(place.path("d.csv"), &bytes).unwrap();
    let error = text_of_refusal(&place, &["init", "d.csv"]);
    let expected = format!("d.csv:{line}: column `town` holds `K\u{fffd}ln`, which is not UTF-8: correct it");
    assert!(error.contains(&expected), "{error}");
    // All of it in Latin-1 is read as before.
    let latin: Vec<u8> =
        String::from_utf8_lossy(&bytes).chars().map(|char| if char.is_ascii() { char as u8 } else { 0xf6 }).collect();
    fs::write(place.path("d.csv"), latin).unwrap();
    let told = checked(&place, "d.csv", "bought", "");
    assert!(told.contains("read as windows-1252") && told.contains("(Bonn, Köln, Ulm)"), "{told}");
}

#[track_caller]
fn text_of_refusal(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    assert_eq!(output.status.code(), Some(1), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stderr)
}

#[test]
fn entities_that_are_written_in_two_ways_are_told() {
    let place = Place::new();
    let row = |i: usize| format!("{},{},{}\n", i * 37 % 61, i % 2, ["P1", "p1 ", "P2", "P3", "p-4"][i % 5]);
    place.write("d.csv", &format!("x,y,patient\n{}", (0..100).map(row).collect::<String>()));
    let told = checked(&place, "d.csv", "y", "group = \"patient\"\n");
    let note = "note: data.group, column `patient`: `P1` 20, `p1` 20 are different names";
    assert!(told.contains(note), "{told}");
}

#[test]
fn a_markdown_table_is_called_one() {
    let place = Place::new();
    let rows: String = (0..40).map(|i| format!("| {} | {} |\n", i * 37 % 61, ["no", "yes"][i % 2])).collect();
    place.write("d.md", &format!("| x | bought |\n|---|---|\n{rows}"));
    refused(&place, &["init", "d.md"], "d.md is a Markdown table: remove its second line, that of dashes");
    place.write("d.md", &format!("| x | bought |\n{rows}"));
    let told = works(&place, &["init", "d.md"]);
    assert!(told.contains("40 rows, 1 input") && told.contains("target `bought`: 2 classes"), "{told}");
}

#[test]
fn a_table_of_predictions_has_the_name_of_one() {
    let place = Place::new();
    for verb in [&["predict", "latest", "d.csv"][..], &["evaluate", "latest"], &["runs", "export"]] {
        refused(
            &place,
            &[verb, &["-o", "out.xlsx"]].concat(),
            "out.xlsx is to be a table in CSV, which its name does not say: write out.csv",
        );
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Folders of images

#[track_caller]
fn written(place: &Place, data: &str) -> String {
    works(place, &["init", data, "-o", "-"])
}

#[test]
fn the_shape_of_images_is_that_of_most() {
    let place = Place::new();
    images(&place, "photos");
    // The first file, and then the last one.
    for odd in ["photos/cat/0.png", "photos/dog/9.png"] {
        let before = fs::read(place.path(odd)).unwrap();
        png(&place.path(odd), [300, 10], 90);
        let config = written(&place, "photos");
        assert!(config.contains("\nimage_shape = [24, 24]\n"), "{config}");
        let note = format!(
            "#   note: 1 of 40 images has other proportions than most, which have 24 x 24 pixels, such as {odd} with 10 x 300: all \
             are brought to 24 x 24"
        );
        assert!(config.contains(&note), "{config}");
        fs::write(place.path(odd), before).unwrap();
    }
    assert!(!written(&place, "photos").contains("proportions"));
}

#[test]
fn what_a_folder_has_beside_its_images_is_left_out_with_a_note_or_ignored() {
    let place = Place::new();
    images(&place, "photos");
    png(&place.path("photos/cat/sub/3.png"), [24, 24], 0);
    let config = written(&place, "photos");
    let note =
        "#   note: left out 1 image in folders inside those of the classes, such as cat/sub: move them up to use them";
    assert!(config.contains(note) && config.contains("40 rows"), "{config}");
    fs::remove_dir_all(place.path("photos/cat/sub")).unwrap();
    // What systems leave there is nothing to tell.
    png(&place.path("photos/__MACOSX/cat/._1.png"), [24, 24], 0);
    for file in ["Thumbs.db", ".DS_Store", "cat/Thumbs.db", "cat/._1.png", "dog/desktop.ini"] {
        place.write(&format!("photos/{file}"), "");
    }
    let config = written(&place, "photos");
    assert!(config.contains("40 rows") && !config.contains("left out") && !config.contains("note"), "{config}");
    fs::create_dir_all(place.path("photos/bird/new")).unwrap();
    refused(
        &place,
        &["init", "photos"],
        "a folder without an image of its own, bird, beside those of classes: move the images of bird/new up",
    );
}

#[test]
fn a_folder_for_each_part_is_named_with_the_keys_that_read_it() {
    let place = Place::new();
    for part in ["test", "train", "val"] {
        images(&place, &format!("split/{part}"));
    }
    let error = text_of_refusal(&place, &["init", "split"]);
    let advice = "name the one of the training images, \"split/train\", and the one of the test images as data.test_path = \
                  \"split/test\"";
    assert!(error.contains(advice), "{error}");
    let told = works(&place, &["init", "split/train", "--set", "data.test_path=\"split/test\""]);
    assert!(told.contains("34 training, 6 validation, 40 test rows"), "{told}");
    assert!(works(&place, &["config", "check", "train.toml"]).contains("40 test rows"));
}

// ---------------------------------------------------------------------------------------------------------------------
// The first config

#[test]
fn only_a_wrong_target_is_answered_by_naming_one() {
    let place = Place::new();
    images(&place, "photos");
    place.write("photos/cat/5.png", "\u{89}PNG is damaged");
    let error = text_of_refusal(&place, &["init", "photos"]);
    assert!(error.contains("photos/cat/5.png is") && !error.contains("--target"), "{error}");
    let names: String = (0..60).map(|i| format!("key-{i},{}\n", i % 2)).collect();
    place.write("names.csv", &format!("code,bought\n{names}"));
    let error = text_of_refusal(&place, &["init", "names.csv"]);
    assert!(error.contains("has no input column left") && !error.contains("--target"), "{error}");
    assert!(error.contains("burnlab init names.csv --set 'data.categorical=[\"COLUMN\"]'"), "{error}");
}

#[test]
fn what_init_is_told_by_set_is_in_the_config() {
    let place = Place::new();
    let rows: String = (0..60).map(|i| format!("{};1,{:03};{}\n", i * 37 % 61, i * 7 % 900, i % 2)).collect();
    place.write("d.csv", &format!("x;price;y\n{rows}"));
    let sets = [
        "data.decimal=\",\"",
        "training.max_epochs=3",
        "training.early_stopping.patience=9",
        "model.hidden=[8]",
        "seed=7",
    ];
    let arguments: Vec<&str> =
        ["init", "d.csv"].into_iter().chain(sets.iter().flat_map(|set| ["--set", set])).collect();
    works(&place, &arguments);
    let config = fs::read_to_string(place.path("d.toml")).unwrap();
    for line in [
        "seed = 7  ",
        "decimal = \",\"\n",
        "[model]\nhidden = [8]\n",
        "[training]\nmax_epochs = 3\nearly_stopping = { patience = 9 }\n",
        "# batch_size = ",
    ] {
        assert!(config.contains(&format!("\n{line}")), "{line}: {config}");
    }
    assert!(!config.contains("# hidden") && !config.contains("# max_epochs"), "{config}");
    let rendered = works(&place, &["config", "render", "d.toml"]);
    for line in ["seed = 7\n", "max_epochs = 3\n", "patience = 9\n", "hidden = [8]\n", "decimal = \",\"\n"] {
        assert!(rendered.contains(line), "{line}: {rendered}");
    }
    works(&place, &["--config", "d.toml", "-q"]);
    // Keys that take the place of a line that is always written.
    fs::remove_file(place.path("d.toml")).unwrap();
    works(&place, &["init", "d.csv", "--set", "data.folds=4", "--set", "data.decimal=\",\"", "--set", "data.target=x"]);
    let told = works(&place, &["config", "check", "d.toml"]);
    assert!(told.contains("target `x`"), "{told}");
    for (set, expected) in [
        ("data.nonsense=1", "--set data.nonsense=1: unknown key"),
        ("data.path=e.csv", "--set data.path: the data are those that are named, d.csv"),
    ] {
        refused(&place, &["init", "d.csv", "-o", "e.toml", "--set", set], expected);
    }
    refused(&place, &["init", "d.csv", "-o", "e.toml", "-t", "x", "--set", "data.target=y"], "keep one");
}

#[test]
fn reviews_and_names_of_images_are_read_as_what_they_are() {
    let place = Place::new();
    let row = |i: usize| format!("\"{} it so much on day {i}\",{}\n", ["love", "hate"][i % 2], 5 - 4 * (i % 2));
    place.write("reviews.csv", &format!("review,stars\n{}", (0..80).map(row).collect::<String>()));
    let told = works(&place, &["init", "reviews.csv"]);
    assert!(told.contains("target `stars`"), "{told}");
    assert!(fs::read_to_string(place.path("reviews.toml")).unwrap().contains("\ntext = [\"review\"]\n"));
    works(&place, &["--config", "reviews.toml", "-q", "--set", "training.max_epochs=2"]);

    images(&place, "photos");
    let row = |i: usize| format!("photos/{}/{}.png,{}\n", ["cat", "dog"][i % 2], i / 2, [10, 20][i % 2] + i % 7);
    place.write("prices.csv", &format!("file,price\n{}", (0..40).map(row).collect::<String>()));
    let told = works(&place, &["init", "prices.csv"]);
    assert!(told.contains("images of 24 x 24 pixels") && told.contains("target `price`"), "{told}");
    let config = fs::read_to_string(place.path("prices.toml")).unwrap();
    assert!(config.contains("\nimages = \"file\"\n") && config.contains("\nimage_shape = [24, 24]\n"), "{config}");
    works(&place, &["--config", "prices.toml", "-q", "--set", "training.max_epochs=2", "--set", "model.kind=mlp"]);
}
