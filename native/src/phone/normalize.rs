//! The one entry: a text and a region in, E.164 or a fault out.
//!
//! The answer is that of `phonenumbers`: `parse`, then `is_valid_number` or `is_possible_number`,
//! then the format E.164. The deviations are deliberate:
//!
//! | deviation | reason |
//! |---|---|
//! | a number with an extension is refused | E.164 drops it: all behind a switchboard become one |
//! | letters and digits are those of fixed versions of Unicode | Python's vary with its version |
//! | a possible number that reads as another one is that one | a canonical form must be its own |

use super::dialled::Dialled;
use super::number;
use super::number::Number;
use super::{PhoneFault, Region};

/// Writes the canonical form of a phone number to `out`, whose former content is gone in any case.
///
/// `region` is where the number would be dialled from if it does not say its country itself. With
/// `possible_is_enough` its length must fit the numbering plan, otherwise the plan must assign it.
pub fn normalize(
    region: Option<Region>,
    possible_is_enough: bool,
    value: &str,
    out: &mut String,
) -> Result<(), PhoneFault> {
    out.clear();
    let mut dialled = Dialled::new();
    dialled.read(value)?;
    let number = Number::read(region.map(Region::plan), &dialled)?;
    number.check(possible_is_enough)?;
    number.write(out);
    if possible_is_enough {
        settle(out).inspect_err(|_| out.clear())?;
    }
    Ok(())
}

/// Reads the canonical form again until it stays. A number that its plan does not assign may seem
/// to begin with a national prefix each time that it is read, as +54 00… does.
fn settle(out: &mut String) -> Result<(), PhoneFault> {
    let mut again = String::with_capacity(out.len());
    // A round takes a digit away; the bound is for a plan that would turn in a circle.
    for _ in 0..=number::NATIONAL_DIGITS_MAX {
        let mut dialled = Dialled::new();
        dialled.read(out)?;
        let number = Number::read(None, &dialled)?;
        number.check(true)?;
        again.clear();
        number.write(&mut again);
        if again == *out {
            return Ok(());
        }
        std::mem::swap(out, &mut again);
    }
    Err(PhoneFault::NotANumber)
}
