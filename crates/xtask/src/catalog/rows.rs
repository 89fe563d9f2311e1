//! Names of providers: which of ours a source means, and how the source writes its ids.

/// LiteLLM's provider, our row, the prefix that it puts before wire ids, and whether its entries only fill gaps.
const LITELLM: &[(&str, &str, &str)] = &[
    ("openai", "openai", "openai/"),
    ("text-completion-openai", "openai", ""),
    ("anthropic", "anthropic", "anthropic/"),
    ("gemini", "gemini", "gemini/"),
    ("bedrock", "bedrock", "bedrock/"),
    ("bedrock_converse", "bedrock", "bedrock/"),
    ("bedrock_mantle", "bedrock", "bedrock_mantle/"),
    ("azure", "azure", "azure/"),
    ("azure_text", "azure", "azure/"),
    ("azure_ai", "azure", "azure_ai/"),
    ("vercel_ai_gateway", "vercel", "vercel_ai_gateway/"),
    ("openrouter", "openrouter", "openrouter/"),
    ("mistral", "mistral", "mistral/"),
    ("groq", "groq", "groq/"),
    ("deepseek", "deepseek", "deepseek/"),
    ("xai", "xai", "xai/"),
    ("cohere", "cohere", "cohere/"),
    ("cohere_chat", "cohere", "cohere/"),
    ("together_ai", "together", "together_ai/"),
    ("fireworks_ai", "fireworks", "fireworks_ai/"),
    ("fireworks_ai-embedding-models", "fireworks", "fireworks_ai/"),
    ("perplexity", "perplexity", "perplexity/"),
    ("cerebras", "cerebras", "cerebras/"),
    ("zai", "zai", "zai/"),
    ("moonshot", "moonshot", "moonshot/"),
    ("dashscope", "alibaba", "dashscope/"),
    ("nvidia_nim", "nvidia", "nvidia_nim/"),
    ("sambanova", "sambanova", "sambanova/"),
    ("nebius", "nebius", "nebius/"),
    ("novita", "novita", "novita/"),
    ("deepinfra", "deepinfra", "deepinfra/"),
    ("hyperbolic", "hyperbolic", "hyperbolic/"),
    ("databricks", "databricks", "databricks/"),
    ("voyage", "voyage", "voyage/"),
    ("ai21", "ai21", "ai21/"),
    ("minimax", "minimax", "minimax/"),
    ("baseten", "baseten", "baseten/"),
    ("cloudflare", "cloudflare", "cloudflare/"),
    ("friendliai", "friendliai", "friendliai/"),
    ("scaleway", "scaleway", "scaleway/"),
    ("ovhcloud", "ovhcloud", "ovhcloud/"),
    ("nscale", "nscale", "nscale/"),
    ("meta", "meta", "meta/"),
    ("meta_llama", "meta", "meta_llama/"),
    ("jina_ai", "jina", "jina_ai/"),
    ("wandb", "wandb", "wandb/"),
    ("xiaomi_mimo", "xiaomi", "xiaomi_mimo/"),
];

/// genai-prices' provider and our row.
const GENAI: &[(&str, &str)] = &[
    ("anthropic", "anthropic"),
    ("aws", "bedrock"),
    ("azure", "azure"),
    ("baseten", "baseten"),
    ("cerebras", "cerebras"),
    ("cloudflare", "cloudflare"),
    ("cohere", "cohere"),
    ("databricks", "databricks"),
    ("deepseek", "deepseek"),
    ("fireworks", "fireworks"),
    ("google", "gemini"),
    ("groq", "groq"),
    ("meta", "meta"),
    ("minimax", "minimax"),
    ("mistral", "mistral"),
    ("moonshotai", "moonshot"),
    ("novita", "novita"),
    ("openai", "openai"),
    ("openrouter", "openrouter"),
    ("ovhcloud", "ovhcloud"),
    ("perplexity", "perplexity"),
    ("together", "together"),
    ("voyageai", "voyage"),
    ("x-ai", "xai"),
    ("zai", "zai"),
];

