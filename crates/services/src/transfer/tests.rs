//! The import as a whole, in memory.
