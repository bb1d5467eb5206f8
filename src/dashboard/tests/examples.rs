//! Rows that one of two runs gets right and the other does not.

use super::*;

/// Two runs with these predictions; their path up to the kind.
fn pair(dashboard: &Dashboard, a: &str, b: &str) -> (String, [RunWriter; 2]) {
    let writers = [a, b].map(|predictions| {
        let writer = dashboard.start("digits");
        writer.write_file("predictions.csv", predictions.as_bytes()).unwrap();
        writer
    });
    (format!("/api/compare/examples?ids={},{}", writers[0].id(), writers[1].id()), writers)
}

/// B fixes 11 and 14, the latter by more, breaks 12, and shares the mistake in 13.
const A: &str = "row,true,predicted,probability_a,probability_b\n\
    10,a,a,0.9,0.1\n11,a,b,0.4,0.6\n12,b,b,0.45,0.55\n13,b,a,0.8,0.2\n14,a,b,0.2,0.8\n";
const B: &str = "row,true,predicted,probability_b,probability_a\n\
    10,a,a,0.2,0.8\n11,a,a,0.3,0.7\n12,b,a,0.25,0.75\n13,b,a,0.375,0.625\n14,a,a,0.01,0.99\n";

fn rows(found: &Value) -> Vec<&str> {
    found["rows"].as_array().unwrap().iter().map(|row| row["row"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn mistakes_that_came_and_went_are_told_apart() {
    let dashboard = Dashboard::new();
    let (path, writers) = pair(&dashboard, A, B);
    let fixed = dashboard.get(&path).await.json();
    assert_eq!(
        (&fixed["problem"], &fixed["is_numeric"], rows(&fixed)),
        (&Value::Null, &json!(false), vec!["14", "11"])
    );
    assert_eq!(fixed["counts"], json!({ "rows": 5, "fixed": 2, "broken": 1, "both_wrong": 1 }));
    let told = |predicted: &str, probability: &str| json!({ "predicted": predicted, "probability": probability });
    assert_eq!(fixed["rows"][0], json!({ "row": "14", "label": "a", "a": told("b", "0.8"), "b": told("a", "0.99") }));
    let broken = dashboard.get(&format!("{path}&kind=broken")).await.json();
    assert_eq!((rows(&broken), &broken["total"]), (vec!["12"], &json!(1)));
    assert_eq!(rows(&dashboard.get(&format!("{path}&kind=both_wrong")).await.json()), ["13"]);
    let page = dashboard.get(&format!("{path}&offset=1&limit=5")).await.json();
    assert_eq!((rows(&page), &page["total"]), (vec!["11"], &json!(2)));
    assert!(rows(&dashboard.get(&format!("{path}&offset=7")).await.json()).is_empty());

    // What the network saw, in the order of the rows shown.
    writers[0].write_file("test.csv", b"right,left,target\n1,2,a\n3,,a\n5,6,b\n7,8,b\n9,10,a\n").unwrap();
    let table = dashboard.get(&path).await.json();
    assert_eq!(
        (&table["input_columns"], &table["inputs"], table.get("pixels")),
        (&json!(["right", "left"]), &json!([["9", "10"], ["3", ""]]), None)
    );
    let shape = r#"{"image_shape": [1, 2], "columns": [{"name": "left"}, {"name": "right"}]}"#;
    writers[0].write_file("preprocessing.json", shape.as_bytes()).unwrap();
    let images = dashboard.get(&path).await.json();
    assert_eq!(
        (&images["image"], &images["pixels"], images.get("inputs")),
        (&json!([1, 2]), &json!([[10.0, 9.0], [null, 3.0]]), None)
    );
}

#[tokio::test]
async fn numbers_come_nearer_or_go_farther_off() {
    let dashboard = Dashboard::new();
    let (path, _writers) = pair(
        &dashboard,
        "row,true,predicted\n0,1.0,1.5\n1,2.0,2.0\n2,3.0,5.0\n3,4.0,x\n",
        "row,true,predicted\n0,1.0,0.75\n1,2.0,3.0\n2,3.0,3.5\n3,4.0,4\n",
    );
    let nearer = dashboard.get(&path).await.json();
    assert_eq!((&nearer["is_numeric"], rows(&nearer)), (&json!(true), vec!["2", "0"]));
    assert_eq!(nearer["counts"], json!({ "rows": 4, "fixed": 2, "broken": 1, "both_wrong": 0 }));
    assert_eq!(nearer["rows"][0]["b"], json!({ "predicted": "3.5", "probability": null }));
    assert_eq!(rows(&dashboard.get(&format!("{path}&kind=broken")).await.json()), ["1"]);
}

#[tokio::test]
async fn runs_that_have_no_rows_in_common_say_so() {
    let dashboard = Dashboard::new();
    let problem = async |a: &str, b: &str| {
        let (path, _writers) = pair(&dashboard, a, b);
        let found = dashboard.get(&path).await.json();
        assert_eq!((rows(&found).len(), &found["total"]), (0, &json!(0)));
        found["problem"].as_str().unwrap().to_owned()
    };
    let other_rows = "A and B are tested on different rows: there is nothing to compare row by row.";
    assert_eq!(problem(A, &B.replace("\n12,", "\n15,")).await, other_rows);
    assert_eq!(problem(A, &B.replace("\n12,b", "\n12,a")).await, other_rows);
    assert_eq!(problem(A, B.rsplit_once("14").unwrap().0).await, other_rows);
    assert_eq!(problem(A, "row,true,predicted\n10,1,1\n").await, "One of A and B predicts classes, the other numbers.");
    assert!(problem(A, "other\n1\n").await.starts_with("B has no predictions (yet)"));
    assert!(problem(&A.replace("0.4,0.6", "0.4"), B).await.starts_with("`predictions.csv` of A cannot be read: "));
    let (without, with) = (dashboard.finished("digits"), dashboard.finished("digits"));
    let path = format!("/api/compare/examples?ids={without},{with}");
    assert!(dashboard.get(&path).await.text().contains("A has no predictions (yet)"));
    for wrong in [format!("ids={with}"), format!("ids={with},{with},{with}"), format!("ids={with},{with}&kind=x")] {
        let answer = dashboard.get(&format!("/api/compare/examples?{wrong}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let answer = dashboard.get(&format!("{path}&offset=100001")).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let answer = dashboard.get(&format!("/api/compare/examples?ids={with},none-20261124-235039-a3f1")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}