/// The provider in models.dev's derivative and our row.
const MODELSDEV: &[(&str, &str)] = &[
    ("amazon-bedrock", "bedrock"),
    ("anthropic", "anthropic"),
    ("azure", "azure"),
    ("baseten", "baseten"),
    ("cerebras", "cerebras"),
    ("cloudflare-workers-ai", "cloudflare"),
    ("deepseek", "deepseek"),
    ("fireworks", "fireworks"),
    ("google", "gemini"),
    ("google-vertex", "vertex"),
    ("groq", "groq"),
    ("huggingface", "huggingface"),
    ("meta", "meta"),
    ("minimax", "minimax"),
    ("mistral", "mistral"),
    ("moonshotai", "moonshot"),
    ("nvidia", "nvidia"),
    ("openai", "openai"),
    ("openrouter", "openrouter"),
    ("together", "together"),
    ("vercel-ai-gateway", "vercel"),
    ("xai", "xai"),
    ("xiaomi", "xiaomi"),
    ("zai", "zai"),
];

/// Where a LiteLLM entry belongs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Our row.
    pub(crate) provider: &'static str,
    /// The wire id.
    pub(crate) id: String,
    /// The region that the entry prices, where it prices one.
    pub(crate) region: Option<String>,
    /// Lower goes first where several entries are one offer: `deepseek/x` before a bare `x`.
    pub(crate) order: u8,
}

/// Our row and the wire id of a LiteLLM key; `None` for what is out of scope or no wire id.
pub(crate) fn litellm(key: &str, provider: &str) -> Option<Place> {
    let pseudo = ["together-ai-", "fireworks-ai-", "sample_spec"];
    if key.contains("-x-") || key.contains("commitment/") || pseudo.iter().any(|prefix| key.starts_with(prefix)) {
        return None;
    }
    if provider == "vertex_ai" || provider.starts_with("vertex_ai-") {
        let id = key.strip_prefix("vertex_ai/").unwrap_or(key);
        return Some(Place { provider: "vertex", id: id.to_owned(), region: None, order: u8::from(id == key) });
    }
    let (_, row, prefix) = LITELLM.iter().find(|(name, _, _)| *name == provider)?;
    let stripped = key.strip_prefix(prefix).filter(|_| !prefix.is_empty());
    // `azure_ai` and `bedrock_mantle` are other doors to the same house: they only fill gaps.
    let order = match provider {
        "azure_ai" | "bedrock_mantle" => 3,
        _ => u8::from(stripped.is_none()),
    };
    let mut id = stripped.unwrap_or(key);
    let mut region = None;
    if let Some((first, rest)) = id.split_once('/').filter(|_| matches!(*row, "azure" | "bedrock")) {
        let is_region = match *row {
            "azure" => matches!(first, "eu" | "us" | "apac"),
            _ => first.split('-').count() >= 3 && first.ends_with(|last: char| last.is_ascii_digit()),
        };
        match first {
            _ if is_region && !rest.contains('/') => (region, id) = (Some(first.to_owned()), rest),
            // Doors to the same models, and pictures by size and quality.
            "global" | "global-standard" | "hd" | "standard" | "low" | "medium" | "high" => return None,
            _ if *row == "bedrock" => return None,
            _ => {}
        }
    }
    (!id.is_empty() && !id.contains('\t')).then(|| Place { provider: row, id: id.to_owned(), region, order })
}

/// Our row of a genai-prices provider, and what its ids end with there (Hugging Face names the server).
pub(crate) fn genai(provider: &str) -> Option<(&'static str, String)> {
    if let Some(server) = provider.strip_prefix("huggingface_") {
        return Some(("huggingface", format!(":{server}")));
    }
    GENAI.iter().find(|(name, _)| *name == provider).map(|(_, row)| (*row, String::new()))
}

/// Our row of a models.dev provider.
pub(crate) fn modelsdev(provider: &str) -> Option<&'static str> {
    MODELSDEV.iter().find(|(name, _)| *name == provider).map(|(_, row)| *row)
}

/// Whose word on a model's own facts counts most, first the labs, then those who serve it.
pub(crate) const LABS: &[&str] = &[
    "openai",
    "anthropic",
    "gemini",
    "mistral",
    "deepseek",
    "xai",
    "cohere",
    "moonshot",
    "zai",
    "alibaba",
    "minimax",
    "meta",
    "ai21",
    "xiaomi",
    "perplexity",
    "voyage",
    "jina",
    "vertex",
    "bedrock",
    "azure",
    "groq",
    "cerebras",
    "together",
    "fireworks",
    "nvidia",
    "huggingface",
    "openrouter",
    "vercel",
];
