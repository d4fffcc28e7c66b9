//! Qualities of service.

use super::{Edit, check_name, check_text};
use crate::accounting::{Qos, QosWish, Record};
use crate::{Error, Problem};
use std::sync::Arc;

impl Edit<'_> {
    /// Makes a quality of service, or changes the one of that name or number. As in the original, switches and the way of
    /// making way that are not given again are taken away.
    pub(super) fn put_qos(&mut self, wish: &QosWish) -> Result<(), Error> {
        self.require_operator("qualities of service")?;
        let before = match &wish.name {
            Some(name) => self.books.qos_named(name).cloned(),
            None if wish.id == 0 => return Err(Problem::QosWithoutName.into()),
            None => {
                let found = self.books.qos_numbered(wish.id).cloned();
                Some(found.ok_or(Problem::NoQosNumbered(wish.id))?)
            }
        };
        let mut qos = match &before {
            Some(before) => Qos::clone(before),
            None => {
                let name = wish.name.clone().unwrap_or_default();
                check_name(&name)?;
                self.books.last.qos = self.books.last.qos.saturating_add(1);
                Qos { id: self.books.last.qos, life: self.born(), ..Qos::named(name) }
            }
        };
        change(&mut qos, wish)?;
        let mut preempted = wish.preempt.iter().flatten();
        if let Some(unknown) = preempted.find(|name| self.books.qos_named(name).is_none()) {
            return Err(Problem::BadQos(unknown.clone()).into());
        }
        if before.is_none_or(|before| *before != qos) {
            qos.life.modified = self.now;
            self.put(Record::Qos(Arc::new(qos)));
        }
        Ok(())
    }
}

fn change(qos: &mut Qos, wish: &QosWish) -> Result<(), Error> {
    if let Some(description) = &wish.description {
        check_text("description", description)?;
        qos.description = description.clone();
    }
    let factors = [wish.usage_factor, wish.usage_threshold.flatten(), wish.limit_factor.flatten()];
    if factors.into_iter().flatten().any(|factor| !factor.is_finite() || factor < 0.0) {
        return Err(Problem::BadField("usage_factor".into()).into());
    }
    qos.priority = wish.priority.unwrap_or(qos.priority);
    qos.flags = wish.flags;
    if let Some(preempt) = &wish.preempt {
        qos.preempt = preempt.clone();
    }
    qos.preempt_mode = wish.preempt_mode;
    qos.preempt_exempt_time = wish.preempt_exempt_time.unwrap_or(qos.preempt_exempt_time);
    qos.grace_time = wish.grace_time.unwrap_or(qos.grace_time);
    qos.usage_factor = wish.usage_factor.unwrap_or(qos.usage_factor);
    qos.usage_threshold = wish.usage_threshold.unwrap_or(qos.usage_threshold);
    qos.limit_factor = wish.limit_factor.unwrap_or(qos.limit_factor);
    qos.limits.change(&wish.limits);
    Ok(())
}
