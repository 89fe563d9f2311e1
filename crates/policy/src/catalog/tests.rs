#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]

use std::collections::BTreeSet;

use dialect::usage::Unit;
use proptest::prelude::*;

use super::*;
use crate::price::sheet::Asked;

/// The report that is made together with the catalogue.
const CONFLICTS: &str = include_str!("../../../../catalog/CONFLICTS.md");

fn offer_of(provider: &str, id: &str) -> Offer {
    Catalog::embedded().offer(provider, id).unwrap_or_else(|| panic!("{provider}/{id}"))
}

fn input_price(offer: &Offer) -> Option<String> {
    let at = "2026-11-22T12:00:00Z".parse().unwrap();
    let (_, row) = offer.sheet.as_ref()?.row(at, Asked::default(), 0)?;
    row.rates.get(Unit::Input).map(|rate| rate.to_string())
}

#[test]
fn the_embedded_text_is_sorted_and_every_line_is_valid() {
    let catalog = Catalog::embedded();
    let mut last = "";
    let mut priced = 0;
    for (key, json) in catalog.lines() {
        assert!(last < key, "{last} is not before {key}");
        last = key;
        let entry: Entry = serde_json::from_str(json).unwrap_or_else(|error| panic!("{key}: {error}"));
        entry.sheet.check().unwrap_or_else(|error| panic!("{key}: {error}"));
        assert_eq!(serde_json::to_string(&entry).unwrap(), json, "{key}");
        if let Some(real) = &entry.alias {
            let (provider, _) = key.split_once('/').unwrap();
            assert!(catalog.find(&format!("{provider}/{real}")).is_some(), "{key} means {real}, which is not there");
            assert_eq!((&entry.facts, &entry.sheet), (&Facts::default(), &Sheet::default()), "{key}");
        }
        if key.starts_with('~') {
            assert!(entry.sheet.rows.is_empty(), "{key} has a price without a provider");
        }
        priced += usize::from(!entry.sheet.rows.is_empty());
    }
    assert!(priced > 4000, "only {priced} offers have a price");
    assert!(EMBEDDED.len() < 3_000_000, "{} bytes", EMBEDDED.len());
    assert_eq!(EMBEDDED.lines().count(), catalog.lines().count() + 2);
}

#[test]
fn the_report_of_conflicts_is_of_this_version() {
    let version = Catalog::embedded().version();
    assert!(version.starts_with("20"), "{version}");
    assert!(CONFLICTS.contains(&format!("Catalogue {version}.")), "CONFLICTS.md is not of {version}");
    let prices = CONFLICTS.split("\n## ").find(|part| part.starts_with("Prices (")).unwrap();
    let rows =
        prices.lines().filter(|line| line.starts_with("| ")).skip(1).map(|line| line.split('|').nth(1).unwrap().trim());
    let mut count = 0;
    for key in rows {
        assert!(Catalog::embedded().find(key).is_some(), "{key}");
        count += 1;
    }
    assert!(prices.starts_with(&format!("Prices ({count})")), "{count}");
}

#[test]
fn every_provider_of_the_head_has_offers_and_no_other() {
    let catalog = Catalog::embedded();
    let keys = catalog.lines().map(|(key, _)| key).filter(|key| !key.starts_with('~'));
    let found: BTreeSet<&str> = keys.filter_map(|key| key.split_once('/')).map(|(provider, _)| provider).collect();
    assert_eq!(catalog.providers().collect::<BTreeSet<_>>(), found);
    let rows = "openai anthropic gemini vertex bedrock azure openrouter vercel mistral groq deepseek xai cohere together \
                fireworks perplexity cerebras huggingface zai moonshot alibaba nvidia sambanova nebius novita deepinfra \
                hyperbolic databricks voyage";
    for row in rows.split(' ') {
        assert!(catalog.models_of(row).next().is_some(), "{row}");
    }
}

