//! The suite of objects at providers: changed by the ledger's lines, found, listed and ended.

use jiff::Timestamp;
use policy::object::{Change, Kind, Name, Object, Owner, Page, State};
use policy::port::{Ledger, Objects, Position};

use super::wait;

const AT: i64 = 1_795_341_600_000;

fn name(provider: &str, kind: Kind, id: &str) -> Name {
    Name { provider: provider.into(), kind, id: id.into() }
}

fn object(provider: &str, id: &str, owner: Owner, after_ms: i64) -> Object {
    Object {
        name: name(provider, Kind::File, id),
        owner,
        key: "0123456789abcdef".into(),
        model: Some("fast".into()),
        created: Timestamp::from_millisecond(AT + after_ms).unwrap(),
        expires: Timestamp::from_millisecond(AT + 86_400_000).ok(),
        state: None,
        data: None,
    }
}

fn team() -> Owner {
    Owner::Team("growth".into())
}

fn append(ledger: &dyn Ledger, changes: &[Change], offset: u64) {
    let lines: Vec<String> = changes.iter().map(Change::write).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    wait(ledger.append(&lines, Position { file: 1, offset })).unwrap();
}

/// The suite of [`Objects`], on an empty store.
///
/// # Panics
/// When the store does not do what the port says.
pub fn objects(ledger: &dyn Ledger, objects: &dyn Objects) {
    let find = |id: &str| wait(objects.find(Kind::File, id)).unwrap();
    assert_eq!(find("file-1"), []);
    let own = object("openai", "file-1", team(), 0);
    let same_id = object("other", "file-1", Owner::Key("growth".into()), 1);
    append(ledger, &[Change::Made(own.clone()), Change::Made(same_id.clone())], 1);
    assert_eq!(find("file-1"), [same_id.clone(), own.clone()], "the same id of two providers is two objects");
    assert_eq!(wait(objects.find(Kind::Batch, "file-1")), Ok(vec![]), "of two kinds too");
    assert_eq!(wait(ledger.page(None, 10)), Ok(vec![]), "a change is no line of the ledger");

    let stolen = Object { owner: Owner::Admin, key: "ff".into(), ..own.clone() };
    append(ledger, &[Change::Made(stolen), Change::Made(own.clone())], 2);
    assert_eq!(find("file-1").last(), Some(&own), "an object has the owner that made it");
    append(ledger, &[Change::Gone(same_id.name), Change::Gone(name("nobody", Kind::File, "x"))], 3);
    assert_eq!(find("file-1"), std::slice::from_ref(&own));
    lists(ledger, objects, &own);
    work(ledger, objects);
    ends(ledger, objects);
}

fn lists(ledger: &dyn Ledger, objects: &dyn Objects, first: &Object) {
    let mut all = vec![first.clone()];
    for number in 2..=6 {
        all.push(object("openai", &format!("file-{number}"), team(), number));
    }
    let others = ["a", "b"].map(|id| object("openai", id, Owner::Key("growth".into()), 3));
    let changes: Vec<Change> = all.iter().skip(1).chain(&others).cloned().map(Change::Made).collect();
    append(ledger, &changes, 4);
    let page = Page { after: None, before: None, ascending: false, limit: 100 };
    let list = |owner: Owner, page: Page| {
        let listed = wait(objects.list(&owner, Kind::File, &page)).unwrap();
        listed.iter().map(|object| object.name.id.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(list(team(), page.clone()), "file-6 file-5 file-4 file-3 file-2 file-1");
    assert_eq!(list(team(), Page { ascending: true, limit: 2, ..page.clone() }), "file-1 file-2");
    assert_eq!(list(Owner::Key("growth".into()), page.clone()), "b a", "a key is not the team of its name");
    assert_eq!(list(Owner::Local, page.clone()), "");
    let after = |id: &str| Page { after: Some(id.into()), limit: 2, ..page.clone() };
    let before = |id: &str| Page { before: Some(id.into()), limit: 2, ..page.clone() };
    assert_eq!(list(team(), after("file-5")), "file-4 file-3");
    assert_eq!(list(team(), after("file-1")), "");
    assert_eq!(list(team(), before("file-3")), "file-5 file-4", "the nearest before it");
    assert_eq!(list(team(), before("file-6")), "");
    assert_eq!(list(team(), Page { ascending: true, ..after("file-5") }), "file-6");
    assert_eq!(list(team(), Page { ascending: true, ..before("file-5") }), "file-3 file-4");
    let between = Page { before: Some("file-2".into()), ..after("file-5") };
    assert_eq!(list(team(), between), "file-4 file-3");
    assert_eq!(list(team(), after("a")), "", "nobody's place in another's list");
    assert_eq!(list(team(), after("none")), "");
}

fn work(ledger: &dyn Ledger, objects: &dyn Objects) {
    let open = || {
        let open = wait(objects.open(10)).unwrap();
        open.iter().map(|object| (object.name.id.to_string(), object.data.clone())).collect::<Vec<_>>()
    };
    assert_eq!(open(), []);
    for id in ["batch-1", "batch-2"] {
        let data = Some(r#"{"a":"\"ü"}"#.into());
        let made = object("openai", id, team(), 10);
        let made = Object { name: name("openai", Kind::Batch, id), state: Some(State::Open), data, ..made };
        append(ledger, &[Change::Made(made)], 5);
    }
    let data = Some(std::sync::Arc::from(r#"{"a":"\"ü"}"#));
    assert_eq!(open(), [("batch-1".into(), data.clone()), ("batch-2".into(), data)]);
    assert_eq!(wait(objects.open(1)).unwrap().len(), 1);
    append(ledger, &[Change::Noted(name("openai", Kind::Batch, "batch-1"), State::Settled, None)], 6);
    append(ledger, &[Change::Noted(name("openai", Kind::Batch, "batch-2"), State::Open, Some("{}".into()))], 7);
    assert_eq!(open(), [("batch-2".into(), Some("{}".into()))]);
    let settled = wait(objects.find(Kind::Batch, "batch-1")).unwrap();
    assert_eq!((settled[0].state, settled[0].data.is_some()), (Some(State::Settled), true), "data stays");
}

fn ends(ledger: &dyn Ledger, objects: &dyn Objects) {
    // Eight files and two batches are left, one of them open.
    assert_eq!(wait(objects.expire(AT + 4, usize::MAX, 2)), Ok(2), "in lots, the oldest first");
    assert_eq!(wait(objects.expire(AT + 4, usize::MAX, 100)), Ok(3));
    assert_eq!(wait(objects.expire(AT + 4, usize::MAX, 100)), Ok(0));
    assert!(wait(objects.find(Kind::File, "file-3")).unwrap().is_empty());
    assert_eq!(wait(objects.find(Kind::File, "file-4")).unwrap().len(), 1, "the time is exclusive");
    assert_eq!(wait(objects.expire(i64::MAX, 0, 100)), Ok(4));
    assert_eq!(wait(objects.open(10)).unwrap().len(), 1, "what has work left stays");
    append(ledger, &[Change::Gone(name("openai", Kind::Batch, "batch-2"))], 8);
    for number in 0..5 {
        append(ledger, &[Change::Made(object("openai", &format!("late-{number}"), team(), 100))], 9);
    }
    assert_eq!(wait(objects.expire(0, 3, 100)), Ok(2), "the newest are kept");
    assert!(wait(objects.find(Kind::File, "late-1")).unwrap().is_empty());
    assert_eq!(wait(objects.find(Kind::File, "late-2")).unwrap().len(), 1);
}
