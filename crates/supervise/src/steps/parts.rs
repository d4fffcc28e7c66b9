//! Steps of several parts, which run over several components of a heterogeneous job, or run different programs with
//! different needs: one step, whose tasks are counted from part to part. A launcher passes the other parts on as they came.

use super::StepRequest;
use crate::wire::{Code, Reader};

/// The most parts of a step.
pub const MAX_PARTS: usize = 128;

impl StepRequest {
    /// Joins the requests of the other parts to that of the first.
    #[must_use]
    pub fn joined(self, others: &[StepRequest]) -> Self {
        let bytes = |part: &StepRequest| {
            let mut bytes = Vec::new();
            part.put(&mut bytes);
            bytes
        };
        StepRequest { further: others.iter().map(bytes).collect(), ..self }
    }

    /// Returns the requests of the other parts; `None` if they cannot be read, or are too many.
    pub fn others(&self) -> Option<Vec<StepRequest>> {
        if self.further.len() >= MAX_PARTS {
            return None;
        }
        self.further.iter().map(|bytes| Reader::whole(bytes)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_as_they_were() {
        let part = |component| StepRequest { component, tasks: Some(2), ..StepRequest::default() };
        let joint = part(0).joined(&[part(1), part(2)]);
        assert_eq!(joint.others(), Some(vec![part(1), part(2)]));
        assert_eq!(part(0).others(), Some(Vec::new()));
        let garbled = StepRequest { further: vec![vec![1, 2, 3]], ..part(0) };
        assert_eq!(garbled.others(), None);
        let many = vec![part(0); MAX_PARTS];
        assert_eq!(part(0).joined(&many).others(), None);
    }
}
