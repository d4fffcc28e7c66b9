//! Rows of what is noted about attempts afterwards.

use domain::Text;
use domain::history::Amendment;
use domain::job::Exit;

rows! {
    Amendment => AmendmentRow {
        comment = "c": Option<Text>,
        admin_comment = "a": Option<Text>,
        system_comment = "s": Option<Text>,
        derived_exit = "d": Option<Exit>,
        extra = "e": Option<Text>,
        wckey = "w": Option<Text>,
        allocated = "t": Option<Vec<(u32, u64)>>,
    }
}
