//! The words and numbers that a whole answer is made of.

use super::allocation::ranges;
use super::tres::amount_of_memory;
use domain::job::CpuSet;

#[test]
fn memory_is_written_in_the_largest_unit_that_keeps_halves() {
    for (megabytes, wanted) in [
        (0, "0M"),
        (100, "100M"),
        (1024, "1G"),
        (1536, "1.50G"),
        (16_000, "16000M"),
        (64_000, "62.50G"),
        (6_553_500, "6553500M"),
        (214_748_364_800, "200P"),
    ] {
        assert_eq!(amount_of_memory(megabytes), wanted);
    }
}

#[test]
fn units_are_written_with_ranges() {
    let check = |numbers: &[u32], wanted: &str| {
        assert_eq!(ranges(&numbers.iter().copied().collect::<CpuSet>()), wanted);
    };
    check(&[], "");
    check(&[0, 1], "0-1");
    check(&[0, 2, 3, 4, 9], "0,2-4,9");
}