#[test]
fn an_offer_is_found_by_id_alias_date_region_and_vendor() {
    for (provider, id, found, real, input) in [
        ("openai", "gpt-5", Found::Exact, "gpt-5", "1.25"),
        ("openai", "gpt-4o-2024-05-13", Found::Exact, "gpt-4o-2024-05-13", "5"),
        ("openai", "gpt-5-5", Found::Alias, "gpt-5.5", "5"),
        ("openai", "gpt-5.5-2031-01-01", Found::Undated, "gpt-5.5", "5"),
        ("anthropic", "claude-opus-5-20300101", Found::Undated, "claude-opus-5", "5"),
        ("anthropic", "claude-opus-4-5-latest", Found::Undated, "claude-opus-4-5", "5"),
        ("gemini", "models/gemini-2.5-pro", Found::Undated, "gemini-2.5-pro", "1.25"),
        ("vertex", "claude-opus-4-5@20251101", Found::Exact, "claude-opus-4-5@20251101", "5"),
        ("vertex", "claude-opus-4-5@default", Found::Undated, "claude-opus-4-5", "5"),
        ("bedrock", "us.anthropic.claude-opus-4-7", Found::Exact, "us.anthropic.claude-opus-4-7", "5.5"),
        ("bedrock", "sa.amazon.nova-micro-v1:0", Found::Undated, "amazon.nova-micro-v1:0", "0.035"),
        ("fireworks", "deepseek-v3p2", Found::Undated, "accounts/fireworks/models/deepseek-v3p2", "0.56"),
        ("openai", "ft:gpt-4o-2024-08-06:acme::abc", Found::Undated, "ft:gpt-4o-2024-08-06", "3.75"),
        ("openrouter", "openai/gpt-5", Found::Exact, "openai/gpt-5", "1.25"),
    ] {
        let offer = offer_of(provider, id);
        assert_eq!((offer.found, &*offer.id), (found, real), "{provider}/{id}");
        assert_eq!(input_price(&offer).as_deref(), Some(input), "{provider}/{id}");
    }
    // A cloud that charges the vendor's prices, where it has no offer of its own.
    let azure = offer_of("azure", "gpt-5.4-mini-2031-01-01");
    assert_eq!((azure.found, azure.confidence >= Confidence::Medium), (Found::Undated, true));
    let own = Catalog::embedded();
    let only_openai =
        own.models_of("openai").find(|id| id.starts_with("gpt-") && own.find(&format!("azure/{id}")).is_none());
    let inherited = offer_of("azure", only_openai.unwrap());
    assert_eq!((inherited.found, inherited.confidence), (Found::Vendor, Confidence::Low));
    assert_eq!(&*inherited.provider, "azure");
}

#[test]
fn an_aggregator_takes_over_facts_but_never_a_price() {
    for (provider, id) in [
        ("portkey", "anthropic/claude-opus-4-5"),
        ("litellm", "gpt-5"),
        ("ollama", "gpt-oss-20b"),
        ("vercel", "x/gpt-5"),
    ] {
        let offer = offer_of(provider, id);
        assert_eq!((offer.found, offer.sheet.is_none()), (Found::FactsOnly, true), "{provider}/{id}");
        assert!(offer.facts.context.is_some(), "{provider}/{id}");
    }
    for (provider, id) in
        [("openai", "gpt-99"), ("nobody", "nothing"), ("openai", ""), ("", ""), ("openai", "\t"), ("~", "")]
    {
        assert_eq!(Catalog::embedded().offer(provider, id), None, "{provider}/{id}");
    }
}

#[test]
fn facts_are_those_of_the_sources() {
    let gpt_5 = offer_of("openai", "gpt-5").facts;
    assert_eq!((gpt_5.context, gpt_5.max_input, gpt_5.max_output), (Some(400_000), Some(272_000), Some(128_000)));
    assert_eq!(gpt_5.input_limit(), Some(272_000));
    assert_eq!((gpt_5.tools, gpt_5.parallel_tools, gpt_5.structured), (Some(true), Some(true), Some(true)));
    assert!(gpt_5.input.contains(&Modality::Image) && gpt_5.output == [Modality::Text]);
    let levels = ["minimal", "low", "medium", "high"].map(Box::from).to_vec();
    assert_eq!(gpt_5.reasoning, Some(Reasoning::Efforts(levels)));
    // The clamp of one source to 272,000 is not the window.
    let clamped = offer_of("openai", "gpt-5.6-sol").facts;
    assert_eq!((clamped.context, clamped.max_input), (Some(1_050_000), Some(922_000)));
    assert_eq!(offer_of("mistral", "codestral-latest").facts.context, Some(256_000));
    let opus = offer_of("anthropic", "claude-opus-5").facts;
    assert_eq!((opus.prompt_cache_min, opus.sampling), (Some(512), Some(false)));
    assert_eq!(offer_of("anthropic", "claude-sonnet-4-5").facts.reasoning, Some(Reasoning::Budget));
    assert_eq!(offer_of("deepseek", "deepseek-chat").facts.deprecated_on.as_deref(), Some("2026-07-24"));
    for (provider, id, mode) in [
        ("openai", "text-embedding-3-small", Mode::Embedding),
        ("cohere", "rerank-v3.5", Mode::Rerank),
        ("openai", "whisper-1", Mode::Transcription),
        ("openai", "tts-1", Mode::Speech),
        ("openai", "gpt-image-1", Mode::Image),
        ("openai", "gpt-5", Mode::Chat),
    ] {
        assert_eq!(offer_of(provider, id).mode, mode, "{id}");
    }
}

