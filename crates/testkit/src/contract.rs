//! What every store must do, as suites: one per storage port, each run on an empty store.

mod objects;

use std::collections::BTreeMap;
use std::future::Future;

use jiff::Timestamp;
use policy::port::{Directory, Grouping, Kept, KeyRecord, Ledger, Position, Reach, Responses, Room, StoreError, Sum};
use uuid::Uuid;

pub use self::objects::objects;

/// Runs a call to its end.
///
/// # Panics
/// When no runtime can be made.
pub fn wait<T>(call: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(call)
}

/// 2026-11-22T10:00:00Z, in ms.
const AT: i64 = 1_795_341_600_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// A ledger line as text, with what the suites look at.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The id; its time is the line's.
    pub id: Uuid,
    /// `status`.
    pub status: &'static str,
    /// The upstream's id.
    pub upstream: Option<String>,
    /// The end user.
    pub user: Option<String>,
    /// Tags.
    pub tags: Vec<(&'static str, String)>,
    /// The model that served, `None` for a refused request.
    pub model: Option<&'static str>,
    /// Cost in nanodollars, `None` when unpriced.
    pub nanos: Option<i64>,
    /// Total time in ms.
    pub ms: u64,
}

impl Sample {
    /// A served line that arrived at a time, in ms; `number` makes its id its own.
    #[must_use]
    pub fn new(at_ms: i64, number: u64) -> Self {
        Self {
            id: id(at_ms, number),
            status: "ok",
            upstream: Some(format!("chatcmpl-{number}")),
            user: Some(format!("user-{}", number % 3)),
            tags: vec![("feature", format!("f{}", number % 2))],
            model: Some(if number.is_multiple_of(2) { "gpt-5-mini" } else { "claude-haiku-4-5" }),
            nanos: Some(110_000 + i64::try_from(number).unwrap()),
            ms: 800,
        }
    }

    /// The line.
    #[must_use]
    pub fn line(&self) -> String {
        let tags: BTreeMap<_, _> = self.tags.iter().map(|(name, value)| (*name, value)).collect();
        let served = self.model.map(|model| serde_json::json!({"provider": "p", "model": model, "region": null}));
        let attempts: Vec<_> = self.model.iter().map(|model| serde_json::json!({"model": model})).collect();
        let usd = self.nanos.map(|nanos| format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000));
        serde_json::json!({
            "id": self.id.hyphenated().to_string(), "status": self.status, "upstream_id": self.upstream,
            "caller": {"key": "bot", "team": "growth", "organization": "acme", "user": self.user, "tags": tags},
            "asked": "fast", "served": served, "attempts": attempts,
            "usage": {"input": 10, "cache_read": 3, "cache_write": 2, "output": 20, "reasoning": 4},
            "cost": {"usd": usd}, "latency": {"total_ms": self.ms},
        })
        .to_string()
    }
}

/// A version 7 id of that time.
fn id(at_ms: i64, number: u64) -> Uuid {
    Uuid::from_u128(u128::try_from(at_ms).unwrap() << 80 | 0x7 << 76 | 0b10 << 62 | u128::from(number))
}

fn append(ledger: &dyn Ledger, samples: &[Sample], position: Position) {
    let lines: Vec<String> = samples.iter().map(Sample::line).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    wait(ledger.append(&lines, position)).unwrap();
}

fn sums(ledger: &dyn Ledger, by: Grouping) -> Vec<Sum> {
    wait(ledger.sums(by, 0, i64::MAX)).unwrap()
}

/// The suite of [`Ledger`].
///
/// # Panics
/// When the store does not do what the port says.
pub fn ledger(ledger: &dyn Ledger) {
    starts_empty(ledger);
    let samples = stores_and_finds(ledger);
    sums_are_exact(ledger, &samples);
    same_line_changes_nothing(ledger, &samples);
    finds_odd_upstream_ids(ledger);
    expires_in_lots(ledger);
}

