//! Google's form: contents of parts, one in `embedContent`, several in `batchEmbedContents`.

use wire::json::{Document, Edit, Json, Kind, Writer};

use super::{Embed, Embedded, Input};
use crate::fault::Fault;
use crate::gemini::member::{camel, get, list};
use crate::loss::{Loss, Lossy};
use crate::members::{array, object, said, whole};

/// Most texts in one request (Google: 100).
const MOST: usize = 10_000;

/// Reads a request: of several where `batch`.
///
/// # Errors
/// `invalid_request` with the path of what is not as the dialect says, or cannot be asked of another.
pub fn read(body: &Document, batch: bool) -> Result<Lossy<Embed>, Fault> {
    let (mut embed, mut losses) = (Embed::default(), Vec::new());
    if !batch {
        one(body.json(), "", &mut embed, &mut losses)?;
        return Ok(Lossy { value: embed, losses });
    }
    let requests = body.get("requests").ok_or_else(|| Fault::invalid("requests", "`requests` is missing."))?;
    for (index, request) in array(requests, "requests")?.enumerate() {
        let path = format!("requests[{index}].");
        let mut own = Embed::default();
        one(object(request, &format!("requests[{index}]"))?, &path, &mut own, &mut losses)?;
        if index > 0 && own.dimensions != embed.dimensions {
            let message = "This model is asked for all texts at once: give every request one `outputDimensionality`.";
            return Err(Fault::invalid(format!("{path}outputDimensionality"), message));
        }
        embed.dimensions = own.dimensions;
        embed.task = embed.task.or(own.task);
        embed.title = embed.title.or(own.title);
        embed.inputs.extend(own.inputs);
    }
    if embed.inputs.is_empty() || embed.inputs.len() > MOST {
        return Err(Fault::invalid("requests", format!("`requests` must be 1 to {MOST} texts.")));
    }
    Ok(Lossy { value: embed, losses })
}

fn one(request: Json<'_>, path: &str, embed: &mut Embed, losses: &mut Vec<Loss>) -> Result<(), Fault> {
    let at = |name: &str| format!("{path}{name}");
    let content = get(request, "content")
        .ok_or_else(|| Fault::invalid(at("content"), format!("`{}` is missing: say what to embed.", at("content"))))?;
    let parts = get(object(content, &at("content"))?, "parts").unwrap_or(Json::NULL);
    let mut texts = Vec::new();
    for (index, part) in list(parts, &at("content.parts"))?.into_iter().enumerate() {
        let place = at(&format!("content.parts[{index}]"));
        match get(part, "text") {
            Some(text) => texts.push(said(text, &place, losses)?),
            None => {
                let message = format!("`{place}` is no text, and this model's provider embeds text alone.");
                return Err(Fault::invalid(&place, message));
            }
        }
    }
    if texts.len() > 1 {
        losses.push(Loss::approximated("parts", at("content.parts")));
    }
    embed.inputs.push(Input::Text(texts.join("\n")));
    for (key, value) in request.members().filter(|(_, value)| !value.is_null()) {
        match &*camel(key.clone()) {
            "content" | "model" => {}
            "outputDimensionality" => embed.dimensions = Some(whole(value, &at("outputDimensionality"))?),
            "taskType" => embed.task = value.as_str().map(Into::into),
            "title" => embed.title = value.as_str().map(Into::into),
            // Google's newer spelling of the same.
            "embedContentConfig" | "config" => {
                for (key, value) in value.members() {
                    match &*camel(key) {
                        "outputDimensionality" => embed.dimensions = value.as_u64().or(embed.dimensions),
                        "taskType" => embed.task = value.as_str().map(Into::into),
                        "title" => embed.title = value.as_str().map(Into::into),
                        other => losses.push(Loss::dropped(other.to_owned(), at(other))),
                    }
                }
            }
            other => losses.push(Loss::dropped(other.to_owned(), at(other))),
        }
    }
    Ok(())
}

