//! A form with a file on its way to a provider: bytes through, and of a batch's requests each line looked at.
//!
//! Nothing is held but the line that has not come whole. What a line may not ask ends the upload.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf as _, Bytes, BytesMut};
use dialect::fault::{Fault, Kind};
use wire::json::{Document, Edit, Json, Writer};

use super::line::{Models, bad, of_line};
use crate::upstream::sent::Strain;

/// Longest head of one field, in bytes.
const MOST_HEAD: usize = 16 << 10;
/// Longest line of a batch, in bytes.
const MOST_LINE: usize = 16 << 20;
/// Longest `purpose`, in bytes.
const MOST_PURPOSE: usize = 64;

/// Where in the form it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before the first delimiter.
    Preamble,
    /// Behind a delimiter.
    Delimiter,
    /// In a field's head.
    Head,
    /// In a field of this sort.
    Body(Part),
    /// Behind the last delimiter.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Purpose,
    File,
    Other,
}

/// A form that goes through.
#[derive(Debug)]
pub struct Sieve {
    delimiter: Vec<u8>,
    at: At,
    /// What came and did not go on yet.
    coming: BytesMut,
    /// What may go on.
    out: BytesMut,
    purpose: Option<String>,
    /// The file's head went by.
    file: bool,
    /// The line that has not come whole.
    line: BytesMut,
    lines: u64,
    models: Models,
    /// What is wrong with the file if it turns out to be a batch's.
    pending: Option<Fault>,
    room: Box<dyn Room>,
}

/// Memory that is set aside for what has not come whole.
pub trait Room: Send + std::fmt::Debug {
    /// Sets aside so many bytes in all.
    ///
    /// # Errors
    /// There is no room for them.
    fn grow(&mut self, bytes: u64) -> Result<(), Fault>;
}

impl Sieve {
    /// For a form of that boundary.
    #[must_use]
    pub fn new(boundary: &str, models: Models, room: Box<dyn Room>) -> Self {
        Self {
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            at: At::Preamble,
            coming: BytesMut::new(),
            out: BytesMut::new(),
            purpose: None,
            file: false,
            line: BytesMut::new(),
            lines: 0,
            models,
            pending: None,
            room,
        }
    }

    /// It is known whether the file is looked into.
    #[must_use]
    pub fn decided(&self) -> bool {
        (self.purpose.is_some() && self.at != At::Body(Part::Purpose)) || self.file
    }