fn starts_empty(ledger: &dyn Ledger) {
    assert_eq!(wait(ledger.position()), Ok(Position::default()));
    assert_eq!(wait(ledger.find(id(AT, 1))), Ok(None));
    assert_eq!(wait(ledger.find_upstream("chatcmpl-1")), Ok(None));
    assert_eq!(wait(ledger.page(None, 10)), Ok(vec![]));
    for by in Grouping::ALL {
        assert_eq!(sums(ledger, by), vec![]);
    }
}

fn stores_and_finds(ledger: &dyn Ledger) -> Vec<Sample> {
    let mut samples: Vec<Sample> =
        (0..20).map(|number| Sample::new(AT + i64::try_from(number).unwrap() * HOUR, number)).collect();
    samples[3] = Sample { status: "error", model: None, nanos: Some(0), upstream: None, ..samples[3].clone() };
    samples[4] = Sample { nanos: None, ..samples[4].clone() };
    samples[5] = Sample { user: Some("he said \"ü\"\n".into()), ..samples[5].clone() };
    samples[6] = Sample { user: None, tags: vec![], ..samples[6].clone() };
    let two_tags = vec![("feature", "f0".into()), ("stage", "a=b".into())];
    samples[7] = Sample { tags: two_tags, status: "error", ..samples[7].clone() };
    let position = Position { file: 3, offset: 700 };
    append(ledger, &samples, position);
    assert_eq!(wait(ledger.position()), Ok(position));
    for sample in &samples {
        assert_eq!(wait(ledger.find(sample.id)), Ok(Some(sample.line())), "the line comes back as it was");
        if let Some(upstream) = &sample.upstream {
            assert_eq!(wait(ledger.find_upstream(upstream)), Ok(Some(sample.line())));
        }
    }
    let page = wait(ledger.page(None, 2)).unwrap();
    assert_eq!(page, [samples[19].line(), samples[18].line()]);
    let page = wait(ledger.page(Some(samples[18].id), 2)).unwrap();
    assert_eq!(page, [samples[17].line(), samples[16].line()]);
    assert_eq!(wait(ledger.page(Some(samples[0].id), 2)), Ok(vec![]));
    samples
}

fn sums_are_exact(ledger: &dyn Ledger, samples: &[Sample]) {
    let count = |test: &dyn Fn(&Sample) -> bool| samples.iter().filter(|sample| test(sample)).count() as u64;
    let nanos: i64 = samples.iter().filter_map(|sample| sample.nanos).sum();
    for by in Grouping::ALL.into_iter().filter(|by| *by != Grouping::DayTag) {
        let sums = sums(ledger, by);
        let total = |value: fn(&Sum) -> u64| sums.iter().map(value).sum::<u64>();
        assert_eq!(sums.iter().map(|sum| sum.nanos).sum::<i64>(), nanos, "{by:?}");
        assert_eq!(total(|sum| sum.requests), count(&|sample| sample.model.is_some()), "{by:?}");
        assert_eq!(total(|sum| sum.errors), count(&|sample| sample.status == "error"), "{by:?}");
        assert_eq!(total(|sum| sum.unpriced), count(&|sample| sample.nanos.is_none()), "{by:?}");
        assert_eq!((total(|sum| sum.input), total(|sum| sum.output)), (20 * 15, 20 * 20), "{by:?}");
        assert_eq!(total(|sum| sum.cache_read), 20 * 3, "{by:?}");
        let width = if matches!(by, Grouping::HourProviderModel | Grouping::DayKeyModel) { 2 } else { 1 };
        assert!(sums.iter().all(|sum| sum.values.len() == width), "{by:?}");
    }
    let tag = |name: &str| {
        let prefix = format!("{name}=");
        let sums = sums(ledger, Grouping::DayTag).into_iter().filter(|sum| sum.values[0].starts_with(&prefix));
        sums.map(|sum| sum.nanos).sum::<i64>()
    };
    assert_eq!(tag("feature"), nanos - samples[6].nanos.unwrap());
    assert_eq!(tag("stage"), samples[7].nanos.unwrap());
    let users: Vec<Sum> = sums(ledger, Grouping::DayUser);
    assert!(users.iter().any(|sum| sum.values == ["he said \"ü\"\n"]), "values are text, not JSON");
    assert!(users.iter().any(|sum| sum.values == [""]), "no user is the empty value");
    let models = sums(ledger, Grouping::HourModel);
    assert!(models.iter().any(|sum| sum.values == ["fast"] && sum.requests == 0), "refused: the model asked for");
    assert_eq!(models.iter().map(|sum| sum.latency.count()).sum::<u64>(), 19);
    assert!(
        models
            .iter()
            .filter(|sum| sum.requests > 0)
            .all(|sum| { sum.latency.quantile(500).is_some_and(|ms| (800..=900).contains(&ms)) })
    );
    let span = wait(ledger.sums(Grouping::HourModel, AT + HOUR, AT + 3 * HOUR)).unwrap();
    assert_eq!(span.iter().map(|sum| sum.at_ms).collect::<Vec<_>>(), [AT + HOUR, AT + 2 * HOUR]);
    let days: Vec<i64> = sums(ledger, Grouping::DayOrganization).iter().map(|sum| sum.at_ms).collect();
    assert_eq!(days, [AT - 10 * HOUR, AT - 10 * HOUR + DAY]);
}

