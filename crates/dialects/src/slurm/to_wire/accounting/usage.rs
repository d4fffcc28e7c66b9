//! What was used by associations and under workload keys: a line for each time, quality of service and resource.

use domain::Text;
use domain::accounting::{Association, Books, Trackable, tres};
use domain::history::{Sums, UsageLine};
use slurm_wire::accounting::tres::{Accounting, AccountingAllocated, Tres};
use std::collections::{BTreeMap, HashMap};

/// Usage by time and number of the quality of service.
type Used = BTreeMap<(i64, u32), Sums>;

/// Whose usage is told, and with which names.
pub(in crate::slurm) struct UsageTold<'a> {
    resources: &'a [Trackable],
    of: HashMap<u32, Used>,
}

impl<'a> UsageTold<'a> {
    /// Finds the associations that lines are charged to: of a user, and of the accounts above.
    pub(in crate::slurm) fn of_associations(
        lines: &[UsageLine],
        books: &Books,
        resources: &'a [Trackable],
    ) -> Self {
        let mut of: HashMap<u32, Used> = HashMap::new();
        for line in lines {
            let (account, user) = (&line.charge.account, &line.charge.user);
            let Some(own) = books.governing(account, user, &line.charge.partition) else {
                // The user has left the account; it was used there all the same.
                let gone = books.account_on(books.cluster(), account);
                gone.into_iter().for_each(|account| add_line(&mut of, books, account, line));
                continue;
            };
            add_line(&mut of, books, own, line);
        }
        UsageTold { resources, of }
    }

    /// Finds the workload keys that lines stand under.
    pub(in crate::slurm) fn of_wckeys(
        lines: &[UsageLine],
        books: &Books,
        resources: &'a [Trackable],
    ) -> Self {
        let mut of: HashMap<u32, Used> = HashMap::new();
        for line in lines {
            if let Some(key) = books.wckey(&line.charge.user, &line.charge.wckey) {
                let used = of.entry(key.id).or_default().entry((line.start.seconds(), 0)).or_default();
                used.add(&line.sums);
            }
        }
        UsageTold { resources, of }
    }

    /// Lists what was used by the one of a number.
    pub(in crate::slurm) fn by(&self, id: u32) -> Vec<Accounting> {
        let mut told = Vec::new();
        for ((start, alternative), sums) in self.of.get(&id).into_iter().flatten() {
            for (resource, seconds) in self.amounts(sums) {
                let tres = Tres {
                    kind: resource.kind.clone(),
                    name: resource.name.clone(),
                    id: resource.id,
                    ..Tres::default()
                };
                let allocated = AccountingAllocated { seconds };
                told.push(Accounting { allocated, id, id_alt: *alternative, start: *start, tres });
            }
        }
        told
    }

    fn amounts(&self, sums: &Sums) -> Vec<(&Trackable, i64)> {
        let amount = |resource: &Trackable| match resource.id {
            tres::CPU => sums.cpu,
            tres::MEMORY => sums.memory,
            tres::NODE => sums.node,
            tres::BILLING => sums.billing,
            _ => {
                let name = match resource.name.as_str() {
                    "" => resource.kind.clone(),
                    name => Text::from(format!("{}/{name}", resource.kind)),
                };
                sums.others.iter().find(|(other, _)| *other == name).map_or(0, |(_, amount)| *amount)
            }
        };
        let all = self.resources.iter().map(|resource| (resource, amount(resource)));
        all.filter(|(_, amount)| *amount != 0).collect()
    }
}

/// Adds a line to an association and all above it.
fn add_line(of: &mut HashMap<u32, Used>, books: &Books, own: &Association, line: &UsageLine) {
    let qos = books.qos_called(&line.charge.qos).map_or(0, |qos| qos.id);
    for one in books.line(own) {
        of.entry(one.id).or_default().entry((line.start.seconds(), qos)).or_default().add(&line.sums);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Timestamp;
    use domain::accounting::Configured;
    use domain::history::Charge;
    use domain::who::Membership;

    #[test]
    fn what_a_user_used_is_the_accounts_too() {
        let account = |name: &'static str| (Text::const_new(name), Text::default(), Text::default());
        let alice = Membership {
            name: Text::const_new("alice"),
            default_account: Text::const_new("bio"),
            ..Membership::default()
        };
        let configured =
            Configured { accounts: vec![account("bio")], users: vec![alice], ..Configured::default() };
        let books = Books::configured(&Text::const_new("here"), configured);
        let line = |user: &'static str, cpu: i64| UsageLine {
            start: Timestamp::from_seconds(3600),
            end: Timestamp::from_seconds(7200),
            charge: Charge {
                account: Text::const_new("bio"),
                user: Text::const_new(user),
                ..Charge::default()
            },
            sums: Sums { cpu, others: vec![(Text::const_new("gres/gpu"), 7)], ..Sums::default() },
        };
        let resource = |id, kind: &'static str, name: &'static str| Trackable {
            id,
            kind: Text::const_new(kind),
            name: Text::const_new(name),
            count: 0,
        };
        let resources = [resource(1, "cpu", ""), resource(4, "node", ""), resource(1001, "gres", "gpu")];
        let used = UsageTold::of_associations(&[line("alice", 5), line("gone", 2)], &books, &resources);
        let told = |id: u32| -> Vec<(u32, i64, i64)> {
            let told = |one: &Accounting| (one.tres.id, one.allocated.seconds, one.start);
            used.by(id).iter().map(told).collect()
        };
        let alice = books.number_of("bio", "alice");
        let bio = books.above(books.association(alice).unwrap()).unwrap().id;
        assert_eq!(told(alice), [(1, 5, 3600), (1001, 7, 3600)]);
        assert_eq!(told(bio), [(1, 7, 3600), (1001, 14, 3600)]);
        assert_eq!(told(1), told(bio), "the root stands for all");
    }
}
