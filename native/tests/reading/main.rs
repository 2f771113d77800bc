//! Files of rows, through the public functions of `reading`.

mod captions;
mod charsets;
mod csv_rows;
mod json_rows;
mod kinds;
mod property;
mod separator_line;
mod sheets;
mod short_texts;
mod support;
mod ugly;
