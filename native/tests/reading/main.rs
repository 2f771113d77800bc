//! Files of rows, through the public functions of `reading`.

mod csv_rows;
mod support;
