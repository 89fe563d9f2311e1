#![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests")]
use super::*;

/// What the fault says of a value, or nothing where it is as it must be.
fn check<T>(read: impl Fn(Json<'_>, &str) -> Result<T, Fault>, text: &str, expected: Option<&str>) {
    let fault = read(Json::parse(text).unwrap(), "a.b").err();
    assert_eq!(fault.as_ref().map(|fault| fault.message.as_str()), expected, "{text}");
    if let Some(fault) = fault {
        assert_eq!(fault.path.as_deref(), Some("a.b"));
    }
}

#[test]
fn a_wrong_type_names_its_path() {
    check(|value, path| text(value, path).map(drop), r#""x""#, None);
    check(|value, path| text(value, path).map(drop), "1", Some("`a.b` must be a string."));
    check(flag, "true", None);
    check(flag, "0", Some("`a.b` must be true or false."));
    check(whole, "7", None);
    check(whole, "-7", Some("`a.b` must be a whole number of 0 or more."));
    check(whole, "7.5", Some("`a.b` must be a whole number of 0 or more."));
    check(number, "7.50", None);
    check(number, r#""7""#, Some("`a.b` must be a number."));
    check(|value, path| object(value, path).map(drop), "{}", None);
    check(|value, path| object(value, path).map(drop), "[]", Some("`a.b` must be an object."));
    check(|value, path| array(value, path).map(drop), "[]", None);
    check(|value, path| array(value, path).map(drop), "null", Some("`a.b` must be an array."));
}

#[test]
fn a_string_must_be_there_and_be_text() {
    let object = Json::parse(r#"{"a":"x\ud800","b":1}"#).unwrap();
    let mut losses = Vec::new();
    assert_eq!(need(object, "a", "", &mut losses).unwrap(), "x\u{fffd}");
    assert_eq!(losses, [Loss::approximated("lone surrogate", "a")]);
    let missing = |name: &str, path: &str| need(object, name, path, &mut Vec::new()).unwrap_err().message;
    assert_eq!(missing("c", "top"), "`top.c` is missing.");
    assert_eq!(missing("b", ""), "`b` must be a string.");
    let word = |text| word(Json::parse(text).unwrap());
    assert_eq!((word(r#""a""#), word(r#""""#), word("1")), (Some("a".into()), None, None));
}

#[test]
fn own_members_stay_and_others_are_named() {
    let here = DialectId::Gemini;
    let object = Json::parse(r#"{"a":1,"b":null,"c":"x"}"#).unwrap();
    let mut members = foreign(here, object, |key, _| key == "a");
    members.push(DialectId::OpenAiChat, "d", "2");
    let mut losses = Vec::new();
    let kept = own(here, &members, "", &mut losses);
    assert_eq!(own(here, &members, "at", &mut losses), kept);
    assert_eq!(losses, [Loss::dropped("d", "d"), Loss::dropped("d", "at")]);
    assert_eq!(written(&kept, |json| _ = json.key("a").u64(1)), r#"{"a":1,"c":"x"}"#);
}
