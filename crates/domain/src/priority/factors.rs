//! The parts of a priority, each multiplied with its weight.

/// The parts of a job's priority in one partition, weighted: what `sprio` shows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Factors {
    /// For the time it has waited.
    pub age: f64,
    /// For its association's priority.
    pub association: f64,
    /// For fair share.
    pub fair_share: f64,
    /// For its size.
    pub job_size: f64,
    /// For its partition.
    pub partition: f64,
    /// For its quality of service.
    pub qos: f64,
    /// For what it asks for.
    pub tres: f64,
    /// As the site says.
    pub site: f64,
    /// Taken off.
    pub nice: f64,
}

impl Factors {
    /// Returns the sum as a priority: never zero, since that means held.
    pub fn priority(&self) -> u32 {
        let gained = self.age
            + self.association
            + self.fair_share
            + self.job_size
            + self.partition
            + self.qos
            + self.tres
            + self.site;
        // A cast of a float keeps within the bounds of the integer. The last values have meanings of their own in Slurm.
        ((gained - self.nice) as u32).clamp(1, u32::MAX - 16)
    }
}
