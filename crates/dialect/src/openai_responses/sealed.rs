//! Another dialect's proof of reasoning inside this dialect's `encrypted_content`: clients hand that back as it
//! came, so a signature of Anthropic's comes home, and a server of this dialect is never given it.
//!
//! `tg1.DIALECT.KIND.LENGTH.MODEL DATA`, where `KIND` is `t` for a signature over the text beside it and `r` where
//! the proof is the hidden reasoning itself, and `LENGTH` is that of the model's name in bytes.

use crate::id::DialectId;
use crate::ir::part::{Opaque, Origin};

/// How every sealed text begins. What OpenAI encrypts is base64, which has no full stop.
pub(super) const MARK: &str = "tg1.";

/// Stands where there is no proof at all, so that no server is given reasoning that it did not make.
pub const NO_PROOF: &str = "tg1.-";

/// What a sealed text holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sealed {
    /// The proof; `None` for [`NO_PROOF`] and for a text that was changed.
    pub(super) proof: Option<Opaque>,
    /// The proof is the reasoning itself.
    pub(super) redacted: bool,
}

/// Seals a proof.
pub(super) fn write(proof: &Opaque, redacted: bool) -> String {
    let Origin { dialect, model } = &proof.origin;
    let kind = if redacted { 'r' } else { 't' };
    format!("{MARK}{}.{kind}.{}.{model}{}", dialect.name(), model.len(), proof.data)
}

/// Opens a sealed text; `None` for one that is not sealed.
pub(super) fn read(text: &str) -> Option<Sealed> {
    let rest = text.strip_prefix(MARK)?;
    let opened = || {
        let mut fields = rest.splitn(4, '.');
        let dialect = DialectId::parse(fields.next()?)?;
        let kind = fields.next().filter(|kind| matches!(*kind, "t" | "r"))?;
        let length: usize = fields.next()?.parse().ok()?;
        let (model, data) = fields.next()?.split_at_checked(length)?;
        let origin = Origin { dialect, model: model.to_owned() };
        let proof = Some(Opaque { origin, data: data.to_owned() }).filter(|proof| !proof.data.is_empty());
        Some(Sealed { proof, redacted: kind == "r" })
    };
    Some(opened().unwrap_or(Sealed { proof: None, redacted: false }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_come_back_as_they_were_sealed() {
        for (dialect, model, redacted) in [
            (DialectId::AnthropicMessages, "claude-sonnet-4.5", false),
            (DialectId::Gemini, "", true),
            (DialectId::OpenAiChat, "a/b:c", false),
        ] {
            let origin = Origin { dialect, model: model.to_owned() };
            let proof = Opaque { origin, data: "EqQB.x/+=".to_owned() };
            let sealed = read(&write(&proof, redacted));
            assert_eq!(sealed, Some(Sealed { proof: Some(proof), redacted }));
        }
    }

    #[test]
    fn what_is_not_sealed_stays_and_what_was_changed_proves_nothing() {
        assert_eq!(read("gAAAAABpX"), None);
        assert_eq!(read(""), None);
        let nothing = Some(Sealed { proof: None, redacted: false });
        for text in [NO_PROOF, MARK, "tg1.gemini.t.99.ab", "tg1.gemini.t.x.ab", "tg1.x.t.1.ab", "tg1.gemini.q.1.ab"] {
            assert_eq!(read(text), nothing, "{text}");
        }
        assert_eq!(read("tg1.gemini.t.1.\u{e4}b"), nothing, "no cut inside a letter");
    }
}
