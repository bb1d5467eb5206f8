//! Folders of image files, and tables that name them.

use std::path::{Path, PathBuf};

use burnlab::data::{DataConfig, Dataset, ImageShape, Source, Target, load};
use png::{BitDepth, ColorType, Encoder};

use crate::place::{Place, text};

/// Writes a PNG file, and the folders that it is in.
fn png(path: &Path, [height, width]: [u32; 2], color: ColorType, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut encoder = Encoder::new(std::fs::File::create(path).unwrap(), width, height);
    encoder.set_color(color);
    encoder.set_depth(BitDepth::Eight);
    encoder.write_header().unwrap().write_image_data(bytes).unwrap();
}

/// The first `count` digits as images from 0 to 240 in a folder for each class; of the 1,797 there are, the first ones once
/// more, a column further right.
pub fn digits(folder: &Path, count: usize) {
    let dataset = load(&DataConfig { source: Some(Source::Digits), ..DataConfig::default() }).unwrap();
    let Target::Classes { names, labels } = &dataset.target else { panic!("digits are classes") };
    for row in 0..count {
        let (original, shift) = (row % dataset.num_rows(), row / dataset.num_rows());
        let pixel = |i: usize| if i % 8 < shift { 0.0 } else { dataset.row(original)[i - shift] };
        let bytes: Vec<u8> = (0..64).map(|i| (pixel(i) * 15.0) as u8).collect();
        let path = folder.join(&names[labels[original] as usize]).join(format!("{row:04}.png"));
        png(&path, [8, 8], ColorType::Grayscale, &bytes);
    }
}

fn jpeg(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images").join(name)
}

fn config(path: &Path, shape: &[usize]) -> DataConfig {
    let image_shape = Some(ImageShape::try_from(shape.to_vec()).unwrap());
    DataConfig { path: Some(path.to_owned()), image_shape, ..DataConfig::default() }
}

#[track_caller]
fn refused(config: &DataConfig) -> String {
    match load(config) {
        Ok(dataset) => panic!("it was read: {:?}", dataset.describe()),
        Err(invalid) => invalid.message,
    }
}

/// Levels from 0 to 255 of row `i`.
fn levels(dataset: &Dataset, i: usize) -> Vec<i32> {
    dataset.row(i).iter().map(|cell| (cell * 255.0).round() as i32).collect()
}

