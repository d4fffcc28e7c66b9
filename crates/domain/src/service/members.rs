//! Users that are added at run time.

use super::ledger::Ledger;
use crate::who::{Membership, Principal};
use crate::{Error, Problem, Text};

impl Ledger<'_> {
    /// Takes in a user.
    pub(super) fn remember_member(&mut self, by: &Principal, member: Membership) -> Result<(), Error> {
        require_administrator(by)?;
        if member.name.is_empty() || member.name.len() > 256 {
            return Err(Problem::BadField(Text::const_new("name")).into());
        }
        self.keep_member(member);
        Ok(())
    }

    /// Forgets a user.
    pub(super) fn forget_member(&mut self, by: &Principal, name: Text) -> Result<(), Error> {
        require_administrator(by)?;
        if !self.cluster().members.contains_key(&name) {
            return Err(Problem::UnknownUser(name).into());
        }
        self.remove_member(name);
        Ok(())
    }
}

fn require_administrator(by: &Principal) -> Result<(), Error> {
    if by.is_administrator() { Ok(()) } else { Err(Problem::OperatorOnly(Text::const_new("users")).into()) }
}
