//! The names of address types, as the seeds and the details of faults write them.

use crate::wire::v1::AddressType;

/// Returns the lower-case name of a type, such as "email"; "unspecified" where there is none.
pub fn type_name(kind: AddressType) -> &'static str {
    match kind {
        AddressType::Unspecified => "unspecified",
        AddressType::Email => "email",
        AddressType::Msisdn => "msisdn",
        AddressType::Viber => "viber",
        AddressType::Csid => "csid",
        AddressType::Push => "push",
        AddressType::Vk => "vk",
        AddressType::Tg => "tg",
        AddressType::Vknotify => "vknotify",
        AddressType::Pushapp => "pushapp",
        AddressType::Max => "max",
        AddressType::Umid => "umid",
    }
}

/// Every type that an address can have, in the order of their numbers.
pub fn address_types() -> impl Iterator<Item = AddressType> {
    (1..).map_while(|number| AddressType::try_from(number).ok())
}
