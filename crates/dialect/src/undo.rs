//! What a written request changed that its answer must be changed back from.

/// Changes to undo on the way back: handed from `write_request` to `decoder` and `read_response`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Undo {
    /// Tool-call ids that were replaced: what was sent, what the client knows.
    pub ids: Vec<(String, String)>,
    /// Tool names that were replaced: what was sent, what the client knows.
    pub names: Vec<(String, String)>,
    /// Structured output was emulated by a forced tool of this name: its input is the answer's text.
    pub format_tool: Option<String>,
}

impl Undo {
    /// The client's name of a tool.
    #[must_use]
    pub fn name<'a>(&'a self, sent: &'a str) -> &'a str {
        self.names.iter().find(|(own, _)| own == sent).map_or(sent, |(_, client)| client)
    }

    /// The client's id of a tool call.
    #[must_use]
    pub fn id<'a>(&'a self, sent: &'a str) -> &'a str {
        self.ids.iter().find(|(own, _)| own == sent).map_or(sent, |(_, client)| client)
    }
}
