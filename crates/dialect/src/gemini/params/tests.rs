use super::*;
use crate::gemini::model::abilities;

fn check(model: &str, control: Control, effort: Effort, budget: Option<i64>, level: Option<&str>, exact: bool) {
    let target = Target { model, reasoning: control, ..Target::default() };
    let turns = Turns::new(model, abilities(model));
    let (said, same) = think(&effort, &target, &turns);
    assert_eq!((said.budget, said.level, same), (budget, level, exact), "{model} {effort:?}");
}

#[test]
fn thinking_by_model() {
    let level = |level: &str| Effort { level: Some(level.into()), ..Effort::default() };
    let budget = |budget| Effort { enabled: Some(true), budget: Some(budget), ..Effort::default() };
    let off = Effort { enabled: Some(false), ..Effort::default() };
    let on = Effort { enabled: Some(true), ..Effort::default() };
    let adaptive = Effort { adaptive: true, ..on.clone() };
    for (effort, flash, pro, three) in [
        (level("low"), (Some(1_024), None, false), (Some(1_024), None, false), (None, Some("low"), true)),
        (level("xhigh"), (Some(24_576), None, false), (Some(24_576), None, false), (None, Some("high"), false)),
        (budget(5_000), (Some(5_000), None, true), (Some(5_000), None, true), (None, Some("medium"), false)),
        (off, (Some(0), None, true), (Some(128), None, false), (None, Some("minimal"), false)),
        (on, (None, None, true), (None, None, true), (None, None, true)),
        (adaptive, (Some(-1), None, true), (Some(-1), None, true), (None, None, false)),
    ] {
        for (model, expected) in [("gemini-2.5-flash", flash), ("gemini-2.5-pro", pro), ("gemini-3-pro", three)] {
            check(model, Control::None, effort.clone(), expected.0, expected.1, expected.2);
        }
    }
    // Of a model that nobody knows, what is asked for is said.
    check("m", Control::None, level("medium"), None, Some("medium"), true);
    check("m", Control::Budget, level("medium"), Some(8_192), None, false);
    check("m", Control::Effort, budget(1_000), None, Some("low"), false);
}
