//! What clients send → what is meant. May refuse, naming the field.

pub(super) mod bounded;
pub(super) mod range;
pub(super) mod submission;
pub(super) mod tool;
