//! The route table: what a path stands for, and the methods it is for. A slash at its end does not matter.

use super::names::parse;

/// What a path stands for; parameters as they stand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    Root,
    Jobs,
    Job(&'a str),
    Pull(&'a str),
    Unlink(&'a str),
    SetOk(&'a str),
    SetErred(&'a str),
    Media(&'a str),
    Projects,
    Project(&'a str),
    Customers,
    Customer(&'a str),
    Settings,
    Setting(&'a str),
    Me,
    User(&'a str),
    Login,
    Logout,
    Version,
    Configuration,
}

/// Returns what a path stands for.
pub(super) fn route<'a>(path: &[&'a str]) -> Option<Route<'a>> {
    Some(match *path {
        ["api"] => Route::Root,
        // Jobs.
        ["api", "slurm-jobs"] => Route::Jobs,
        ["api", "slurm-jobs", id] => Route::Job(id),
        ["api", "slurm-jobs", id, "pull"] => Route::Pull(id),
        ["api", "slurm-jobs", id, "unlink"] => Route::Unlink(id),
        ["api", "slurm-jobs", id, "set_ok"] => Route::SetOk(id),
        ["api", "slurm-jobs", id, "set_erred"] => Route::SetErred(id),
        ["api", "media", id] => Route::Media(id),
        // Whose they are and where they run. The documents also say `project`.
        ["api", "projects"] => Route::Projects,
        ["api", "projects" | "project", id] => Route::Project(id),
        ["api", "customers"] => Route::Customers,
        ["api", "customers", id] => Route::Customer(id),
        ["api", "service-settings"] => Route::Settings,
        ["api", "service-settings", id] => Route::Setting(id),
        // Users.
        ["api", "users", "me"] => Route::Me,
        ["api", "users", id] => Route::User(id),
        ["api-auth", "password"] => Route::Login,
        ["api-auth", "logout"] => Route::Logout,
        // The service.
        ["api", "version"] => Route::Version,
        ["api", "configuration"] => Route::Configuration,
        _ => return None,
    })
}

impl Route<'_> {
    /// Returns the methods it is for, as the header `Allow` has them.
    pub(super) fn allowed(self) -> &'static str {
        match self {
            Route::Jobs => "GET, POST, HEAD, OPTIONS",
            Route::Job(_) => "GET, PUT, PATCH, DELETE, HEAD, OPTIONS",
            Route::Pull(_) | Route::Unlink(_) | Route::SetOk(_) | Route::SetErred(_) => "POST, OPTIONS",
            Route::Login | Route::Logout => "POST, OPTIONS",
            Route::Root
            | Route::Media(_)
            | Route::Projects
            | Route::Project(_)
            | Route::Customers
            | Route::Customer(_)
            | Route::Settings
            | Route::Setting(_)
            | Route::Me
            | Route::User(_)
            | Route::Version
            | Route::Configuration => "GET, HEAD, OPTIONS",
        }
    }

    /// Tells whether it is for a method.
    pub(super) fn allows(self, method: &str) -> bool {
        self.allowed().split(", ").any(|allowed| allowed == method)
    }

    /// Tells whether anybody may ask.
    pub(super) fn is_public(self) -> bool {
        matches!(self, Route::Login | Route::Version | Route::Configuration)
    }
}

/// Tells whether a path, without slashes around it, is one of this dialect. The others below `/api` are ClusterCockpit's,
/// which has users too: by their log-in names.
pub(crate) fn owns(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).take(3).collect();
    match *parts.as_slice() {
        ["api"] => true,
        ["api", "users", user] => user == "me" || parse(user).is_some(),
        ["api", room, ..] => matches!(
            room,
            "slurm-jobs"
                | "media"
                | "projects"
                | "project"
                | "customers"
                | "service-settings"
                | "version"
                | "configuration"
        ),
        ["api-auth", ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_here_and_what_is_clustercockpits() {
        for path in [
            "api",
            "api/slurm-jobs",
            "api/slurm-jobs/x/pull",
            "api/users/me",
            "api/users/0123456789abcdef0123456789abcdef",
            "api-auth/password",
        ] {
            assert!(owns(path), "{path}");
        }
        for path in ["api/jobs", "api/users", "api/user/alice", "api/clusters", "userapi/jobs", "slurm/x", ""]
        {
            assert!(!owns(path), "{path}");
        }
    }

    #[test]
    fn routes_know_their_methods() {
        let is = |path: &[&str], method: &str| route(path).map(|route| route.allows(method));
        assert_eq!(is(&["api", "slurm-jobs"], "POST"), Some(true));
        assert_eq!(is(&["api", "slurm-jobs"], "PUT"), Some(false));
        assert_eq!(is(&["api", "slurm-jobs", "x", "pull"], "GET"), Some(false));
        assert_eq!(is(&["api", "slurm-jobs", "x", "nothing"], "GET"), None);
    }
}
