//! Mail as it travels: letters as MIME messages, by SMTP or into a folder.
//! It does not know orders, nor when a letter is tried again.

mod folder;
mod message;
mod smtp;

pub use folder::MailFolder;
pub use smtp::{OpenError, Server, Smtp, Tls};