#[test]
fn a_folder_of_two_thousand_images_trains_by_its_config() {
    let place = Place::new();
    digits(&place.path("images"), 2000);
    // Of 20 epochs: enough to be far from guessing.
    let epochs = ["--set", "training.max_epochs=4"];
    let output = place.run(&[&["--config", "image-folder"][..], &epochs].concat());
    let told = text(&output.stdout);
    assert!(output.status.success(), "{told}{}", text(&output.stderr));
    assert!(told.contains("images: 2000 rows, 64 inputs\n       images of 8 x 8 pixels\n"), "{told}");
    let evaluation = crate::place::json(place.only_run().join("evaluation.json"));
    let accuracy =
        evaluation["metrics"].as_array().unwrap().iter().find(|metric| metric["name"] == "accuracy").unwrap();
    let accuracy = accuracy["value"].as_f64().unwrap();
    assert!(accuracy > 0.85, "{accuracy}");

    // New images, in a folder without classes, with their names; one image; the folder with its classes again.
    for (row, class) in [(0, 0), (1, 1), (2, 2)] {
        let from = place.path(&format!("images/{class}/{row:04}.png"));
        std::fs::create_dir_all(place.path("new")).unwrap();
        std::fs::copy(from, place.path(&format!("new/{row}.png"))).unwrap();
    }
    std::fs::write(place.path("new/notes.txt"), "no image").unwrap();
    let run = |arguments: &[&str]| {
        let output = place.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let predicted = run(&["predict", "image-folder", "new", "--keep", "file"]);
    let lines: Vec<&str> = predicted.lines().collect();
    assert!(lines[0].starts_with("row,file,predicted,probability_0,"), "{predicted}");
    for (row, line) in lines[1..].iter().enumerate() {
        assert!(line.starts_with(&format!("{row},{row}.png,{row},")), "{predicted}");
    }
    let one = run(&["predict", "image-folder", "new/2.png"]);
    let without_names = lines[3].replacen("2,2.png,", "0,", 1);
    assert_eq!(one.lines().nth(1), Some(&*without_names));
    let evaluated = run(&["evaluate", "image-folder", "--data", "images"]);
    assert!(evaluated.contains("2000 rows"), "{evaluated}");

    // A network that knows pixels from elsewhere would misread them.
    run(&["--config", "digits", "-q", "--set", "training.max_epochs=1"]);
    let output = place.run(&["predict", "digits", "new"]);
    let error = text(&output.stderr);
    assert!(!output.status.success() && error.contains("the model was not trained on image files"), "{error}");
}

#[test]
fn the_config_that_init_writes_for_a_folder_trains() {
    let place = Place::new();
    for (class, level) in [("day", 200), ("night", 20)] {
        for i in 0..20 {
            let bytes: Vec<u8> = (0..6 * 100 * 3).map(|at| level + (at * i % 40) as u8).collect();
            png(&place.path(&format!("sky/{class}/{i}.png")), [6, 100], ColorType::Rgb, &bytes);
        }
    }
    let output = place.run(&["init", "sky"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let written = std::fs::read_to_string(place.path("sky.toml")).unwrap();
    assert!(written.contains("\npath = \"sky\"\n") && written.contains("\ntarget = \"label\"\n"), "{written}");
    // The longer side is 64.
    assert!(written.contains("\nimage_shape = [3, 64, 3]\n"), "{written}");
    assert!(written.contains("#   images of 3 x 64 pixels, each red, green and blue\n"), "{written}");
    let output = place.run(&["--config", "sky.toml", "--set", "training.max_epochs=2", "--set", "model.kind=mlp"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn a_table_names_images_and_what_is_known_of_them() {
    let place = Place::new();
    let mut table = "photo,bought,patient,note\n".to_owned();
    for i in 0..12u8 {
        png(&place.path(&format!("photos/{i}.png")), [2, 2], ColorType::Grayscale, &[i, 255 - i, 0, 7 * i]);
        table += &format!("photos/{i}.png,{},p{},n{i}\n", if i % 2 == 0 { "no" } else { "yes" }, i / 2);
    }
    let path = place.write("table.csv", &table);
    let base = DataConfig {
        images: Some("photo".into()),
        target: Some("bought".into()),
        group: Some("patient".into()),
        ..config(&path, &[2, 2])
    };
    let dataset = load(&base).unwrap();
    assert_eq!(levels(&dataset, 3), [3, 252, 0, 21]);
    let names: Vec<&str> = dataset.columns.iter().map(|column| &*column.name).collect();
    assert_eq!(names, ["pixel_0_0", "pixel_0_1", "pixel_1_0", "pixel_1_1"]);
    assert_eq!(dataset.image_shape, Some([2, 2].into()));
    let expected = "no inputs, which are the pixels of the images: `note`";
    assert!(dataset.notes.iter().any(|note| note == expected), "{:?}", dataset.notes);
    // A number to predict.
    let numbers = table.replace(",no,", ",1.5,").replace(",yes,", ",2.25,");
    let path = place.write("numbers.csv", &numbers);
    let dataset = load(&DataConfig { path: Some(path), ..base.clone() }).unwrap();
    assert!(matches!(&dataset.target, Target::Numbers(numbers) if numbers[..2] == [1.5, 2.25]));

    for (change, expected) in [
        (table.replace("photos/5.png", "photos/five.png"), "broken.csv:7: there is no image "),
        (table.replace("photos/5.png", ""), "broken.csv:7: column `photo` names no image file"),
        (table.replace("photo,", "picture,"), "broken.csv has no column `photo`. It has picture, bought"),
        (table.replace("note\n", "pixel_0_1\n"), "broken.csv has a column `pixel_0_1`, as that of a pixel: rename it"),
    ] {
        let path = place.write("broken.csv", &change);
        let message = refused(&DataConfig { path: Some(path), ..base.clone() });
        let shown = message
            .replace(&format!("{}/", place.path("").display()), "")
            .replace(&*place.path("").to_string_lossy(), "");
        assert!(shown.starts_with(expected), "{shown}");
    }
    let message = refused(&DataConfig { image_shape: None, ..base });
    assert!(message.starts_with("data.images needs data.image_shape"), "{message}");
}

#[test]
fn jpeg_and_colours_are_read_as_pillow_reads_them() {
    let place = Place::new();
    for (class, file) in [("a", "turned.jpg"), ("b", "grey.jpg")] {
        std::fs::create_dir_all(place.path(&format!("set/{class}"))).unwrap();
        std::fs::copy(jpeg(file), place.path(&format!("set/{class}/1.JPG"))).unwrap();
    }
    // ImageOps.exif_transpose(Image.open(file)).resize((3, 2), Image.BILINEAR), which decodes with another library.
    let turned = [192, 198, 219, 150, 143, 85, 230, 199, 20, 48, 66, 136, 129, 124, 72, 230, 199, 20];
    let grey = [199, 138, 188, 69, 120, 188].map(|level| [level; 3]).concat();
    let dataset = load(&config(&place.path("set"), &[2, 3, 3])).unwrap();
    for (row, expected) in [(0, &turned[..]), (1, &grey)] {
        let found = levels(&dataset, row);
        let is_near = found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() <= 3);
        assert!(is_near && found.len() == expected.len(), "{found:?}\n{expected:?}");
    }
    assert_eq!(dataset.columns[4].name, "pixel_0_1_green");
    let colours = dataset.fingerprint();
    let grey = load(&config(&place.path("set"), &[2, 3])).unwrap();
    assert_eq!((grey.columns.len(), grey.fingerprint() == colours), (6, false));
}

#[test]
fn webp_is_read_as_pillow_reads_it() {
    let place = Place::new();
    for (class, file) in [("a", "lossless.webp"), ("b", "animated.webp"), ("c", "lossy.webp")] {
        std::fs::create_dir_all(place.path(&format!("set/{class}"))).unwrap();
        std::fs::copy(jpeg(file), place.path(&format!("set/{class}/1.webp"))).unwrap();
    }
    let dataset = load(&config(&place.path("set"), &[5, 6, 3])).unwrap();
    // As tests/images/README.md says; what is transparent is white.
    let byte = |i: usize| (i * i * 7 % 256) as i32;
    let over_white = |i: usize| {
        let opacity = byte(i / 3 * 4 + 3);
        (byte(i / 3 * 4 + i % 3) * opacity + 255 * (255 - opacity) + 127) / 255
    };
    assert_eq!(levels(&dataset, 0), (0..90).map(over_white).collect::<Vec<_>>());
    assert_eq!(levels(&dataset, 1), (0..90).map(|i| byte(i / 3 * 4 + i % 3)).collect::<Vec<_>>());
    let dataset = load(&config(&place.path("set"), &[2, 3, 3])).unwrap();
    // Image.open("lossy.webp").resize((3, 2), Image.BILINEAR)
    let expected = [193, 199, 216, 151, 143, 84, 231, 198, 23, 50, 66, 133, 129, 124, 72, 231, 198, 23];
    let found = levels(&dataset, 2);
    let is_near = found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() <= 2);
    assert!(is_near && found.len() == expected.len(), "{found:?}\n{expected:?}");
}

#[test]
fn what_is_wrong_with_an_image_is_one_clear_line() {
    let place = Place::new();
    let set = place.path("set");
    for class in ["a", "b"] {
        for i in 0..3u8 {
            png(&set.join(format!("{class}/{i}.png")), [1, 2], ColorType::Grayscale, &[i, 3]);
        }
    }
    let whole = std::fs::read(set.join("a/0.png")).unwrap();
    let shot = std::fs::read(jpeg("turned.jpg")).unwrap();
    let webp = std::fs::read(jpeg("lossless.webp")).unwrap();
    // 14 bits of the width and 14 of the height after the first byte of the picture.
    let mut large = webp.clone();
    let header = large.windows(4).position(|bytes| bytes == b"VP8L").unwrap() + 9;
    large[header..header + 4].copy_from_slice(&[0xfe, 0xbf, 0xff, 0x0f]);
    // 60,000 x 60,000 pixels of nothing: some bytes that would take 3.6 GB.
    let mut bomb = whole.clone();
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let mut crc = flate2::Crc::new();
    crc.update(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    flipped[45] ^= 0xff;
    for (bytes, expected) in [
        (b"".to_vec(), "is empty"),
        (b"hello".to_vec(), "is neither PNG, JPEG nor WebP: convert it, or remove it"),
        (b"GIF89a".to_vec(), "is a GIF image, and only PNG, JPEG and WebP are read: convert it"),
        (b"RIFF\0\0\0\0WEBPVP8 ".to_vec(), "is a damaged WebP file: "),
        (webp[..webp.len() / 2].to_vec(), "is a damaged WebP file: "),
        (large, "claims 16383 x 16383 pixels, and no image may have more than 120 million: make it smaller"),
        (whole[..40].to_vec(), "is a damaged PNG file: "),
        (flipped, "is a damaged PNG file: "),
        (bomb, "claims 60000 x 60000 pixels, and no image may have more than 120 million: make it smaller"),
        (shot[..shot.len() / 2].to_vec(), "is a damaged JPEG file: it is cut off"),
        ([&shot[..300], &[0xff, 0xda, 0xff, 0xd9]].concat(), "is a damaged JPEG file: "),
    ] {
        std::fs::write(set.join("b/1.png"), bytes).unwrap();
        let message = refused(&config(&set, &[1, 2]));
        assert!(message.starts_with(&format!("{}/b/1.png {expected}", set.display())), "{message}");
    }
    std::fs::remove_file(set.join("b/1.png")).unwrap();
    std::fs::create_dir(set.join("b/1.png")).unwrap();
    std::fs::write(set.join("b/.hidden.png"), "").unwrap();
    let dataset = load(&config(&set, &[1, 2])).unwrap();
    assert_eq!(dataset.num_rows(), 5, "neither folders nor hidden files are images");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(set.join("a/0.png"), set.join("b/link.png")).unwrap();
        assert_eq!(load(&config(&set, &[1, 2])).unwrap().num_rows(), 6, "a link is what it leads to");
        std::fs::remove_file(set.join("b/link.png")).unwrap();
        std::os::unix::fs::symlink("nowhere", set.join("b/link.png")).unwrap();
        assert!(refused(&config(&set, &[1, 2])).contains("b/link.png cannot be read"));
        std::fs::remove_file(set.join("b/link.png")).unwrap();
        // It would wait for a writer for ever.
        let pipe = std::process::Command::new("mkfifo").arg(set.join("b/pipe.png")).status();
        assert!(pipe.unwrap().success());
        assert!(refused(&config(&set, &[1, 2])).ends_with("b/pipe.png is not a regular file"));
        std::fs::remove_file(set.join("b/pipe.png")).unwrap();
    }

    let without_shape = DataConfig { image_shape: None, ..config(&set, &[1, 2]) };
    let message = refused(&without_shape);
    assert!(message.ends_with("are brought to: set data.image_shape = [1, 2]"), "{message}");
    let message = refused(&config(&set.join("a"), &[1, 2]));
    assert!(message.contains("has images, but no folder for each class"), "{message}");
    let message = refused(&config(&place.path(""), &[1, 2]));
    assert!(message.contains("has folders of folders, such as set: name the one"), "{message}");
    std::fs::create_dir(place.path("set/c")).unwrap();
    let message = refused(&config(&place.path("set/c"), &[1, 2]));
    assert!(message.contains("is a folder without PNG, JPEG or WebP images: data.path names"), "{message}");
    let message = refused(&config(&set.join("a/0.png"), &[1, 2]));
    assert!(message.contains("is one image: name a folder"), "{message}");
    let message = refused(&config(&set, &[4000, 4000]));
    assert!(message.contains("an image file may become at most 1048576 numbers"), "{message}");
    let message = refused(&DataConfig { delimiter: Some(','), ..config(&set, &[1, 2]) });
    assert!(message.contains("data.delimiter has no meaning for"), "{message}");
    let message = refused(&DataConfig { images: Some("file".into()), ..config(&set, &[1, 2]) });
    assert!(message.contains("data.images has no meaning for"), "{message}");
}

#[test]
fn training_images_are_changed_by_the_seed_alone() {
    let place = Place::new();
    let train = |name: &str, more: &[&str]| {
        let mut arguments = vec!["--config", "digits-tutorial", "--name", name, "-q", "--set", "training.max_epochs=2"];
        more.iter().for_each(|set| arguments.extend(["--set", set]));
        let output = place.run(&arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let folder = std::fs::read_dir(place.path("artifacts/runs")).unwrap().map(|run| run.unwrap().path());
        let folder = folder.into_iter().find(|path| path.to_string_lossy().contains(&format!("/{name}-2"))).unwrap();
        std::fs::read(folder.join("model.safetensors")).unwrap()
    };
    let changes = ["data.augment.shift=1", "data.augment.rotation=10"];
    let plain = train("plain", &[]);
    let changed = train("changed", &changes);
    assert!(plain != changed);
    assert!(changed == train("repeated", &changes), "the same seed, the same images");
    assert!(changed != train("reseeded", &[&changes[..], &["seed=7", "data.split_seed=42"]].concat()));
    assert!(plain == train("unchanged", &["data.augment.shift=0"]), "without any change nothing is another");
    for (config, set, expected) in [
        ("iris", "data.augment.shift=1", "data.augment is for images"),
        ("digits", "data.augment.shift=8", "data.augment.shift is 8: it must be below 8, the shorter side of an image"),
        ("digits", "data.augment.rotation=200", "data.augment.rotation is 200: it must be from 0 to 180 degrees"),
        ("digits", "data.augment.turn=3", "unknown key `turn`"),
    ] {
        let output = place.run(&["config", "check", config, "--set", set]);
        let error = text(&output.stderr);
        assert!(output.status.code() == Some(1) && error.contains(expected), "{error}");
    }
}
