//! Law 5: `fold(unfold(r)) == r`, and an answer survives its own dialect's stream.

use bytes::Bytes;
use dialect::ir::fold::{fold, unfold};
use dialect::ir::grammar::Grammar;
use proptest::prelude::*;

use crate::common::{diff, generate, rows, streams};

proptest! {
    #[test]
    fn an_answer_survives_its_stream(response in generate::any_response()) {
        let events = unfold(&response);
        prop_assert_eq!(Grammar::check(&events), Ok(()));
        prop_assert_eq!(fold(events).unwrap(), response);
    }

    #[test]
    fn an_answer_survives_every_dialects_stream_up_to_losses(response in generate::response()) {
        for dialect in dialect::all() {
            let (bytes, mut losses) = streams::encode(dialect, &streams::asked(), &unfold(&response));
            let (events, more) = streams::decode(dialect, &rows::target("p", generate::MODEL), &[Bytes::from(bytes.clone())]);
            losses.extend(more);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let back = fold(events).unwrap_or_else(|fault| panic!("{}: {fault:?}\n{text}", dialect.id()));
            let silent = diff::unnamed(diff::responses(&response, &back), &losses);
            prop_assert!(silent.is_empty(), "{}: {silent:#?}\n{losses:?}\n{text}", dialect.id());
        }
    }
}