/// Writes a request of several for a model.
///
/// # Errors
/// `invalid_request` for token ids, which mean nothing to a model of another vocabulary.
pub fn write(embed: &Embed, model: &str) -> Result<String, Fault> {
    let mut texts = Vec::with_capacity(embed.inputs.len());
    for (index, input) in embed.inputs.iter().enumerate() {
        match input {
            Input::Text(text) => texts.push(text),
            Input::Tokens(_) => {
                let message = "Token ids are of OpenAI's vocabulary and mean nothing to this model: send the text.";
                return Err(Fault::invalid(format!("input[{index}]"), message));
            }
        }
    }
    let name = format!("models/{model}");
    let mut json = Writer::with_capacity(256);
    json.object(|json| {
        json.key("requests").array(|json| {
            for text in texts {
                json.object(|json| {
                    json.key("model").str(&name);
                    json.key("content").object(|json| {
                        json.key("parts").array(|json| {
                            json.object(|json| {
                                json.key("text").str(text);
                            });
                        });
                    });
                    if let Some(dimensions) = embed.dimensions {
                        json.key("outputDimensionality").u64(dimensions);
                    }
                    for (key, said) in [("taskType", &embed.task), ("title", &embed.title)] {
                        if let Some(said) = said {
                            json.key(key).str(said);
                        }
                    }
                });
            }
        });
    });
    Ok(json.finish())
}

/// The edits of a body on its way to a target of the same dialect: each request names its model.
#[must_use]
pub fn patch(body: &Document, model: &str) -> Vec<Edit<'static>> {
    let mut name = Writer::new();
    name.str(&format!("models/{model}"));
    let name = name.finish();
    let mut edits = Vec::new();
    if body.get("model").is_some() {
        edits.push(Edit::set_at(vec!["model".into()], name.clone()));
    }
    let requests = body.get("requests").filter(|requests| requests.kind() == Kind::Array);
    for (index, request) in requests.into_iter().flat_map(Json::items).enumerate() {
        if request.get("model").is_some() {
            edits.push(Edit::set_at(vec!["requests".into(), index.into(), "model".into()], name.clone()));
        }
    }
    edits
}

/// Reads an answer of one or of several; `None` where it is neither.
#[must_use]
pub fn read_answer(answer: Json<'_>) -> Option<Embedded> {
    let values = |one: Json<'_>| {
        let values = one.get("values").filter(|values| values.kind() == Kind::Array)?;
        Some(values.raw().into())
    };
    let vectors = match (answer.get("embeddings"), answer.get("embedding")) {
        (Some(several), _) if several.kind() == Kind::Array => several.items().map(values).collect::<Option<_>>()?,
        (None, Some(one)) => vec![values(one)?],
        _ => return None,
    };
    Some(Embedded { vectors, tokens: tokens(answer) })
}

/// Tokens read, where the model reports them (`gemini-embedding-2` does, `gemini-embedding-001` does not).
#[must_use]
pub fn tokens(answer: Json<'_>) -> Option<u64> {
    answer.get("usageMetadata")?.get("promptTokenCount")?.as_u64()
}

/// Writes an answer, of several where `batch`.
#[must_use]
pub fn write_answer(embedded: &Embedded, batch: bool) -> String {
    let mut json = Writer::with_capacity(embedded.vectors.iter().map(|vector| vector.as_str().len() + 16).sum());
    let values = |json: &mut Writer, vector: &str| {
        json.object(|json| {
            json.key("values").raw(vector);
        });
    };
    json.object(|json| {
        if batch {
            json.key("embeddings").array(|json| {
                embedded.vectors.iter().for_each(|vector| values(json, vector.as_str()));
            });
        } else if let Some(vector) = embedded.vectors.first() {
            json.key("embedding");
            values(json, vector.as_str());
        }
        if let Some(tokens) = embedded.tokens {
            json.key("usageMetadata").object(|json| {
                json.key("promptTokenCount").u64(tokens);
                json.key("totalTokenCount").u64(tokens);
            });
        }
    });
    json.finish()
}
