//! Strict reading of any JSON document into its canonical text, in one pass.
//!
//! The reader copies lazily: what is canonical already is copied in one run when something else
//! comes, so canonical input costs the scan and one copy.

use std::borrow::Cow;

use super::fault::{JsonFault, JsonProblem};
use super::text::{plain_end, push_char, short_escape};

/// How deep arrays and objects may nest: recursion is bounded, and no real record is deeper.
pub const LEVELS_MAX: usize = 64;

/// Up to this many members every pair of names is compared; longer objects are sorted, which is
/// slower for few names but never quadratic.
const PAIRWISE_MEMBERS_MAX: usize = 16;

type Result<T> = std::result::Result<T, JsonFault>;

/// Appends the canonical text of the JSON document `input` to `out`. A refused document leaves
/// `out` as it was. The canonical text is never longer than the input.
pub fn canonicalize(input: &[u8], out: &mut String) -> Result<()> {
    canonicalize_within(input, LEVELS_MAX, out)
}

/// The same for a text that has documents inside of it, and so may have more levels than one.
pub fn canonicalize_within(input: &[u8], levels_max: usize, out: &mut String) -> Result<()> {
    let text = std::str::from_utf8(input).map_err(|error| JsonFault {
        problem: JsonProblem::NotUtf8,
        offset_bytes: error.valid_up_to(),
    })?;
    let former_bytes = out.len();
    out.reserve(text.len());
    let result = Reader { text, bytes: input, at: 0, copied: 0, out, names: Vec::new() }
        .document(levels_max);
    if result.is_err() {
        out.truncate(former_bytes);
    }
    result
}

struct Reader<'a, 'o> {
    text: &'a str,
    bytes: &'a [u8],
    /// The next byte to read.
    at: usize,
    /// Everything before this byte is in `out`; from here to `at` the input is canonical.
    copied: usize,
    out: &'o mut String,
    /// The names of all open objects, outermost first, each with its position in the input.
    names: Vec<(Cow<'a, str>, usize)>,
}

impl Reader<'_, '_> {
    fn document(mut self, levels_max: usize) -> Result<()> {
        self.skip_space();
        self.value(levels_max)?;
        self.skip_space();
        if self.at < self.bytes.len() {
            return self.refuse(JsonProblem::Syntax);
        }
        self.flush(self.at);
        Ok(())
    }

    fn value(&mut self, levels_left: usize) -> Result<()> {
        match self.peek() {
            b'"' => {
                self.at += 1;
                self.string()
            }
            b'{' | b'[' if levels_left == 0 => self.refuse(JsonProblem::TooDeep),
            b'{' => self.object(levels_left - 1),
            b'[' => self.array(levels_left - 1),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' => self.literal("null"),
            _ => self.number(),
        }
    }

    fn object(&mut self, levels_left: usize) -> Result<()> {
        let first_name = self.names.len();
        self.at += 1;
        self.skip_space();
        if self.peek() == b'}' {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.name()?;
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            self.value(levels_left)?;
            self.skip_space();
            match self.peek() {
                b',' => self.at += 1,
                b'}' => break,
                _ => return self.refuse(JsonProblem::Syntax),
            }
            self.skip_space();
        }
        self.at += 1;
        if let Some(offset_bytes) = repeated(&mut self.names[first_name..]) {
            return Err(JsonFault { problem: JsonProblem::MemberRepeated, offset_bytes });
        }
        self.names.truncate(first_name);
        Ok(())
    }

    fn array(&mut self, levels_left: usize) -> Result<()> {
        self.at += 1;
        self.skip_space();
        if self.peek() == b']' {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(levels_left)?;
            self.skip_space();
            match self.peek() {
                b',' => self.at += 1,
                b']' => break,
                _ => return self.refuse(JsonProblem::Syntax),
            }
            self.skip_space();
        }
        self.at += 1;
        Ok(())
    }

    /// Reads the name of a member and remembers its canonical spelling.
    fn name(&mut self) -> Result<()> {
        self.expect(b'"')?;
        let start = self.at;
        // Where the name begins in `out` once everything before it is copied.
        let start_in_out = self.out.len() + (start - self.copied);
        self.string()?;
        let end = self.at - 1;
        let name = if self.copied <= start {
            Cow::Borrowed(&self.text[start..end])
        } else {
            self.flush(end);
            Cow::Owned(self.out[start_in_out..].to_owned())
        };
        self.names.push((name, start));
        Ok(())
    }

