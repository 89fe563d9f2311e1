//! Law 2: what a dialect cannot carry is named.

use bytes::Bytes;
use dialect::dialect::Dialect;
use dialect::ir::request::Request;
use dialect::target::{Control, Target};
use dialect::undo::Undo;
use proptest::prelude::*;
use wire::json::{Document, Json};

use crate::common::{diff, generate, streams};

/// Writes and reads a request back; panics where something is lost that no loss names.
fn assert_named(request: &Request, dialect: &dyn Dialect, target: &Target<'_>) {
    let Ok(outgoing) = dialect.write_request(request, target) else { return };
    let body = Document::parse(Bytes::from(outgoing.body.clone()))
        .unwrap_or_else(|error| panic!("{error}: {}", outgoing.body));
    let back =
        dialect.read_request(&body).unwrap_or_else(|fault| panic!("{}: {fault:?}\n{}", dialect.id(), outgoing.body));
    let mut losses = outgoing.losses;
    losses.extend(back.losses);
    let back = streams::undone(back.value, &outgoing.undo).normalize();
    let silent = diff::unnamed(diff::requests(request, &back), &losses);
    assert!(silent.is_empty(), "{}: {silent:#?}\n{losses:#?}\n{}\n{request:#?}", dialect.id(), outgoing.body);
}

proptest! {
    #[test]
    fn requests(
        request in generate::request(),
        reasoning in prop::sample::select(vec![Control::None, Control::Budget, Control::Effort, Control::Adaptive]),
        max_output in prop::option::of(4096u64..64_000),
    ) {
        prop_assert_eq!(request.clone().normalize(), request.clone(), "the normal form is one");
        for dialect in dialect::all() {
            let target = Target { provider: "p", model: generate::MODEL, max_output, reasoning, ..Target::default() };
            assert_named(&request, dialect, &target);
        }
    }

    #[test]
    fn requests_to_servers_with_quirks(
        request in generate::request(),
        quirks in prop::sample::subsequence(dialect::quirk::Quirk::ALL.map(|(quirk, _)| quirk).to_vec(), 0..5),
    ) {
        for dialect in dialect::all() {
            let quirks = quirks.iter().copied().collect();
            let target = Target { provider: "p", model: generate::MODEL, quirks, ..Target::default() };
            assert_named(&request, dialect, &target);
        }
    }

    #[test]
    fn answers(response in generate::response()) {
        for dialect in dialect::all() {
            let target = Target { provider: "p", model: generate::MODEL, ..Target::default() };
            let written = dialect.write_response(&response, &streams::asked());
            let body = Json::parse(&written.value).unwrap_or_else(|error| panic!("{error}: {}", written.value));
            let back = dialect.read_response(body, &Undo::default(), &target)
                .unwrap_or_else(|fault| panic!("{}: {fault:?}\n{}", dialect.id(), written.value));
            let mut losses = written.losses;
            losses.extend(back.losses);
            let silent = diff::unnamed(diff::responses(&response, &back.value), &losses);
            prop_assert!(silent.is_empty(), "{}: {silent:#?}\n{losses:#?}\n{}", dialect.id(), written.value);
        }
    }
}
