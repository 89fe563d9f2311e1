//! Makes a value that fits a JSON schema. Patterns and uniqueness are not looked at.

use wire::json::{Json, Writer};

/// Most values that one schema is filled with: beyond it everything is `null`.
const MOST: usize = 2_000;
/// Depth from which the shortest form is taken: empty lists, `null` where allowed, nothing optional.
const DEEP: usize = 5;
/// Depth beyond which everything is `null`: only a schema that no finite value fits gets there.
const DEEPEST: usize = 64;
/// Most schemas that are joined for one value.
const VIEWS: usize = 32;

/// The text of a JSON value that fits the schema; its texts say something of the prompt.
pub(super) fn fit(schema: Json<'_>, prompt: &str) -> String {
    let mut fitter = Fitter { root: schema, subject: subject(prompt), left: MOST };
    let mut json = Writer::new();
    fitter.value(schema, 0, &mut json);
    json.finish()
}

/// What a prompt is about: its first name behind the first word, else its start.
fn subject(prompt: &str) -> String {
    let bare = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    let names = prompt.split_whitespace().skip(1).map(bare);
    let name = names.into_iter().find(|word| word.chars().count() > 1 && word.starts_with(char::is_uppercase));
    let start = || prompt.chars().take(40).collect::<String>().trim().to_owned();
    Some(name.unwrap_or_else(start)).filter(|text| !text.is_empty()).unwrap_or_else(|| "example".to_owned())
}

struct Fitter<'a> {
    root: Json<'a>,
    subject: String,
    left: usize,
}

impl<'a> Fitter<'a> {
    /// Writes exactly one value.
    fn value(&mut self, schema: Json<'a>, depth: usize, json: &mut Writer) {
        if self.left == 0 || depth > DEEPEST {
            json.null();
            return;
        }
        self.left -= 1;
        let views = self.views(schema, depth >= DEEP);
        if let Some(fixed) = fixed(&views) {
            json.raw(fixed.raw());
            return;
        }
        match kind(&views, depth >= DEEP).as_str() {
            "object" => self.object(&views, depth, json),
            "array" => self.array(&views, depth, json),
            "boolean" => {
                json.bool(true);
            }
            "null" => {
                json.null();
            }
            "integer" => {
                json.raw(&number(&views, true));
            }
            "number" => {
                json.raw(&number(&views, false));
            }
            _ => {
                json.str(&self.text(&views));
            }
        }
    }

    /// The schema with everything that it refers to or is joined from.
    fn views(&self, schema: Json<'a>, deep: bool) -> Vec<Json<'a>> {
        let mut views = Vec::new();
        let mut open = vec![schema];
        while let Some(next) = open.pop() {
            if views.len() == VIEWS {
                break;
            }
            open.extend(next.get("$ref").and_then(|name| self.named(&name.as_str()?)));
            open.extend(next.get("allOf").into_iter().flat_map(Json::items).take(VIEWS));
            for several in ["anyOf", "oneOf"] {
                let branches = next.get(several).map(Json::items);
                let null = |branch: &Json<'a>| branch.get("type").is_some_and(|kind| kind.is("null"));
                let first = branches.clone().and_then(|mut all| all.find(|branch| null(branch) == deep));
                open.extend(first.or_else(|| branches?.next()));
            }
            views.push(next);
        }
        views
    }

    /// The schema at a place such as `#/$defs/node`.
    fn named(&self, place: &str) -> Option<Json<'a>> {
        let path = place.strip_prefix('#')?;
        path.split('/').skip(1).try_fold(self.root, |schema, step| {
            let step = step.replace("~1", "/").replace("~0", "~");
            schema.get(&step).or_else(|| schema.items().nth(step.parse().ok()?))
        })
    }

