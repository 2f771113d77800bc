//! The one entry: a text and a region in, E.164 or a fault out.
//!
//! The answer is that of `phonenumbers`: `parse`, then `is_valid_number` or `is_possible_number`,
//! then the format E.164. The deviations are deliberate:
//!
//! | deviation | reason |
//! |---|---|
//! | a number with an extension is refused | E.164 drops it: all behind a switchboard become one |
//! | letters and digits are those of fixed versions of Unicode | Python's vary with its version |

use super::dialled::Dialled;
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
    Ok(())
}
