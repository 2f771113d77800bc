//! E-mail addresses by RFC 5321 and 6531, with domains by UTS 46.
//!
//! `address` takes the whole apart and puts it together, `local` and `domain` normalise the two
//! sides of '@', `tld` knows the list of IANA.

mod address;
mod domain;
#[cfg(test)]
mod domain_vectors;
mod local;
mod tld;

pub use address::append;
