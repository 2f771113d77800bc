//! Files of rows, through the public functions of `reading`.

mod charsets;
mod csv_rows;
mod json_rows;
mod property;
mod support;
mod ugly;
