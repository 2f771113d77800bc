//! Every bound of an address, with its reason.

/// Bytes of any value before normalising: the contract's bound of `Address.value`. It keeps the
/// work per address small whatever a caller sends.
pub const VALUE_BYTES_MAX: usize = 4096;

/// Bytes of a csid: long enough for a signed token or a URL, short enough to be read in reports.
pub const CSID_BYTES_MAX: usize = 1024;

/// Bytes of a stand-in for an e-mail: as long as the other identifiers that clients make up.
pub const SUBSTITUTE_BYTES_MAX: usize = CSID_BYTES_MAX;

/// Bytes of a push, pushapp or umid token: the bound of a value, so every token fits that comes in.
pub const TOKEN_BYTES_MAX: usize = VALUE_BYTES_MAX;

/// Digits of a vk, tg or max number: the largest 64-bit number has twenty.
pub const NUMBER_DIGITS_MAX: usize = 20;

/// Octets of an e-mail: a path of RFC 5321 has 256 with its angle brackets (4.5.3.1.3). Both
/// spellings of the domain must fit, because mail servers meet both.
pub const EMAIL_BYTES_MAX: usize = 254;

/// Octets of a canonical local part, needed quotes and escapes included (RFC 5321, 4.5.3.1.1).
pub const LOCAL_BYTES_MAX: usize = 64;

/// Octets of a local part as the caller spells it. Normalising makes three bytes into one at most,
/// so what is longer cannot become a legal local part; refusing it early keeps the work linear.
pub const LOCAL_SPELLING_BYTES_MAX: usize = 512;

/// Octets of a domain in A-labels: 255 of RFC 1035 without the two of the root label.
pub const DOMAIN_BYTES_MAX: usize = 253;

/// Octets of one label of a domain in its A-label form (RFC 1035, 2.3.4).
pub const LABEL_BYTES_MAX: usize = 63;

/// Octets of a domain that is not plain ASCII, as the caller spells it. Mapping makes four bytes
/// into one at most, so only characters that UTS 46 ignores could fit more into a legal domain.
/// Punycode takes quadratic time, so its input needs a small bound.
pub const DOMAIN_SPELLING_BYTES_MAX: usize = 1024;

/// Digits that a value without a type must have to be taken for a phone: the shortest subscriber
/// numbers with their country code have so many.
pub const PHONE_LIKE_DIGITS_MIN: usize = 5;

/// Digits that a value without a type may have to be taken for a phone: the fifteen of E.164 with
/// an international prefix of at most five. What is longer is an identifier of another type.
pub const PHONE_LIKE_DIGITS_MAX: usize = 20;

/// Blocked values of one space: a hand-written list, held in memory per address type.
pub const BLOCKED_VALUES_MAX: usize = 10_000;
