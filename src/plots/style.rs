//! The colours of every picture, for light and for dark pages, as one style sheet.
//!
//! Every rule begins with `.plot`, because the style of an SVG inside a page applies to the whole page.

/// Okabe-Ito, completed with Tol's muted colours, as on the dashboard: (light, dark).
const CLASSES: [(&str, &str); NUM_CLASSES] = [
    ("#0072b2", "#56a8e8"),
    ("#d55e00", "#f5833d"),
    ("#008a63", "#2cc997"),
    ("#b5508f", "#ea9fca"),
    ("#a87500", "#f0b429"),
    ("#2e8ac4", "#9bd4ff"),
    ("#882255", "#e0708f"),
    ("#6b6b00", "#cfcf5a"),
    ("#332288", "#a79cf5"),
    ("#666666", "#b8b8b8"),
];

/// Cividis from low to high (Nuñez, Anderton and Renslow 2018): as legible to colour-blind readers.
const LEVELS: [&str; NUM_LEVELS] =
    ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"];
pub(super) const NUM_LEVELS: usize = 10;
pub(super) const NUM_CLASSES: usize = 10;

/// (classes, property, light, dark)
const COLORS: [(&[&str], &str, &str, &str); 17] = [
    (&["background"], "fill", "#ffffff", "#1a1d22"),
    (&["dot", "node", "count-point", "number"], "stroke", "#ffffff", "#1a1d22"),
    (&["text"], "fill", "#1f2328", "#e6e8eb"),
    (&["muted"], "fill", "#59616b", "#a4adb8"),
    (&["grid"], "stroke", "#e3e6ea", "#2d323a"),
    (&["axis", "edge-of-image"], "stroke", "#8c959f", "#6b7480"),
    (&["zero", "limit", "limit-key", "ring", "ring-key", "whisker", "test"], "stroke", "#1f2328", "#e6e8eb"),
    (&["diagonal", "stop"], "stroke", "#6e7781", "#99a2ad"),
    (&["validation", "best", "roc-line", "edge-positive", "observed"], "stroke", "#0072b2", "#56a8e8"),
    (&["train", "edge-negative", "cross"], "stroke", "#d55e00", "#f5833d"),
    (&["bar", "bar-up", "hit", "positive", "count-point", "validation-dot", "plain"], "fill", "#0072b2", "#56a8e8"),
    (&["miss", "bar-down", "negative", "train-dot"], "fill", "#d55e00", "#f5833d"),
    (&["refit"], "stroke", "#008a63", "#2cc997"),
    (&["active", "refit-dot"], "fill", "#008a63", "#2cc997"),
    (&["inactive"], "fill", "#b5508f", "#ea9fca"),
    (&["node"], "fill", "#59616b", "#a4adb8"),
    (&["strong"], "fill", "#ffffff", "#0b0d10"),
];

/// Rules that are the same on light and dark pages.
const FIXED: &str = "\
.plot text{font:14px system-ui,sans-serif}\
.plot .heading{font-size:18px;font-weight:600}\
.plot .bold{font-weight:600}\
.plot .tick{font-size:13px}\
.plot .small{font-size:12px}\
.plot .letter{font:10px ui-monospace,monospace}\
.plot .grid,.plot .axis,.plot .edge-of-image{stroke-width:1}\
.plot .edge-of-image{fill:none}\
.plot .curve,.plot .roc-line{fill:none;stroke-width:2;stroke-linejoin:round}\
.plot .train{stroke-dasharray:6 4}\
.plot .refit{stroke-dasharray:1 4;stroke-linecap:round}\
.plot .best,.plot .stop{stroke-width:1.5}\
.plot .stop,.plot .diagonal{stroke-dasharray:3 3}\
.plot .diagonal{fill:none;stroke-width:1.5}\
.plot .zero,.plot .limit,.plot .limit-key{fill:none;stroke-width:2;stroke-linecap:round}\
.plot .whisker{stroke-width:1.5}\
.plot .band{fill-opacity:.2}\
.plot .dot{stroke-width:.75}\
.plot .test{stroke-width:1.75}\
.plot .faint .dot{opacity:.45}\
.plot .ring,.plot .ring-key{fill:none;stroke-width:2}\
.plot .edge{stroke-opacity:.75;stroke-linecap:round}\
.plot .node{stroke-width:2}\
.plot .number{font-size:12px;paint-order:stroke;stroke-width:4;stroke-linejoin:round}\
.plot .sheet{fill:#fff}\
.plot .pixels{fill:#111;shape-rendering:crispEdges}\
.plot .crisp{shape-rendering:crispEdges}\
.plot .frame{fill:none;stroke:#8c959f;stroke-width:1}\
.plot .wrong .frame{stroke:#d55e00;stroke-width:4}\
.plot .cross{fill:none;stroke-width:3.5;stroke-linecap:round}\
.plot .badge{fill:#fff}\
.plot .rim{fill:#fff;stroke:#111;stroke-width:.75}\
.plot .dot.inlay{stroke:none}";

/// The text of the `<style>` element.
pub(super) fn sheet() -> String {
    let mut sheet = FIXED.to_string();
    for (level, color) in LEVELS.iter().enumerate() {
        sheet.push_str(&format!(".plot .level{level}{{fill:{color}}}"));
    }
    let rules = |pick: fn(&'static str, &'static str) -> &'static str| -> String {
        let role = |&(classes, property, light, dark): &(&[&str], &str, _, _)| {
            let selectors: Vec<String> = classes.iter().map(|class| format!(".plot .{class}")).collect();
            format!("{}{{{property}:{}}}", selectors.join(","), pick(light, dark))
        };
        let class = |(slot, &(light, dark)): (usize, &(&'static str, &'static str))| {
            let color = pick(light, dark);
            format!(".plot .class{slot}{{fill:{color}}}.plot .line{slot}{{stroke:{color}}}")
        };
        COLORS.iter().map(role).chain(CLASSES.iter().enumerate().map(class)).collect()
    };
    sheet.push_str(&rules(|light, _| light));
    sheet.push_str(&format!("@media (prefers-color-scheme:dark){{{}}}", rules(|_, dark| dark)));
    sheet
}

/// The colour class of a target class: `class0` to `class9`, then again from the first.
pub(super) fn class_color(class: usize) -> String {
    format!("class{}", class % CLASSES.len())
}
