#![allow(clippy::unwrap_used, reason = "tests")]

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;

#[test]
fn a_service_accounts_claim_is_signed_by_its_key() {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = key.as_der().unwrap();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref()));
    let file = json!({"client_email": "a@b.example", "private_key": pem, "private_key_id": "k1"}).to_string();
    let signed = assertion(Json::from_bytes(file.as_bytes()).unwrap(), "https://t.example/token", 1_000).unwrap();
    let parts: Vec<&str> = signed.split('.').collect();
    let part = |at: usize| String::from_utf8(URL_SAFE_NO_PAD.decode(parts[at]).unwrap()).unwrap();
    assert_eq!(part(0), r#"{"alg":"RS256","typ":"JWT","kid":"k1"}"#);
    assert_eq!(
        part(1),
        r#"{"iss":"a@b.example","scope":"https://www.googleapis.com/auth/cloud-platform","aud":"https://t.example/token","iat":1000,"exp":4600}"#
    );
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref());
    let message = format!("{}.{}", parts[0], parts[1]);
    public.verify(message.as_bytes(), &URL_SAFE_NO_PAD.decode(parts[2]).unwrap()).unwrap();
}

#[test]
fn a_broken_key_is_told_of_without_it() {
    let file = json!({"client_email": "a@b.example", "private_key": "SECRET"}).to_string();
    let error = assertion(Json::from_bytes(file.as_bytes()).unwrap(), "https://t.example", 1).unwrap_err();
    assert!(error.what.contains("private key") && !error.to_string().contains("SECRET"), "{error}");
}

#[test]
fn secrets_go_to_https_or_this_machine() {
    for (url, good) in [
        ("https://oauth2.googleapis.com/token", true),
        ("http://127.0.0.1:9/token", true),
        ("http://evil.example/token", false),
        ("http://127.0.0.1.evil.example/token", false),
        ("file:///etc", false),
    ] {
        let file = json!({"token_uri": url}).to_string();
        assert_eq!(address(Json::from_bytes(file.as_bytes()).unwrap(), "token_uri", None).is_ok(), good, "{url}");
    }
}