fn same_line_changes_nothing(ledger: &dyn Ledger, samples: &[Sample]) {
    let before: Vec<_> = Grouping::ALL.map(|by| sums(ledger, by)).into();
    let position = Position { file: 3, offset: 900 };
    append(ledger, samples, position);
    assert_eq!(Grouping::ALL.map(|by| sums(ledger, by)).to_vec(), before);
    assert_eq!(wait(ledger.page(None, 100)).unwrap().len(), samples.len());
    assert_eq!(wait(ledger.position()), Ok(position));
    // Twice in one batch, between texts that are no lines.
    let once = Sample::new(AT + 20 * HOUR, 20);
    let line = once.line();
    let torn = line.get(..40).unwrap();
    wait(ledger.append(&[torn, &line, "\0\0\0", &line, "{}"], Position { file: 4, offset: 0 })).unwrap();
    assert_eq!(wait(ledger.page(None, 100)).unwrap().len(), samples.len() + 1);
    let nanos = |sums: &[Sum]| sums.iter().map(|sum| sum.nanos).sum::<i64>();
    assert_eq!(nanos(&sums(ledger, Grouping::HourKey)), nanos(&before[1]) + once.nanos.unwrap());
    wait(ledger.append(&[], Position { file: 5, offset: 0 })).unwrap();
    assert_eq!(wait(ledger.position()), Ok(Position { file: 5, offset: 0 }), "a place moves without lines too");
}

fn finds_odd_upstream_ids(ledger: &dyn Ledger) {
    let odd = Sample { upstream: Some("a \"quoted\" \\ id\u{1}".into()), ..Sample::new(AT + 21 * HOUR, 21) };
    let older = Sample { upstream: Some("same".into()), ..Sample::new(AT + 22 * HOUR, 22) };
    let newer = Sample { upstream: Some("same".into()), ..Sample::new(AT + 23 * HOUR, 23) };
    append(ledger, &[odd.clone(), older], Position { file: 5, offset: 1 });
    append(ledger, std::slice::from_ref(&newer), Position { file: 5, offset: 2 });
    assert_eq!(wait(ledger.find_upstream("a \"quoted\" \\ id\u{1}")), Ok(Some(odd.line())));
    assert_eq!(wait(ledger.find_upstream("same")), Ok(Some(newer.line())), "the newest of two");
    assert_eq!(wait(ledger.find_upstream("")), Ok(None));
}