    /// Reads the rest of a string whose first quote was read.
    fn string(&mut self) -> Result<()> {
        loop {
            self.at = plain_end(self.bytes, self.at);
            match self.peek() {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => self.escape()?,
                _ => return self.refuse(JsonProblem::Syntax),
            }
        }
    }

    fn escape(&mut self) -> Result<()> {
        let start = self.at;
        let letter = self.bytes.get(start + 1).copied().unwrap_or_default();
        let char = match short_escape(letter) {
            Some(char) => {
                self.at += 2;
                if letter != b'/' {
                    return Ok(());
                }
                char
            }
            None => self.long_escape()?,
        };
        self.flush(start);
        push_char(char, self.out);
        self.copied = self.at;
        Ok(())
    }

    /// Reads `\uXXXX` or a pair of them.
    fn long_escape(&mut self) -> Result<char> {
        let start = self.at;
        let first = self.code_unit()?;
        let code = match first {
            0xd800..0xdc00 => {
                let lone = JsonFault { problem: JsonProblem::LoneSurrogate, offset_bytes: start };
                if !self.bytes[self.at..].starts_with(b"\\u") {
                    return Err(lone);
                }
                let second = self.code_unit()?;
                let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400).ok_or(lone)?;
                0x1_0000 + ((first - 0xd800) << 10) + low
            }
            _ => first,
        };
        char::from_u32(code)
            .ok_or(JsonFault { problem: JsonProblem::LoneSurrogate, offset_bytes: start })
    }

    fn code_unit(&mut self) -> Result<u32> {
        let rest = &self.bytes[self.at..];
        let digits = rest.strip_prefix(b"\\u").and_then(|digits| digits.first_chunk::<4>());
        let digit = |code: u32, digit: &u8| Some(code * 16 + char::from(*digit).to_digit(16)?);
        let Some(code) = digits.and_then(|digits| digits.iter().try_fold(0, digit)) else {
            return self.refuse(JsonProblem::Syntax);
        };
        self.at += "\\uXXXX".len();
        Ok(code)
    }

    fn number(&mut self) -> Result<()> {
        if self.peek() == b'-' {
            self.at += 1;
        }
        match self.peek() {
            b'0' => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            if matches!(self.peek(), b'+' | b'-') {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<()> {
        if !self.peek().is_ascii_digit() {
            return self.refuse(JsonProblem::Syntax);
        }
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        Ok(())
    }

    fn literal(&mut self, word: &str) -> Result<()> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return self.refuse(JsonProblem::Syntax);
        }
        self.at += word.len();
        Ok(())
    }

    fn skip_space(&mut self) {
        if !is_space(self.peek()) {
            return;
        }
        self.flush(self.at);
        while is_space(self.peek()) {
            self.at += 1;
        }
        self.copied = self.at;
    }

    /// Copies the input up to `end`.
    fn flush(&mut self, end: usize) {
        self.out.push_str(&self.text[self.copied..end]);
        self.copied = end;
    }

    fn expect(&mut self, byte: u8) -> Result<()> {
        if self.peek() != byte {
            return self.refuse(JsonProblem::Syntax);
        }
        self.at += 1;
        Ok(())
    }

    /// The next byte; zero, which no document contains, at the end.
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or_default()
    }

    fn refuse<T>(&self, problem: JsonProblem) -> Result<T> {
        Err(JsonFault { problem, offset_bytes: self.at })
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// The position of a name that an earlier member has.
fn repeated(names: &mut [(Cow<'_, str>, usize)]) -> Option<usize> {
    if names.len() <= PAIRWISE_MEMBERS_MAX {
        let is_repeated =
            |index: &usize| names[..*index].iter().any(|(name, _)| *name == names[*index].0);
        return (1..names.len()).find(is_repeated).map(|index| names[index].1);
    }
    names.sort_unstable();
    let pairs = names.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    pairs.map(|pair| pair[1].1).min()
}
