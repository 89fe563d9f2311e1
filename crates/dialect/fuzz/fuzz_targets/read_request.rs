//! Any body that a dialect reads, every dialect writes so that it reads it again.
#![no_main]

use bytes::Bytes;
use dialect::peek::Said;
use dialect::target::Target;
use libfuzzer_sys::fuzz_target;
use wire::json::Document;

fuzz_target!(|bytes: Vec<u8>| {
    let Ok(document) = Document::parse(Bytes::from(bytes)) else { return };
    let target = Target { provider: "p", model: "m", ..Target::default() };
    let said = Said { model: Some("m"), stream: Some(true) };
    for dialect in dialect::all() {
        if let Ok(peek) = dialect.peek(&document, said) {
            let patch = dialect.patch(&document, &peek, &target);
            Document::parse(document.edit(&patch.edits)).expect("a patched body is a document");
        }
        let Ok(request) = dialect.read_request(&document, said) else { continue };
        for other in dialect::all() {
            let Ok(outgoing) = other.write_request(&request.value, &target) else { continue };
            let body = Document::parse(Bytes::from(outgoing.body)).expect("a written body is a document");
            other.read_request(&body, said).expect("a dialect reads what it writes");
        }
    }
});