fn expires_in_lots(ledger: &dyn Ledger) {
    let before: Vec<_> = Grouping::ALL.map(|by| sums(ledger, by)).into();
    assert_eq!(wait(ledger.expire(AT + 10 * HOUR, 7)), Ok(7));
    assert_eq!(wait(ledger.expire(AT + 10 * HOUR, 7)), Ok(3));
    assert_eq!(wait(ledger.expire(AT + 10 * HOUR, 7)), Ok(0));
    assert_eq!(wait(ledger.find(id(AT + 9 * HOUR, 9))), Ok(None));
    assert_eq!(wait(ledger.find_upstream("chatcmpl-9")), Ok(None));
    assert!(wait(ledger.find(id(AT + 10 * HOUR, 10))).unwrap().is_some(), "`before` is exclusive");
    assert_eq!(Grouping::ALL.map(|by| sums(ledger, by)).to_vec(), before, "sums outlive their lines");
}

fn key(number: u8, name: &str) -> KeyRecord {
    KeyRecord {
        id: format!("id{number:010}").into(),
        hash: [number; 32],
        name: name.into(),
        team: Some("growth".into()),
        user: None,
        models: vec!["fast".into(), "openai/*".into()],
        expires: Some(Timestamp::from_millisecond(AT + DAY).unwrap()),
        admin: false,
        created: Timestamp::from_millisecond(AT + i64::from(number)).unwrap(),
    }
}

/// The suite of [`Directory`].
///
/// # Panics
/// When the store does not do what the port says.
pub fn directory(directory: &dyn Directory) {
    let at = Timestamp::from_millisecond(AT).unwrap();
    assert_eq!(wait(directory.load()), Ok(vec![]));
    assert_eq!(wait(directory.find([1; 32])), Ok(None));
    let empty = wait(directory.version()).unwrap();
    let one = key(1, "bot");
    let bare = KeyRecord { team: None, user: Some("u".into()), models: vec![], expires: None, ..key(2, "bare") };
    wait(directory.create(&one)).unwrap();
    wait(directory.create(&bare)).unwrap();
    assert_eq!(wait(directory.load()), Ok(vec![one.clone(), bare.clone()]));
    assert_eq!(wait(directory.find([2; 32])), Ok(Some(bare.clone())));
    let two = wait(directory.version()).unwrap();
    assert!(two > empty, "a change moves the version");

    let same_name = key(3, "bot");
    let same_id = KeyRecord { id: one.id.clone(), ..key(4, "other") };
    for taken in [same_name.clone(), same_id] {
        assert!(matches!(wait(directory.create(&taken)), Err(StoreError::Conflict(_))));
    }
    assert_eq!(wait(directory.version()), Ok(two), "what was refused changed nothing");

    assert_eq!(wait(directory.revoke("nobody", at)), Ok(None));
    assert_eq!(wait(directory.revoke("bot", at)), Ok(Some(one)));
    assert_eq!(wait(directory.revoke("bot", at)), Ok(None), "it ends once");
    assert_eq!(wait(directory.find([1; 32])), Ok(None));
    wait(directory.create(&same_name)).unwrap();
    assert_eq!(wait(directory.load()), Ok(vec![bare.clone(), same_name]), "an ended key's name is free");
    assert_eq!(wait(directory.revoke(&bare.id, at)), Ok(Some(bare)), "by public id too");
    assert!(wait(directory.version()).unwrap() > two);

    assert_eq!(wait(directory.setting("admin")), Ok(None));
    wait(directory.set_setting("admin", "a")).unwrap();
    wait(directory.set_setting("admin", "b")).unwrap();
    assert_eq!(wait(directory.setting("admin")), Ok(Some("b".into())));
}

fn kept(owner: &str, id: &str, previous: Option<&str>, created_ms: i64, size: usize) -> Kept {
    Kept {
        id: id.into(),
        owner: owner.into(),
        previous: previous.map(Into::into),
        created_ms,
        expires_ms: created_ms + DAY,
        input: format!("[\"{}\"]", "x".repeat(size)).into(),
        body: format!("{{\"id\":\"{id}\",\"said\":\"ü\\n\\\"\"}}").into(),
    }
}