    /// Its length may change on the way.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.looks()
    }

    /// The models of the batch.
    #[must_use]
    pub fn models(&self) -> Option<&Models> {
        (self.purpose.as_deref() == Some("batch")).then_some(&self.models)
    }

    fn looks(&self) -> bool {
        self.purpose.as_deref().is_none_or(|purpose| purpose == "batch")
    }

    /// Takes a piece in and gives what goes on.
    ///
    /// # Errors
    /// It is no form, or a line of a batch asks what it may not.
    pub fn push(&mut self, piece: &[u8]) -> Result<Bytes, Fault> {
        self.coming.extend_from_slice(piece);
        while self.step()? {}
        let held = (self.coming.len() + self.line.len() + self.out.len()) as u64;
        self.room.grow(held)?;
        Ok(self.out.split().freeze())
    }

    /// The form ended; gives what is left.
    ///
    /// # Errors
    /// It ended before its end.
    pub fn finish(&mut self) -> Result<Bytes, Fault> {
        if self.at != At::End {
            return Err(Fault::invalid("", "The form broke off before its closing boundary."));
        }
        if self.looks()
            && let Some(fault) = self.pending.take()
        {
            return Err(fault);
        }
        let rest = self.coming.split();
        self.out.extend_from_slice(&rest);
        Ok(self.out.split().freeze())
    }

    /// Goes as far as what came allows; false when more must come.
    fn step(&mut self) -> Result<bool, Fault> {
        match self.at {
            At::Preamble => {
                let first = self.delimiter.get(2..).unwrap_or_default();
                match memchr::memmem::find(&self.coming, first) {
                    Some(at) => {
                        let length = at + first.len();
                        self.pass(length);
                        self.at = At::Delimiter;
                        Ok(true)
                    }
                    None if self.coming.len() > MOST_HEAD => Err(no_form()),
                    None => Ok(false),
                }
            }
            At::Delimiter => {
                if self.coming.len() < 2 {
                    return Ok(false);
                }
                self.at = if self.coming.starts_with(b"--") { At::End } else { At::Head };
                Ok(true)
            }
            At::Head => match memchr::memmem::find(&self.coming, b"\r\n\r\n") {
                Some(length) => {
                    let part = self.part(length)?;
                    self.pass(length + 4);
                    self.at = At::Body(part);
                    Ok(true)
                }
                None if self.coming.len() > MOST_HEAD => {
                    Err(Fault::invalid("", "A field of the form has a head longer than any may be."))
                }
                None => Ok(false),
            },
            At::Body(part) => {
                let found = memchr::memmem::find(&self.coming, &self.delimiter);
                let sure = self.coming.len().saturating_sub(self.delimiter.len() - 1);
                let length = found.unwrap_or(sure);
                let data = self.coming.split_to(length);
                self.data(part, &data)?;
                if found.is_none() {
                    return Ok(false);
                }
                self.part_ends(part)?;
                self.pass(self.delimiter.len());
                self.at = At::Delimiter;
                Ok(true)
            }
            At::End => {
                let length = self.coming.len();
                self.pass(length);
                Ok(false)
            }
        }
    }

    fn pass(&mut self, length: usize) {
        let piece = self.coming.split_to(length.min(self.coming.len()));
        self.out.extend_from_slice(&piece);
    }

    /// The sort of the field whose head has that length. What another reader could read otherwise is refused: a
    /// field that hides its name hides from being looked at.
    fn part(&mut self, length: usize) -> Result<Part, Fault> {
        let head = String::from_utf8_lossy(self.coming.get(..length).unwrap_or_default()).into_owned();
        let lines = || head.split("\r\n").filter(|line| !line.is_empty());
        if lines().any(|line| line.starts_with([' ', '\t']) && !line.trim().is_empty()) {
            return Err(Fault::invalid("", "A field of the form has a head that goes on in a second line."));
        }
        let mut dispositions = lines()
            .filter_map(|line| line.split_once(':'))
            .filter(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"));
        let disposition = dispositions.next().map_or("", |(_, value)| value).to_ascii_lowercase();
        let parts = || disposition.split(';').map(str::trim);
        let mut names = parts().filter_map(|part| part.strip_prefix("name")?.trim_start().strip_prefix('='));
        let name = names.next().map(|name| name.trim().trim_matches('"'));
        let (Some(name), None, None) = (name, names.next(), dispositions.next()) else {
            return Err(Fault::invalid("", "A field of the form has no name, or two."));
        };
        if name == "purpose" {
            if self.purpose.is_some() {
                return Err(Fault::invalid("purpose", "`purpose` stands twice in the form."));
            }
            self.purpose = Some(String::new());
            return Ok(Part::Purpose);
        }
        if name == "file" || parts().any(|part| part.starts_with("filename")) {
            self.file = true;
            return Ok(Part::File);
        }
        Ok(Part::Other)
    }

    fn data(&mut self, part: Part, data: &[u8]) -> Result<(), Fault> {
        match part {
            Part::Purpose => {
                let purpose = self.purpose.get_or_insert_default();
                purpose.push_str(&String::from_utf8_lossy(data));
                if purpose.len() > MOST_PURPOSE {
                    return Err(Fault::invalid("purpose", "`purpose` is longer than any purpose is."));
                }
                self.out.extend_from_slice(data);
            }
            Part::File if self.looks() => return self.lines(data),
            Part::File | Part::Other => self.out.extend_from_slice(data),
        }
        Ok(())
    }

    fn part_ends(&mut self, part: Part) -> Result<(), Fault> {
        match part {
            Part::Purpose => {
                if let Some(purpose) = &mut self.purpose {
                    *purpose = purpose.trim().to_owned();
                }
                match self.pending.take() {
                    Some(fault) if self.purpose.as_deref() == Some("batch") => Err(fault),
                    _ => Ok(()),
                }
            }
            Part::File if self.looks() => {
                let line = self.line.split().freeze();
                self.line(line)
            }
            Part::File | Part::Other => Ok(()),
        }
    }

    fn lines(&mut self, mut data: &[u8]) -> Result<(), Fault> {
        while let Some(end) = memchr::memchr(b'\n', data) {
            self.line.extend_from_slice(data.get(..=end).unwrap_or_default());
            data.advance(end + 1);
            let line = self.line.split().freeze();
            self.line(line)?;
        }
        self.line.extend_from_slice(data);
        if self.line.len() > MOST_LINE {
            let fault = bad(self.lines + 1, &format!("It is longer than {MOST_LINE} bytes, the most of one."));
            return self.refuse(fault);
        }
        Ok(())
    }

    /// A line is wrong: the end of a batch, and nothing where the file turns out to be none.
    fn refuse(&mut self, fault: Fault) -> Result<(), Fault> {
        if self.purpose.is_some() {
            return Err(fault);
        }
        // Long texts of other files pass on.
        let rest = self.line.split();
        self.out.extend_from_slice(&rest);
        self.pending.get_or_insert(fault);
        Ok(())
    }

    /// Looks at a whole line, its line feed included.
    fn line(&mut self, line: Bytes) -> Result<(), Fault> {
        if line.iter().all(u8::is_ascii_whitespace) {
            self.out.extend_from_slice(&line);
            return Ok(());
        }
        self.lines += 1;
        match self.look(&line) {
            Ok(Some(changed)) => self.out.extend_from_slice(&changed),
            Ok(None) => self.out.extend_from_slice(&line),
            Err(fault) => {
                self.refuse(fault)?;
                self.out.extend_from_slice(&line);
            }
        }
        Ok(())
    }

    /// What a line becomes, where it changes.
    fn look(&mut self, line: &Bytes) -> Result<Option<Bytes>, Fault> {
        let number = self.lines;
        let document = Document::parse(line.clone())
            .map_err(|error| bad(number, &format!("It is not the JSON object it must be: {error}.")))?;
        let mut models = document.get("body").into_iter().flat_map(Json::members).filter(|(key, _)| key == "model");
        let model = models.next().map(|(_, model)| model);
        if models.next().is_some() {
            return Err(bad(number, "`body.model` stands twice."));
        }
        let Some(name) = model.and_then(Json::as_str).filter(|name| !name.is_empty()) else {
            if self.models.must_be_named() {
                let message = "It names no model in `body.model`, and this key may use named models only.";
                return Err(of_line(Fault::new(Kind::Forbidden, message), number));
            }
            return Ok(None);
        };
        let id = self.models.id(&name).map_err(|fault| of_line(fault, number))?;
        if *id == *name {
            return Ok(None);
        }
        let mut json = Writer::new();
        json.str(&id);
        Ok(Some(document.edit(&[Edit::set_at(vec!["body".into(), "model".into()], json.finish())])))
    }
}

fn no_form() -> Fault {
    Fault::invalid("", "The body does not begin with its form's boundary.")
}

/// A sieve that an upload and whoever asks it afterwards share.
#[derive(Debug, Clone)]
pub struct Shared(Arc<Mutex<Sieve>>);

impl Shared {
    /// Shares a sieve.
    #[must_use]
    pub fn new(sieve: Sieve) -> Self {
        Self(Arc::new(Mutex::new(sieve)))
    }

    /// Asks it something.
    pub fn with<T>(&self, ask: impl FnOnce(&mut Sieve) -> T) -> T {
        ask(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Strain for Shared {
    fn push(&mut self, piece: &[u8]) -> Result<Bytes, Fault> {
        self.with(|sieve| sieve.push(piece))
    }

    fn finish(&mut self) -> Result<Bytes, Fault> {
        self.with(Sieve::finish)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
