//! Whether a body was changed anywhere but at its edits, byte for byte.

use wire::json::{Edit, Json, Step};

/// The pieces of an object's text between its commas, each with its key.
fn pieces(object: Json<'_>) -> Vec<(String, String)> {
    let raw = object.raw();
    let mut from = 1;
    let mut out = Vec::new();
    let offset = |inner: &str| inner.as_ptr() as usize - raw.as_ptr() as usize;
    for (key, value) in object.members() {
        let behind = offset(value.raw()) + value.raw().len();
        let end = behind + raw[behind..].find([',', '}']).unwrap();
        out.push((key.into_owned(), raw[from..end].to_owned()));
        from = end + 1;
    }
    out
}

/// Says where `after` differs from `before` outside the edits, or where an edit is not what it says.
pub fn check(before: Json<'_>, after: Json<'_>, edits: &[Edit<'_>], at: &str) -> Result<(), String> {
    let here: Vec<&Edit<'_>> = edits.iter().filter(|edit| !edit.path.is_empty()).collect();
    let touched = |key: &str| here.iter().any(|edit| matches!(&edit.path[0], Step::Key(name) if name == key));
    let kept = |object| pieces(object).into_iter().filter(|(key, _)| !touched(key)).collect::<Vec<_>>();
    if kept(before) != kept(after) {
        return Err(format!("{at}: {:?} / {:?}", kept(before), kept(after)));
    }
    for edit in &here {
        let Step::Key(key) = &edit.path[0] else { continue };
        match (before.get(key), after.get(key), edit.path.len(), &edit.value) {
            (_, Some(new), 1, Some(value)) if new.raw() != value => return Err(format!("{at}.{key} is not as set")),
            (_, Some(_), 1, None) => return Err(format!("{at}.{key} stays")),
            (Some(old), Some(new), 2.., _) => {
                let deeper: Vec<Edit<'_>> = here
                    .iter()
                    .filter(|other| other.path[0] == edit.path[0])
                    .map(|other| Edit { path: other.path[1..].to_vec(), value: other.value.clone() })
                    .collect();
                check(old, new, &deeper, &format!("{at}.{key}"))?;
            }
            _ => {}
        }
    }
    Ok(())
}