/// The suite of [`Responses`].
///
/// # Panics
/// When the store does not do what the port says.
pub fn responses(responses: &dyn Responses) {
    let room = Room { owner_count: 4, owner_bytes: 1_000, total_bytes: 1_500 };
    let reach = Reach { count: 10, bytes: 10_000 };
    let put = |kept: &Kept| wait(responses.put(kept, room)).unwrap();
    let chain = |owner: &str, id: &str, now: i64, reach: Reach| wait(responses.chain(owner, id, now, reach)).unwrap();
    let ids = |chain: Vec<Kept>| chain.iter().map(|kept| kept.id.to_string()).collect::<Vec<_>>().join(" ");
    assert_eq!(chain("key:a", "r1", AT, reach), vec![]);
    let one = kept("key:a", "r1", None, AT, 10);
    put(&one);
    put(&kept("key:a", "r2", Some("r1"), AT + 1, 10));
    put(&kept("key:a", "r3", Some("r2"), AT + 2, 10));
    assert_eq!(chain("key:a", "r1", AT, reach), vec![one.clone()], "it comes back as it was");
    assert_eq!(ids(chain("key:a", "r3", AT, reach)), "r3 r2 r1", "newest first");
    assert_eq!(ids(chain("key:a", "r3", AT, Reach { count: 2, ..reach })), "r3 r2");
    assert_eq!(ids(chain("key:a", "r3", AT, Reach { bytes: 20, ..reach })), "r3", "the one that passes it is given");
    // Others do not find it, cannot end it, and cannot take its id.
    assert_eq!(chain("key:b", "r1", AT, reach), vec![]);
    assert_eq!(wait(responses.forget("key:b", "r1", AT)), Ok(false));
    put(&Kept { owner: "key:b".into(), ..kept("key:b", "r1", None, AT, 20) });
    assert_eq!(chain("key:a", "r1", AT, reach), vec![one], "the same id changes nothing");
    // A chain stops where one of it is gone, and does not turn in a circle.
    assert_eq!(wait(responses.forget("key:a", "r2", AT)), Ok(true));
    assert_eq!(wait(responses.forget("key:a", "r2", AT)), Ok(false), "it ends once");
    assert_eq!(ids(chain("key:a", "r3", AT, reach)), "r3");
    put(&kept("key:a", "c1", Some("c2"), AT + 3, 10));
    put(&kept("key:a", "c2", Some("c1"), AT + 4, 10));
    assert_eq!(ids(chain("key:a", "c2", AT, reach)), "c2 c1");
    // The oldest goes: by count, by bytes, by bytes in all; never the newest.
    put(&kept("key:a", "r5", None, AT + 5, 10));
    assert_eq!((ids(chain("key:a", "r1", AT, reach)), ids(chain("key:a", "r3", AT, reach))), ("".into(), "r3".into()));
    put(&kept("key:a", "big", None, AT + 6, 2_000));
    for gone in ["r3", "c1", "c2", "r5"] {
        assert_eq!(ids(chain("key:a", gone, AT, reach)), "", "{gone} had to go");
    }
    assert_eq!(ids(chain("key:a", "big", AT, reach)), "big");
    put(&kept("key:b", "b1", None, AT + 7, 10));
    assert_eq!(ids(chain("key:a", "big", AT, reach)), "", "another's bytes count in all");
    assert_eq!(ids(chain("key:b", "b1", AT, reach)), "b1");
    // What has its time behind it is not found, and deleted in lots.
    assert_eq!(chain("key:b", "b1", AT + 7 + DAY, reach), vec![], "the end is exclusive");
    assert_eq!(wait(responses.forget("key:b", "b1", AT + 7 + DAY)), Ok(false));
    put(&kept("key:b", "b2", None, AT + 8, 10));
    assert_eq!(wait(responses.expire(AT + 6 + DAY, 10)), Ok(0));
    assert_eq!(wait(responses.expire(AT + 8 + DAY, 1)), Ok(1));
    assert_eq!(wait(responses.expire(AT + 8 + DAY, 10)), Ok(1));
}
