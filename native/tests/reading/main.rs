//! Files of rows, through the public functions of `reading`.

mod charsets;
mod csv_rows;
mod support;
