#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

#[test]
fn a_base_url_is_scheme_host_port_and_path() {
    let check = |text: &str, expect: Result<&str, BaseError>| {
        assert_eq!(base(text), expect.map(str::to_owned), "{text}");
    };
    check("https://api.openai.com/v1", Ok("https://api.openai.com/v1"));
    check(" http://10.0.0.7:8000/v1// ", Ok("http://10.0.0.7:8000/v1"));
    check("http://[::1]:8000", Ok("http://[::1]:8000"));
    check("api.openai.com/v1", Err(BaseError::Scheme));
    check("ftp://x", Err(BaseError::Scheme));
    check("file:///etc/passwd", Err(BaseError::Scheme));
    check("https://", Err(BaseError::Host));
    check("https:///v1", Err(BaseError::Host));
    check("https://:80/v1", Err(BaseError::Host));
    check("https://user:pw@host/v1", Err(BaseError::UserInfo));
    check("https://host/v1?key=1", Err(BaseError::Query));
    check("https://host/v1#x", Err(BaseError::Query));
    check("https://host?x", Err(BaseError::Query));
    check("https://ho st/v1", Err(BaseError::Character));
    check("https://host/{model}", Err(BaseError::Character));
    check("https://host:port/v1", Err(BaseError::Port));
    check("https://host:/v1", Err(BaseError::Port));
}

#[test]
fn a_model_is_one_segment_whatever_it_holds() {
    assert_eq!(segment("gpt-4o"), "gpt-4o");
    assert_eq!(segment("anthropic.claude-v1:0"), "anthropic.claude-v1%3A0");
    assert_eq!(segment("../../admin?x=1#y"), "..%2F..%2Fadmin%3Fx%3D1%23y");
    assert_eq!(segment(".."), "%2E%2E");
    assert_eq!(segment("ü%2F"), "%C3%BC%252F");
}

#[test]
fn a_placeholder_in_a_model_is_not_filled() {
    let speaks = Speaks {
        stream: None,
        count: None,
        embed: None,
        embed_batch: None,
        on_request: false,
        hosted: None,
        dialect: String::new(),
        path: "/d/{model}?v={api_version}".into(),
        when: None,
        unless: None,
        strip: vec![],
        auth: None,
    };
    assert_eq!(call("http://h", &speaks, "{api_version}", Some("1")), "http://h/d/%7Bapi_version%7D?v=1");
}

#[test]
fn one_ending_is_taken_off() {
    let strip = vec!["/v1".to_owned()];
    let (dialect, path) = (String::new(), "/v1/messages".into());
    let speaks = Speaks {
        dialect,
        path,
        stream: None,
        count: None,
        embed: None,
        embed_batch: None,
        on_request: false,
        hosted: None,
        when: None,
        unless: None,
        strip,
        auth: None,
    };
    let check = |base: &str, expect: &str| assert_eq!(call(base, &speaks, "m", None), expect, "{base}");
    check("https://api.anthropic.com", "https://api.anthropic.com/v1/messages");
    check("https://api.anthropic.com/", "https://api.anthropic.com/v1/messages");
    check("https://api.anthropic.com/v1", "https://api.anthropic.com/v1/messages");
    check("https://api.anthropic.com/v1/", "https://api.anthropic.com/v1/messages");
    check("https://proxy/anthropic/v1", "https://proxy/anthropic/v1/messages");
    check("https://proxy/v1/v1", "https://proxy/v1/v1/messages");
}
