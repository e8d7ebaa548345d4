//! What can go wrong between us and the server, and what the ports are told of it.
//! It knows PostgreSQL's SQLSTATE codes; nobody outside this folder does.

use std::error::Error as _;

use platform::store::StoreError;
use tokio_postgres::Error;

/// For everything that wrote nothing, or whose failure says for certain that it did not.
pub fn of_read(error: &Error) -> StoreError {
    let text = describe(error);
    match code(error) {
        "53100" => StoreError::Full(text),
        // Data and index corrupted.
        "XX001" | "XX002" => StoreError::Corrupt(text),
        "CM001" => StoreError::Overtaken(text),
        "25006" => StoreError::Unavailable(format!("PostgreSQL takes no writes: {text}")),
        "57014" => StoreError::Unavailable("the read took too long".into()),
        _ => StoreError::Unavailable(text),
    }
}

/// For a write that was sent. Nothing tells what became of it when the connection is gone, or when the server gave the
/// connection up while it worked: a commit may have come before.
pub fn of_write(error: &Error) -> StoreError {
    if is_definite(error) { of_read(error) } else { StoreError::Unknown(describe(error)) }
}

/// Whether the server itself said that the statement failed, and lived to tell.
pub fn is_definite(error: &Error) -> bool {
    match code(error) {
        // Encoding the values failed: nothing was sent.
        "" => !error.is_closed() && error.source().is_some_and(|source| !source.is::<std::io::Error>()),
        "XX001" | "XX002" => true,
        code => !["08", "57P", "58", "XX"].iter().any(|class| code.starts_with(class)),
    }
}

/// Whether a connection is of no use any more: it is gone, or its server is on its way out or takes no writes.
pub fn is_over(error: &Error) -> bool {
    error.is_closed() || !is_definite(error) || code(error) == "25006"
}

/// Whether a server that takes writes was looked for, and only others answered. The driver has words for that and no code.
pub fn has_no_writer(error: &Error) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    source.is_some_and(|source| source.to_string() == "database does not allow writes")
}

/// Whether the server, or this user there, has as many connections as it may have.
pub fn is_crowded(error: &Error) -> bool {
    code(error) == "53300"
}

/// Whether nothing can be written for the time being: there is no room, or the server takes no writes.
pub fn refuses_writes(error: &Error) -> bool {
    matches!(code(error), "53100" | "25006")
}

/// Whether the server ended a statement because it took too long, or waited too long for a lock.
pub fn is_too_late(error: &Error) -> bool {
    matches!(code(error), "57014" | "55P03")
}

/// Whether the same statement may succeed when it is sent again: two writers stood in each other's way, and the server
/// sent one of them back.
pub fn is_worth_another_try(error: &Error) -> bool {
    matches!(code(error), "40001" | "40P01")
}

/// Whether a value was not what its column takes: JSON that `jsonb` cannot hold.
pub fn is_about_a_value(error: &Error) -> bool {
    code(error).starts_with("22")
}

pub fn is_duplicate(error: &Error) -> bool {
    code(error) == "23505"
}

/// Whether trying again is in vain: the server knows us and does not let us in, or has no such database.
pub fn is_final(error: &Error) -> bool {
    ["28", "3D", "42"].iter().any(|class| code(error).starts_with(class))
}

fn code(error: &Error) -> &str {
    error.code().map_or("", |state| state.code())
}

/// Without details: those repeat what was written.
pub fn describe(error: &Error) -> String {
    match error.as_db_error() {
        Some(said) => format!("PostgreSQL says: {} ({})", said.message(), said.code().code()),
        None => match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}
