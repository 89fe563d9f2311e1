#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use crate::ir::request::Sampling;

fn told(losses: &[Loss]) -> Vec<String> {
    losses.iter().map(ToString::to_string).collect()
}

fn chosen(request: &Request, model: &str, max_output: Option<u64>) -> (Params, Vec<String>) {
    let mut losses = Vec::new();
    let to = Target { model, max_output, ..Target::default() };
    let params = choose(request, &to, false, &mut losses);
    (params, told(&losses))
}

fn effort(level: Option<&str>, budget: Option<u64>, enabled: Option<bool>) -> Request {
    let effort = Effort { enabled, level: level.map(str::to_owned), budget, adaptive: false };
    Request { effort: Some(effort), ..Request::default() }
}

#[test]
fn temperatures_are_compared_by_their_digits() {
    for (number, expected) in [
        ("0.0", ("0.0", true)),
        ("1", ("1", true)),
        ("1.000", ("1.000", true)),
        ("10e-1", ("10e-1", true)),
        ("0.0001e4", ("0.0001e4", true)),
        ("1.00000000000000000000001", ("1", false)),
        ("2", ("1", false)),
        ("0.2e1", ("1", false)),
        ("1e400", ("1", false)),
        ("1e-400", ("1e-400", true)),
        ("1e99999999999999999999", ("1", false)),
        ("1e-99999999999999999999", ("1e-99999999999999999999", true)),
        ("0e99999999999999999999", ("0e99999999999999999999", true)),
        ("-0.0", ("0", true)),
        ("-0.5", ("0", false)),
    ] {
        assert_eq!(clamp(number), expected, "{number}");
    }
}

#[test]
fn thinking_is_as_the_model_has_it() {
    let approximated = "approximated reasoning effort at effort";
    let dropped = "dropped reasoning effort at effort";
    use Thinking::{Adaptive, Budget, Disabled, Unsaid};
    let table: [(Request, &str, Thinking, &[&str]); 12] = [
        (effort(Some("low"), None, None), "claude-sonnet-4-5", Budget(1024), &[approximated]),
        (effort(Some("medium"), None, None), "claude-sonnet-4-5", Budget(8192), &[approximated]),
        (effort(Some("high"), None, None), "claude-3-7-sonnet", Budget(24576), &[approximated]),
        (effort(None, Some(2000), Some(true)), "claude-sonnet-4-5", Budget(2000), &[]),
        (effort(None, Some(10), Some(true)), "claude-sonnet-4-5", Budget(1024), &[approximated]),
        (effort(Some("high"), None, None), "claude-opus-4-6", Adaptive(Some("high")), &[approximated]),
        (effort(Some("minimal"), None, None), "claude-opus-4-6", Adaptive(Some("low")), &[approximated]),
        (effort(Some("xhigh"), None, None), "claude-opus-4-6", Adaptive(Some("high")), &[approximated]),
        (effort(Some("xhigh"), None, None), "claude-opus-4-7", Adaptive(Some("xhigh")), &[approximated]),
        (effort(None, Some(4000), Some(true)), "claude-sonnet-5", Adaptive(Some("medium")), &[approximated]),
        (effort(Some("none"), None, None), "claude-sonnet-4-5", Disabled, &[]),
        (effort(Some("high"), None, None), "claude-3-5-haiku", Unsaid, &[dropped]),
    ];
    for (request, model, thinking, losses) in table {
        let (params, lost) = chosen(&request, model, Some(64_000));
        assert_eq!(
            (&params.thinking, lost),
            (&thinking, losses.iter().map(|&loss| loss.to_owned()).collect()),
            "{model}"
        );
    }
}

#[test]
fn adaptive_thinking_stays_what_it_is() {
    let mut request = effort(Some("high"), None, Some(true));
    if let Some(effort) = &mut request.effort {
        effort.adaptive = true;
    }
    let (params, lost) = chosen(&request, "claude-opus-4-6", None);
    assert_eq!((params.thinking, lost.len()), (Thinking::Adaptive(Some("high")), 0));
}

#[test]
fn length_leaves_room_for_thinking() {
    let mut request = effort(None, Some(4000), Some(true));
    for (asked, ceiling, tokens, thinking, losses) in [
        (None, None, 8192, Thinking::Budget(4000), vec![]),
        (None, Some(64_000), 64_000, Thinking::Budget(4000), vec![]),
        (Some(1000), None, 5000, Thinking::Budget(4000), vec!["approximated max_tokens at max_tokens"]),
        (
            Some(1000),
            Some(3000),
            3000,
            Thinking::Budget(2999),
            vec!["approximated reasoning effort at effort", "approximated max_tokens at max_tokens"],
        ),
        (Some(500), Some(600), 500, Thinking::Unsaid, vec!["dropped reasoning effort at effort"]),
        (Some(9000), Some(6000), 6000, Thinking::Budget(4000), vec!["approximated max_tokens at max_tokens"]),
    ] {
        request.sampling.max_output = asked;
        let (params, lost) = chosen(&request, "claude-sonnet-4-5", ceiling);
        assert_eq!((params.max_tokens, params.thinking), (tokens, thinking), "{asked:?} {ceiling:?}");
        assert_eq!(lost, losses);
    }
}

#[test]
fn sampling_goes_where_it_is_taken() {
    let sampling = Sampling {
        temperature: Some("0.7".into()),
        top_p: Some("0.9".into()),
        top_k: Some("5".into()),
        ..Sampling::default()
    };
    let mut request = Request { sampling, ..Request::default() };
    let names = |params: &Params| params.sampling.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    let (params, lost) = chosen(&request, "claude-3-5-haiku", None);
    assert_eq!((names(&params), lost.len()), (vec!["temperature", "top_p", "top_k"], 0));
    let (params, lost) = chosen(&request, "claude-haiku-4-5", None);
    assert_eq!((names(&params), lost), (vec!["temperature", "top_k"], vec!["dropped top_p at top_p".to_owned()]));
    let (params, lost) = chosen(&request, "claude-opus-4-7", None);
    assert_eq!((names(&params), lost.len()), (vec![], 3));
    request.effort = Some(Effort { enabled: Some(true), budget: Some(2000), ..Effort::default() });
    let (params, lost) = chosen(&request, "claude-haiku-4-5", None);
    assert_eq!((names(&params), lost.len()), (vec![], 3));
}

#[test]
fn what_has_no_word_is_told() {
    let sampling = Sampling {
        choices: Some(2),
        seed: Some("7".into()),
        frequency_penalty: Some("0.0".into()),
        presence_penalty: Some("-1".into()),
        logprobs: Some(true),
        top_logprobs: Some(0),
        ..Sampling::default()
    };
    let (_, lost) = chosen(&Request { sampling, ..Request::default() }, "m", None);
    assert_eq!(
        lost,
        [
            "dropped n at n",
            "dropped seed at seed",
            "dropped presence_penalty at presence_penalty",
            "dropped logprobs at logprobs"
        ]
    );
}

#[test]
fn a_budget_that_gives_way_says_so() {
    let request = effort(None, Some(6721), Some(true));
    let (params, losses) = chosen(&request, "claude-sonnet-4-5", Some(4096));
    assert_eq!((params.max_tokens, params.thinking), (4096, Thinking::Budget(4095)));
    assert_eq!(losses, ["approximated reasoning effort at effort"]);
}
