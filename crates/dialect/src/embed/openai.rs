//! OpenAI's form: `input`, `dimensions`, `encoding_format`; `data[].embedding` in numbers or base64.

use std::borrow::Cow;

use wire::json::{Document, Edit, Json, Kind, Writer};

use super::vector::{Encoding, pack, unpack};
use super::{Embed, Embedded, Input};
use crate::fault::Fault;
use crate::loss::{Loss, Lossy};
use crate::members::{array, said, whole};

/// Most texts in one request (OpenAI: 2,048).
const MOST: usize = 10_000;

/// Reads a request.
///
/// # Errors
/// `invalid_request` with the path of what is not as the dialect says.
pub fn read(body: &Document) -> Result<Lossy<Embed>, Fault> {
    let (mut embed, mut losses) = (Embed::default(), Vec::new());
    let input = body.get("input").ok_or_else(|| Fault::invalid("input", "`input` is missing: say what to embed."))?;
    match input.kind() {
        Kind::String => embed.inputs.push(Input::Text(said(input, "input", &mut losses)?)),
        Kind::Array if input.items().next().is_some_and(|first| first.kind() == Kind::Number) => {
            embed.inputs.push(Input::Tokens(input.raw().into()));
        }
        _ => {
            for (index, one) in array(input, "input")?.enumerate() {
                embed.inputs.push(match one.kind() {
                    Kind::Array => Input::Tokens(one.raw().into()),
                    _ => Input::Text(said(one, &format!("input[{index}]"), &mut losses)?),
                });
            }
        }
    }
    if embed.inputs.is_empty() || embed.inputs.len() > MOST {
        return Err(Fault::invalid("input", format!("`input` must be 1 to {MOST} texts.")));
    }
    for (key, value) in body.members().filter(|(_, value)| !value.is_null()) {
        match key {
            "model" | "input" | "models" | "provider" => {}
            "dimensions" => embed.dimensions = Some(whole(value, key)?),
            "encoding_format" => embed.encoding = Encoding::of(Some(value)),
            other => losses.push(Loss::dropped(other.to_owned(), other)),
        }
    }
    Ok(Lossy { value: embed, losses })
}

/// Writes a request for a model. Vectors are asked for in numbers.
#[must_use]
pub fn write(embed: &Embed, model: &str) -> Lossy<String> {
    let mut losses = Vec::new();
    for (what, said) in [("taskType", &embed.task), ("title", &embed.title)] {
        if said.is_some() {
            losses.push(Loss::dropped(what, what));
        }
    }
    let mut json = Writer::with_capacity(256);
    json.object(|json| {
        json.key("model").str(model);
        json.key("input").array(|json| {
            for input in &embed.inputs {
                match input {
                    Input::Text(text) => json.str(text),
                    Input::Tokens(tokens) => json.raw(tokens.as_str()),
                };
            }
        });
        if let Some(dimensions) = embed.dimensions {
            json.key("dimensions").u64(dimensions);
        }
        json.key("encoding_format").str("float");
    });
    Lossy { value: json.finish(), losses }
}

/// Reads an answer; `None` where it is no list of vectors.
#[must_use]
pub fn read_answer(answer: Json<'_>) -> Option<Embedded> {
    let data = answer.get("data").filter(|data| data.kind() == Kind::Array)?;
    let mut vectors = Vec::new();
    for (place, one) in data.items().enumerate() {
        let index = one.get("index").and_then(Json::as_u64).unwrap_or(place as u64);
        vectors.push((index, numbers(one.get("embedding")?)?.into_owned().into()));
    }
    vectors.sort_by_key(|(index, _)| *index);
    let tokens = answer
        .get("usage")
        .and_then(|usage| usage.get("prompt_tokens").or_else(|| usage.get("total_tokens")).and_then(Json::as_u64));
    Some(Embedded { vectors: vectors.into_iter().map(|(_, vector)| vector).collect(), tokens })
}

/// A vector in numbers, however it came.
fn numbers(vector: Json<'_>) -> Option<Cow<'_, str>> {
    match vector.kind() {
        Kind::Array => Some(Cow::Borrowed(vector.raw())),
        Kind::String => unpack(&vector.as_str()?).map(Cow::Owned),
        _ => None,
    }
}

/// Writes an answer. `tokens` is what was reported or estimated.
#[must_use]
pub fn write_answer(embedded: &Embedded, model: &str, encoding: Encoding, tokens: u64) -> Option<String> {
    let mut vectors = Vec::with_capacity(embedded.vectors.len());
    for vector in &embedded.vectors {
        vectors.push(match encoding {
            Encoding::Base64 => Cow::Owned(quoted(&pack(Json::parse(vector.as_str()).ok()?)?)),
            Encoding::Float | Encoding::Own => Cow::Borrowed(vector.as_str()),
        });
    }
    let mut json = Writer::with_capacity(vectors.iter().map(|vector| vector.len() + 64).sum());
    json.object(|json| {
        json.key("object").str("list");
        json.key("data").array(|json| {
            for (index, vector) in vectors.iter().enumerate() {
                json.object(|json| {
                    json.key("object").str("embedding");
                    json.key("index").u64(index as u64);
                    json.key("embedding").raw(vector);
                });
            }
        });
        json.key("model").str(model);
        json.key("usage").object(|json| {
            json.key("prompt_tokens").u64(tokens);
            json.key("total_tokens").u64(tokens);
        });
    });
    Some(json.finish())
}

/// The edits that give each vector of an answer the form that its caller asked for; none where all have it already,
/// or where nobody can say.
#[must_use]
pub fn encode(answer: &Document, encoding: Encoding) -> Vec<Edit<'static>> {
    let mut edits = Vec::new();
    let Some(data) = answer.get("data").filter(|data| data.kind() == Kind::Array) else { return edits };
    for (index, one) in data.items().enumerate() {
        let Some(vector) = one.get("embedding") else { continue };
        let changed = match (encoding, vector.kind()) {
            (Encoding::Base64, Kind::Array) => pack(vector).map(|packed| quoted(&packed)),
            (Encoding::Float, Kind::String) => vector.as_str().and_then(|text| unpack(&text)),
            _ => None,
        };
        if let Some(changed) = changed {
            edits.push(Edit::set_at(vec!["data".into(), index.into(), "embedding".into()], changed));
        }
    }
    edits
}

fn quoted(text: &str) -> String {
    let mut json = Writer::with_capacity(text.len() + 2);
    json.str(text);
    json.finish()
}
