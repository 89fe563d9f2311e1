//! Paths of responses and conversations: what each asks for.

use http::Method;
use policy::object::Kind;

use crate::objects::path::is_id;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// A conversation is made.
    Make,
    /// It is looked at, or something in it.
    Get,
    /// It is changed, or something is added to it.
    Change,
    /// A response in the making is stopped.
    Cancel,
    /// It is deleted.
    Delete,
    /// Something in it is deleted.
    Remove,
    /// Nothing that the path takes; the methods it takes.
    Wrong(&'static str),
}

/// What a path asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// Of a response, or of a conversation.
    pub kind: Kind,
    /// What.
    pub verb: Verb,
    /// Of which one; empty for a new one.
    pub id: &'a str,
    /// What stands behind the id, with its slash.
    pub rest: &'a str,
}

/// Reads a path below `/v1`, `/openai/v1` or neither; `None` for one that is not served.
#[must_use]
pub fn parse<'a>(method: &Method, path: &'a str) -> Option<Wanted<'a>> {
    let bare = path.strip_prefix("/openai").unwrap_or(path);
    let bare = bare.strip_prefix("/v1").unwrap_or(bare);
    let (kind, rest) = match bare.strip_prefix("/responses/") {
        Some(rest) => (Kind::Response, rest),
        None => {
            let rest = bare.strip_prefix("/conversations")?;
            (Kind::Conversation, if rest.is_empty() { rest } else { rest.strip_prefix('/')? })
        }
    };
    let (id, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if !(is_id(id) || (id.is_empty() && rest.is_empty() && kind == Kind::Conversation)) {
        return None;
    }
    // Calls of OpenAI's that are no response's id.
    if kind == Kind::Response && matches!(id, "input_tokens" | "compact") {
        return None;
    }
    let get = method == Method::GET || method == Method::HEAD;
    let (post, delete) = (method == Method::POST, method == Method::DELETE);
    let verb = match (kind, rest) {
        (Kind::Response, "") if get => Verb::Get,
        (Kind::Response, "") if delete => Verb::Delete,
        (Kind::Response, "") => Verb::Wrong("GET, HEAD, DELETE"),
        (Kind::Response, "/input_items") if get => Verb::Get,
        (Kind::Response, "/input_items") => Verb::Wrong("GET, HEAD"),
        (Kind::Response, "/cancel") if post => Verb::Cancel,
        (Kind::Response, "/cancel") => Verb::Wrong("POST"),
        (Kind::Conversation, "") if id.is_empty() && post => Verb::Make,
        (Kind::Conversation, "") if id.is_empty() => Verb::Wrong("POST"),
        (Kind::Conversation, "") if get => Verb::Get,
        (Kind::Conversation, "") if post => Verb::Change,
        (Kind::Conversation, "") if delete => Verb::Delete,
        (Kind::Conversation, "") => Verb::Wrong("GET, HEAD, POST, DELETE"),
        (Kind::Conversation, "/items") if get => Verb::Get,
        (Kind::Conversation, "/items") if post => Verb::Change,
        (Kind::Conversation, "/items") => Verb::Wrong("GET, HEAD, POST"),
        (Kind::Conversation, item) if item.strip_prefix("/items/").is_some_and(is_id) => match () {
            () if get => Verb::Get,
            () if delete => Verb::Remove,
            () => Verb::Wrong("GET, HEAD, DELETE"),
        },
        _ => return None,
    };
    Some(Wanted { kind, verb, id, rest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_say_what_is_asked() {
        let read = |method: &str, path: &str| {
            let method = Method::from_bytes(method.as_bytes()).unwrap_or_default();
            parse(&method, path).map_or_else(String::new, |wanted| {
                format!("{} {:?} {}{}", wanted.kind.name(), wanted.verb, wanted.id, wanted.rest)
            })
        };
        for (method, path, expected) in [
            ("GET", "/v1/responses/resp_1", "response Get resp_1"),
            ("HEAD", "/openai/v1/responses/resp_1", "response Get resp_1"),
            ("DELETE", "/responses/resp_1", "response Delete resp_1"),
            ("PUT", "/v1/responses/resp_1", "response Wrong(\"GET, HEAD, DELETE\") resp_1"),
            ("GET", "/v1/responses/resp_1/input_items", "response Get resp_1/input_items"),
            ("POST", "/v1/responses/resp_1/cancel", "response Cancel resp_1/cancel"),
            ("GET", "/v1/responses/resp_1/cancel", "response Wrong(\"POST\") resp_1/cancel"),
            ("POST", "/v1/conversations", "conversation Make "),
            ("POST", "/v1/conversations/conv_1", "conversation Change conv_1"),
            ("DELETE", "/v1/conversations/conv_1", "conversation Delete conv_1"),
            ("POST", "/v1/conversations/conv_1/items", "conversation Change conv_1/items"),
            ("DELETE", "/v1/conversations/conv_1/items/msg_1", "conversation Remove conv_1/items/msg_1"),
            ("POST", "/v1/responses/compact", ""),
            ("GET", "/v1/responses/", ""),
            ("GET", "/v1/responses/..", ""),
            ("GET", "/v1/responses/a/b", ""),
            ("GET", "/v1/conversationsx", ""),
            ("GET", "/v1/conversations/c/items/..", ""),
            ("GET", "/v1/conversations/c/items/a/b", ""),
        ] {
            assert_eq!(read(method, path), expected, "{method} {path}");
        }
    }
}
