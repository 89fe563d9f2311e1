use super::*;
use crate::id::DialectId;
use crate::ir::fold::unfold;
use crate::ir::part::{Origin, ToolCall};
use crate::ir::response::Choice;

fn proof(data: &str, model: &str) -> Opaque {
    let origin = Origin { dialect: DialectId::AnthropicMessages, model: model.to_owned() };
    Opaque { origin, data: data.to_owned() }
}

fn thought(text: &str, data: &str) -> Part {
    Body::Reasoning(Reasoning { text: text.into(), proof: Some(proof(data, "m")), redacted: text.is_empty() }).into()
}

fn words(text: &str) -> Part {
    Body::Reasoning(Reasoning { text: text.into(), proof: None, redacted: false }).into()
}

fn call(id: &str, data: Option<&str>) -> Part {
    let proof = data.map(|data| proof(data, "m"));
    Body::ToolCall(ToolCall { id: id.into(), name: "f".into(), arguments: "{}".into(), proof }).into()
}

fn answer(parts: Vec<Part>) -> Response {
    Response { choices: vec![Choice { parts, finish: None }], ..Response::default() }
}

/// A memory of answers.
struct Memory(Vec<Proved>);

impl Known for Memory {
    fn at_call(&self, id: &str) -> Option<Proofs> {
        self.0.iter().flat_map(|proved| &proved.calls).find(|(own, _)| own == id).map(|(_, proofs)| proofs.clone())
    }
    fn maker(&self, proof: &Opaque) -> Option<String> {
        let all = self.0.iter().flat_map(|proved| &proved.all);
        all.into_iter().find(|own| own.data == proof.data).map(|own| own.origin.model.clone())
    }
}

/// What the model said, as a client without any place for proofs gives it back, and restored.
fn round(said: Vec<Part>, kept: Vec<Vec<Part>>) -> Vec<Part> {
    let response = answer(said);
    let mut gather = Gather::default();
    unfold(&response).iter().for_each(|event| gather.push(event));
    let (streamed, whole) = (gather.finish(), Gather::of(&response).finish());
    assert_eq!(streamed, whole, "a stream proves what the whole answer proves");
    let mut request = Request {
        messages: kept.into_iter().map(|parts| Message::new(Role::Assistant, parts)).collect(),
        ..Request::default()
    };
    request.messages.insert(0, Message::new(Role::User, vec![Part::text("q")]));
    request.messages.push(Message::new(Role::Tool, vec![]));
    restore(&mut request, &Memory(vec![whole]));
    request.messages.into_iter().filter(|message| message.role == Role::Assistant).flat_map(|m| m.parts).collect()
}

#[test]
fn what_a_client_lost_stands_where_it_stood() {
    let text = || Part::text("I look.");
    let said =
        vec![thought("a", "A"), thought("", "R"), text(), call("1", None), thought("b", "B"), call("2", Some("C"))];
    let bare = vec![text(), call("1", None), call("2", None)];
    assert_eq!(round(said.clone(), vec![bare.clone()]), said);
    // One message an item, as the Responses dialect reads them; and words kept of the thoughts.
    let apart: Vec<Vec<Part>> = bare.iter().cloned().map(|part| vec![part]).collect();
    assert_eq!(round(said.clone(), apart), said);
    let worded = vec![words("a"), text(), call("1", None), call("2", None)];
    assert_eq!(round(said.clone(), vec![worded]), said);
}

#[test]
fn what_a_client_kept_stays_and_gets_its_maker() {
    let said = vec![thought("a", "A"), call("1", Some("C"))];
    let nameless = |part: &Part| {
        let mut part = part.clone();
        match &mut part.body {
            Body::Reasoning(Reasoning { proof: Some(proof), .. })
            | Body::ToolCall(ToolCall { proof: Some(proof), .. }) => proof.origin.model.clear(),
            _ => {}
        }
        part
    };
    assert_eq!(round(said.clone(), vec![said.iter().map(nameless).collect()]), said);
    let strange = vec![thought("x", "X"), call("1", Some("Y"))];
    assert_eq!(round(said, vec![strange.clone()]), strange, "what is not known is not touched");
}

#[test]
fn nothing_is_made_of_nothing() {
    assert_eq!(Gather::of(&answer(vec![words("a"), call("1", None)])).finish(), Proved::default());
    let unknown = vec![words("a"), call("2", None)];
    assert_eq!(round(vec![thought("a", "A"), call("1", None)], vec![unknown.clone()]), unknown);
    assert_eq!(round(vec![thought("a", "A"), call("", None)], vec![vec![call("", None)]]), vec![call("", None)]);
    let mut empty = Request::default();
    assert!(!may_lack(&empty));
    restore(&mut empty, &Memory(vec![]));
}
