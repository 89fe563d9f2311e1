//! Tools and which of them to call, as this dialect takes them.

use wire::json::{Json, Kind, Writer};

use super::read::VALIDATED;
use super::schema;
use super::turns::Turns;
use crate::id::DialectId;
use crate::ir::request::Request;
use crate::ir::tool::{Function, Tool, ToolChoice};
use crate::loss::Loss;

const HERE: DialectId = DialectId::Gemini;

/// Writes `tools`: neighbouring functions in one list, and every tool of this dialect's own by itself.
pub(super) fn write(request: &Request, turns: &mut Turns<'_>, json: &mut Writer) -> bool {
    let mut written: Vec<(bool, String)> = Vec::new();
    for (index, tool) in request.tools.iter().enumerate() {
        let at = format!("tools[{index}]");
        match tool {
            Tool::Function(function) => written.push((true, self::function(function, &at, turns))),
            Tool::Foreign { dialect: HERE, raw, .. } => written.push((false, raw.as_str().to_owned())),
            Tool::Foreign { kind, .. } => turns.lose(Loss::dropped(kind.clone(), at)),
        }
    }
    if written.is_empty() {
        return false;
    }
    json.key("tools").array(|json| {
        for run in written.chunk_by(|(own, _), (next, _)| *own && *next) {
            match run {
                [(false, raw)] => _ = json.raw(raw),
                functions => {
                    json.object(|json| {
                        json.key("functionDeclarations").array(|json| {
                            functions.iter().for_each(|(_, function)| _ = json.raw(function));
                        });
                    });
                }
            }
        }
    });
    true
}

fn function(function: &Function, at: &str, turns: &mut Turns<'_>) -> String {
    let name = turns.names.name(&function.name);
    let own = turns.own(&function.foreign, at);
    if function.strict == Some(true) {
        turns.lose(Loss::weakened("strict", at));
    }
    if function.cache.is_some() {
        turns.lose(Loss::dropped("cache_control", at));
    }
    let schema = function.schema.as_ref().map(|schema| schema.as_str());
    let is_object = |schema: &&str| Json::parse(schema).is_ok_and(|schema| schema.kind() == Kind::Object);
    if schema.is_some() && schema.as_ref().filter(|schema| is_object(schema)).is_none() {
        turns.lose(Loss::approximated("parameters", at));
    }
    let schema = schema.filter(is_object);
    let native = turns.able.json_schema;
    let subset = match schema {
        Some(schema) if !native => {
            Some(schema::to_subset(schema, at, &mut turns.losses)).filter(|subset| takes(subset))
        }
        _ => None,
    };
    let mut json = Writer::new();
    json.object(|json| {
        json.key("name").str(&name);
        if let Some(description) = &function.description {
            json.key("description").str(description);
        }
        match (&subset, schema) {
            (Some(subset), _) => _ = json.key("parameters").raw(subset),
            (None, Some(schema)) if native => _ = json.key("parametersJsonSchema").raw(schema),
            _ => {}
        }
        for (key, value) in &own {
            json.key(key).raw(value);
        }
    });
    json.finish()
}

/// False for arguments of nothing, which the subset refuses.
fn takes(subset: &str) -> bool {
    let json = Json::parse(subset).unwrap_or(Json::NULL);
    let object = json.get("type").is_some_and(|kind| kind.is("OBJECT"));
    !object || json.get("properties").is_some_and(|properties| properties.members().next().is_some())
}

/// Writes `toolConfig`: the choice, and members of this dialect's own. `some`: there are tools.
pub(super) fn config(
    request: &Request,
    some: bool,
    mut own: Vec<(String, String)>,
    turns: &mut Turns<'_>,
    json: &mut Writer,
) {
    let full = "toolConfig.functionCallingConfig.";
    let (mut calling, rest): (Vec<_>, Vec<_>) = own.drain(..).partition(|(key, _)| key.starts_with(full));
    let validated = calling.iter().any(|(key, _)| key == VALIDATED);
    calling.retain(|(key, _)| key != VALIDATED);
    let choice = request.tool_choice.as_ref();
    if request.parallel_tools == Some(false) {
        turns.lose(Loss::dropped("parallel_tool_calls", "parallel_tool_calls"));
    }
    if !some && matches!(choice, Some(ToolChoice::Any | ToolChoice::Named(_) | ToolChoice::Allowed { .. })) {
        turns.lose(Loss::dropped("tool_choice", "tool_choice"));
    }
    let mode = match choice.filter(|_| some) {
        None | Some(ToolChoice::Auto) if validated => Some("VALIDATED"),
        None => None,
        Some(ToolChoice::Auto) => Some("AUTO"),
        Some(ToolChoice::Any | ToolChoice::Named(_) | ToolChoice::Allowed { required: true, .. }) => Some("ANY"),
        Some(ToolChoice::None) => Some("NONE"),
        Some(ToolChoice::Allowed { required: false, .. }) => Some("VALIDATED"),
    };
    let names: Vec<String> = match choice.filter(|_| some) {
        Some(ToolChoice::Named(name)) => vec![turns.names.name(name)],
        Some(ToolChoice::Allowed { names, .. }) => names.iter().map(|name| turns.names.name(name)).collect(),
        _ => Vec::new(),
    };
    if mode.is_none() && calling.is_empty() && rest.is_empty() {
        return;
    }
    let last = |key: &str| key.rsplit_once('.').map_or(key, |(_, name)| name).to_owned();
    json.key("toolConfig").object(|json| {
        if mode.is_some() || !calling.is_empty() {
            json.key("functionCallingConfig").object(|json| {
                if let Some(mode) = mode {
                    json.key("mode").str(mode);
                }
                if !names.is_empty() {
                    json.key("allowedFunctionNames").array(|json| names.iter().for_each(|name| _ = json.str(name)));
                }
                for (key, value) in &calling {
                    json.key(&last(key)).raw(value);
                }
            });
        }
        for (key, value) in &rest {
            json.key(&last(key)).raw(value);
        }
    });
}
