//! Law 2: what a dialect cannot carry is named.

use bytes::Bytes;
use dialect::dialect::Dialect;
use dialect::ir::finish::{Finish, Reason};
use dialect::ir::fold::{fold, unfold};
use dialect::ir::part::{Body, Part, ToolCall};
use dialect::ir::request::Request;
use dialect::ir::response::{Choice, Response};
use dialect::peek::Said;
use dialect::target::{Control, Target};
use dialect::undo::Undo;
use proptest::prelude::*;
use wire::json::{Document, Json};

use crate::common::{diff, generate, streams};

/// Writes and reads a request back; fails where something is lost that no loss names.
fn assert_named(request: &Request, dialect: &dyn Dialect, target: &Target<'_>) -> Result<(), TestCaseError> {
    let Ok(outgoing) = dialect.write_request(request, target) else { return Ok(()) };
    let unread = |why: String| TestCaseError::fail(format!("{}: {why}\n{}", dialect.id(), outgoing.body));
    let body = Document::parse(Bytes::from(outgoing.body.clone())).map_err(|error| unread(error.to_string()))?;
    let said = Said { model: Some(target.model), stream: Some(request.stream) };
    let back = dialect.read_request(&body, said).map_err(|fault| unread(format!("{fault:?}")))?;
    let losses = [outgoing.losses, back.losses].concat();
    let back = streams::undone(back.value, &outgoing.undo).normalize();
    let silent = diff::unnamed(diff::requests(request, &back), &losses);
    prop_assert!(silent.is_empty(), "{}: {silent:#?}\n{losses:#?}\n{}\n{request:#?}", dialect.id(), outgoing.body);
    Ok(())
}

proptest! {
    #[test]
    fn requests(
        request in generate::request(),
        reasoning in prop::sample::select(vec![Control::None, Control::Budget, Control::Effort, Control::Adaptive]),
        max_output in prop::option::of(4096u64..64_000),
    ) {
        prop_assert_eq!(&request.clone().normalize(), &request, "the normal form is one");
        for dialect in dialect::all() {
            let target = Target { provider: "p", model: generate::MODEL, max_output, reasoning, ..Target::default() };
            assert_named(&request, dialect, &target)?;
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
            assert_named(&request, dialect, &target)?;
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

    #[test]
    fn answers_come_back_in_the_clients_words(request in generate::request()) {
        for dialect in dialect::all() {
            let target = Target { provider: "p", model: generate::MODEL, ..Target::default() };
            let Ok(outgoing) = dialect.write_request(&request, &target) else { continue };
            // The model calls every tool whose name was changed, and the one that stands for the answer's form.
            let sent = outgoing.undo.names.iter().map(|(sent, _)| sent).chain(&outgoing.undo.format_tool);
            let call = |name: &String| Body::ToolCall(ToolCall {
                id: format!("id_{name}"), name: name.clone(), arguments: "{\"a\":1}".into(), proof: None,
            }).into();
            let parts: Vec<Part> = sent.map(call).collect();
            let expected: Vec<String> = outgoing.undo.names.iter().map(|(_, client)| client.clone())
                .chain(outgoing.undo.format_tool.iter().map(|_| "{\"a\":1}".to_owned())).collect();
            let finish = Some(Finish::new(Reason::ToolUse));
            let response = Response { choices: vec![Choice { parts, finish }], ..Response::default() };
            let whole = dialect.write_response(&response, &streams::asked()).value;
            let whole = dialect.read_response(Json::parse(&whole).unwrap(), &outgoing.undo, &target).unwrap().value;
            let (bytes, _) = streams::encode(dialect, &streams::asked(), &unfold(&response));
            let mut decoder = dialect.decoder(outgoing.undo.clone(), &target);
            let mut events = Vec::new();
            for frame in streams::frames(&[Bytes::from(bytes)]) {
                decoder.push(&frame, &mut events);
            }
            decoder.finish(&mut events);
            for back in [whole, fold(events).unwrap()] {
                let said: Vec<String> = back.choices.iter().flat_map(|choice| &choice.parts).map(|part| match &part.body {
                    Body::ToolCall(call) => call.name.clone(),
                    Body::Text { text, .. } => text.clone(),
                    other => format!("{other:?}"),
                }).collect();
                prop_assert_eq!(&said, &expected, "{}", dialect.id());
                if outgoing.undo.names.is_empty() && outgoing.undo.format_tool.is_some() {
                    prop_assert_eq!(back.choices[0].finish.as_ref().map(|finish| finish.reason), Some(Reason::Stop));
                }
            }
        }
    }
}