#[test]
fn who_offers_a_bare_name_is_known() {
    let catalog = Catalog::embedded();
    assert_eq!(catalog.providers_offering("claude-haiku-4-5").first(), Some(&"anthropic"));
    assert!(catalog.providers_offering("gpt-5").starts_with(&["openai", "azure"]));
    assert!(catalog.providers_offering("gpt-99").is_empty());
    assert!(catalog.offers("openai", "gpt-5-2025-08-07") && !catalog.offers("anthropic", "gpt-5"));
    assert_eq!(catalog.named("gpt-4o").map(|offer| offer.provider), Some("openai".into()));
    assert_eq!(catalog.named("azure/gpt-4o").map(|offer| offer.provider), Some("azure".into()));
    assert_eq!(catalog.named("gpt-99"), None);
    let ids: Vec<&str> = catalog.models_of("deepseek").collect();
    assert!(ids.contains(&"deepseek-v4-pro") && ids.is_sorted() && ids.len() > 5, "{ids:?}");
    assert_eq!(catalog.models_of("deepsee").count(), 0);
}

#[test]
fn near_misses_are_near() {
    let near = |name| Catalog::embedded().near(name, 3);
    assert_eq!(near("gpt-5-mni").first().map(String::as_str), Some("gpt-5-mini"));
    assert!(near("anthropic/claude-opus-45").iter().any(|name| name == "anthropic/claude-opus-4-5"));
    assert!(near("gpt-5").len() == 3);
    assert!(near("completely-different-thing-altogether").is_empty());
    assert!(near("").len() <= 3);
}

#[test]
fn one_model_has_one_base_name() {
    for (id, name) in [
        ("claude-opus-4-5", "claude-opus-4-5"),
        ("claude-opus-4-5-20251101", "claude-opus-4-5"),
        ("claude-opus-4-5@20251101", "claude-opus-4-5"),
        ("us.anthropic.claude-opus-4-5-20251101-v1:0", "claude-opus-4-5"),
        ("anthropic/claude-opus-4.5", "claude-opus-4-5"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("openai/gpt-4o:free", "gpt-4o"),
        ("meta-llama/Llama-3.3-70B-Instruct", "llama-3.3-70b-instruct"),
        ("mistral-large-latest", "mistral-large"),
        ("é", "é"),
    ] {
        assert_eq!(base(id), name, "{id}");
    }
}

#[test]
fn a_catalogue_without_its_head_is_refused() {
    assert!(Catalog::parse("").is_none());
    assert!(Catalog::parse("a/b\t{}\n").is_none());
    let small = Catalog::parse("# tollgate catalogue 1\n# providers: a\na/b\t{}\na/bc\t{\"mode\":\"rerank\"}").unwrap();
    assert_eq!(small.version(), "1");
    assert_eq!(small.offer("a", "b").unwrap().sheet, None);
    assert_eq!(small.offer("a", "bc").unwrap().mode, Mode::Rerank);
    assert_eq!(small.offer("a", "a"), None);
    assert_eq!(small.offer("a", "bd"), None);
}

proptest! {
    #[test]
    fn no_name_panics_and_every_key_is_found(provider in "[a-z~/]{0,8}", id in ".{0,30}", nth in 0_usize..7000) {
        let catalog = Catalog::embedded();
        let _ = (catalog.offer(&provider, &id), catalog.providers_offering(&id), base(&id).len());
        if let Some((key, json)) = catalog.lines().nth(nth) {
            prop_assert_eq!(catalog.find(key), Some(json));
        }
    }
}