    fn object(&mut self, views: &[Json<'a>], depth: usize, json: &mut Writer) {
        let required = || views.iter().filter_map(|view| view.get("required"));
        let all = depth < DEEP && required().next().is_none();
        let mut names: Vec<(String, Json<'a>)> = Vec::new();
        for (name, schema) in views.iter().filter_map(|view| view.get("properties")).flat_map(Json::members) {
            let wanted = all || required().flat_map(Json::items).any(|one| one.is(&name));
            if wanted && !names.iter().any(|(known, _)| *known == name) {
                names.push((name.into_owned(), schema));
            }
        }
        for name in required().flat_map(Json::items).filter_map(Json::as_str) {
            if !names.iter().any(|(known, _)| *known == name) {
                names.push((name.into_owned(), Json::NULL));
            }
        }
        json.object(|json| {
            for (name, schema) in names {
                json.key(&name);
                self.value(schema, depth + 1, json);
            }
        });
    }

    fn array(&mut self, views: &[Json<'a>], depth: usize, json: &mut Writer) {
        let count = |name: &str| whole(keyword(views, name)).and_then(|count| usize::try_from(count).ok());
        let mut prefix = keyword(views, "prefixItems").into_iter().flat_map(Json::items);
        let usual = if depth < DEEP { prefix.clone().count().max(1) } else { 0 };
        let wanted = count("minItems").unwrap_or(0).max(usual).min(count("maxItems").unwrap_or(MOST)).min(MOST);
        let items = keyword(views, "items").unwrap_or(Json::NULL);
        json.array(|json| {
            for _ in 0..wanted {
                let schema = prefix.next().unwrap_or(items);
                self.value(schema, depth + 1, json);
            }
        });
    }

    fn text(&self, views: &[Json<'a>]) -> String {
        let format = keyword(views, "format").and_then(Json::as_str).unwrap_or_default();
        let text = match &*format {
            "date-time" => "2026-01-01T12:00:00Z",
            "date" => "2026-01-01",
            "time" => "12:00:00Z",
            "duration" => "PT1H",
            "email" | "idn-email" => "someone@example.com",
            "hostname" | "idn-hostname" => "example.com",
            "uri" | "url" | "iri" | "uri-reference" => "https://example.com/",
            "uuid" => "00000000-0000-4000-8000-000000000000",
            "ipv4" => "192.0.2.1",
            "ipv6" => "2001:db8::1",
            _ => "",
        };
        if !text.is_empty() {
            return text.to_owned();
        }
        let count = |name: &str| whole(keyword(views, name)).and_then(|count| usize::try_from(count).ok());
        let least = count("minLength").unwrap_or(0).min(MOST);
        let most = count("maxLength").unwrap_or(MOST);
        let length = self.subject.chars().count().clamp(least, most.max(least));
        self.subject.chars().chain(std::iter::repeat('.')).take(length).collect()
    }
}

/// The first value of a keyword.
fn keyword<'a>(views: &[Json<'a>], name: &str) -> Option<Json<'a>> {
    views.iter().find_map(|view| view.get(name))
}

fn whole(number: Option<Json<'_>>) -> Option<u64> {
    number.and_then(Json::as_u64)
}

/// The value that a schema gives itself.
fn fixed<'a>(views: &[Json<'a>]) -> Option<Json<'a>> {
    let first = |list: Json<'a>| list.items().find(|one| !one.is_null()).or_else(|| list.items().next());
    keyword(views, "const").or_else(|| keyword(views, "enum").and_then(first))
}

fn kind(views: &[Json<'_>], deep: bool) -> String {
    let has = |name: &str| views.iter().any(|view| view.get(name).is_some());
    let Some(kind) = keyword(views, "type") else {
        let guess = [("properties", "object"), ("required", "object"), ("items", "array"), ("minimum", "number")];
        return guess.iter().find(|(name, _)| has(name)).map_or("string", |(_, kind)| kind).to_owned();
    };
    let several = || kind.items().filter_map(Json::as_str).find(|one| (one == "null") == deep);
    let any = || kind.items().find_map(Json::as_str);
    kind.as_str().or_else(several).or_else(any).unwrap_or_default().into_owned()
}

/// A number within the bounds: 1 where it is one, else one near a bound or between the two.
fn number(views: &[Json<'_>], integer: bool) -> String {
    let bound = |name: &str| {
        let number: f64 = keyword(views, name)?.as_number()?.parse().ok()?;
        number.is_finite().then_some(number)
    };
    let (least, above) = (bound("minimum"), bound("exclusiveMinimum"));
    let (most, below) = (bound("maximum"), bound("exclusiveMaximum"));
    let multiple = bound("multipleOf").filter(|multiple| *multiple > 0.0);
    let low = least.or(above).or(most).or(below).unwrap_or(1.0);
    let high = most.or(below).unwrap_or(low);
    let tried =
        [1.0, low, low.ceil(), low.floor() + 1.0, high, high.floor(), high.ceil() - 1.0, f64::midpoint(low, high)];
    let rounded = tried.into_iter().filter_map(|value| multiple.map(|multiple| (value / multiple).ceil() * multiple));
    let fits = |value: &f64| {
        least.is_none_or(|least| *value >= least)
            && above.is_none_or(|above| *value > above)
            && most.is_none_or(|most| *value <= most)
            && below.is_none_or(|below| *value < below)
            && (!integer || value.fract() == 0.0)
            && multiple.is_none_or(|multiple| ((value / multiple).round() - value / multiple).abs() < 1e-9)
    };
    format!("{}", tried.into_iter().chain(rounded).find(fits).unwrap_or(low))
}

#[cfg(test)]
mod tests;
