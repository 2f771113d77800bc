//! Which of the charsets with one byte a character a file has: the one in which its distinct words
//! surprise least.

use crate::wire::v1::{Charset, Confidence};

use super::score::{Score, WordCost};
use super::single_byte::character;
use super::vocabulary::{Vocabulary, Word};

/// The charsets with what each costs from the outset, in half bits: of 32 files in cp1251 there is
/// one in koi8-r, of 64 one in mac-cyrillic. Without it short texts would be as often one as the
/// other.
const CHARSETS: [(Charset, i64); 3] =
    [(Charset::Cp1251, 0), (Charset::Koi8R, 10), (Charset::MacCyrillic, 12)];

/// What a word costs that is wholly in capitals.
const CAPITALS_COST: i64 = 8;

/// Words that pay it: whoever writes so once does it throughout.
const CAPITALS_PAYING_MAX: usize = 3;

/// Half bits by which the best charset must be ahead to be more than a guess: a million to one.
const LIKELY_COST: i64 = 40;

/// Bytes of a word that is evidence. Shorter ones are mostly abbreviations, units and codes, whose
/// letters follow each other as they like.
const EVIDENCE_BYTES_MIN: usize = 4;

/// Half bits that a byte of a word can be evidence of, from its third on, so that no single word of
/// usual length is enough.
const EVIDENCE_BYTE_MAX: i64 = 8;

/// Half bits for the best charset for one against it.
const EVIDENCE_SHARE: i64 = 4;

/// Half bits of a letter in what reads as words: these have 7 or 8, letters at random 11 or more.
const WORDS_COST_MAX: i64 = 9;

/// The words of a file in a charset.
struct Reading {
    charset: Charset,
    prior: i64,
    costs: Vec<i64>,
}

/// Tells the charset of the words of a file, which has some.
pub(super) fn choose(vocabulary: &Vocabulary) -> (Charset, Confidence) {
    let words = vocabulary.words();
    let mut readings = CHARSETS.map(|(charset, prior)| Reading::new(charset, prior, words));
    readings.sort_by_key(Reading::total);
    let [best, others @ ..] = &readings;
    let mut others = others
        .iter()
        .filter(|other| !reads_same(vocabulary, best.charset, other.charset))
        .peekable();
    let is_likely = others.peek().is_some()
        && best.has_words(words)
        && others.all(|other| best.is_ahead(other, words));
    let confidence = if is_likely { Confidence::Likely } else { Confidence::Guess };
    (best.charset, confidence)
}

impl Reading {
    fn new(charset: Charset, prior: i64, words: &[Word]) -> Self {
        let score = Score::new(charset);
        let mut paying = CAPITALS_PAYING_MAX;
        let cost = |word: &Word| {
            let WordCost { half_bits, is_capitals } = score.cost(&word.bytes);
            if !is_capitals || paying == 0 {
                return half_bits;
            }
            paying -= 1;
            half_bits + CAPITALS_COST
        };
        Self { charset, prior, costs: words.iter().map(cost).collect() }
    }

    fn total(&self) -> i64 {
        self.prior + self.costs.iter().sum::<i64>()
    }

    /// Whether the words read as such, and not as what another charset leaves of them.
    fn has_words(&self, words: &[Word]) -> bool {
        let (mut cost, mut letters) = (0, 0);
        for (word, own) in words.iter().zip(&self.costs).filter(|(word, _)| is_evidence(word)) {
            cost += own;
            // The border behind is as telling as a letter.
            letters += length(word) + 1;
        }
        cost <= letters * WORDS_COST_MAX
    }

    /// Whether the words leave no doubt about this charset and another.
    fn is_ahead(&self, other: &Self, words: &[Word]) -> bool {
        let (mut evidence, mut against) = (0, 0);
        for (index, word) in words.iter().enumerate().filter(|(_, word)| is_evidence(word)) {
            let most = EVIDENCE_BYTE_MAX * (length(word) - 2);
            let gain = (other.costs[index] - self.costs[index]).clamp(-most, most);
            evidence += gain.max(0);
            against += (-gain).max(0);
        }
        // What is rare needs more; what is frequent needs no less.
        let handicap = (self.prior - other.prior).max(0);
        evidence - against - handicap >= LIKELY_COST
            && evidence >= against * EVIDENCE_SHARE
            && other.total() - self.total() >= LIKELY_COST
    }
}

fn is_evidence(word: &Word) -> bool {
    word.bytes.len() >= EVIDENCE_BYTES_MIN && !word.is_in_latin
}

fn length(word: &Word) -> i64 {
    i64::try_from(word.bytes.len()).expect("words are short")
}

/// Whether the bytes of a file are the same characters in two charsets.
fn reads_same(vocabulary: &Vocabulary, one: Charset, other: Charset) -> bool {
    (0x80..=0xff_u8)
        .all(|byte| !vocabulary.is_seen(byte) || character(one, byte) == character(other, byte))
}
