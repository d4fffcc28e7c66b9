//! How much of a machine one series is about.

/// A part of a node, from the whole to the smallest (ClusterCockpit's metric scopes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The whole node.
    Node,
    /// A processor package.
    Socket,
    /// A NUMA domain.
    MemoryDomain,
    /// A core.
    Core,
    /// A hardware thread.
    HwThread,
    /// A GPU or the like.
    Accelerator,
}

impl Scope {
    /// All of them, coarse to fine.
    pub const ALL: [Scope; 6] =
        [Scope::Node, Scope::Socket, Scope::MemoryDomain, Scope::Core, Scope::HwThread, Scope::Accelerator];

    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Node => "node",
            Scope::Socket => "socket",
            Scope::MemoryDomain => "memoryDomain",
            Scope::Core => "core",
            Scope::HwThread => "hwthread",
            Scope::Accelerator => "accelerator",
        }
    }

    /// Finds the scope of this word.
    pub fn named(name: &str) -> Option<Self> {
        Scope::ALL.into_iter().find(|scope| scope.name() == name)
    }

    /// Tells whether it is as coarse as `other`, or coarser. An accelerator is a part of its node alone.
    pub fn holds(self, other: Scope) -> bool {
        match (self, other) {
            (Scope::Accelerator, _) => other == Scope::Accelerator,
            (_, Scope::Accelerator) => self == Scope::Node,
            _ => self <= other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_scopes() {
        for scope in Scope::ALL {
            assert_eq!(Scope::named(scope.name()), Some(scope));
        }
        assert_eq!((Scope::named("Node"), Scope::named("")), (None, None));
    }

    #[test]
    fn the_coarse_holds_the_fine() {
        assert!(Scope::Node.holds(Scope::HwThread) && Scope::Socket.holds(Scope::Socket));
        assert!(!Scope::Core.holds(Scope::Socket) && !Scope::Core.holds(Scope::Accelerator));
        assert!(Scope::Node.holds(Scope::Accelerator) && !Scope::Accelerator.holds(Scope::Node));
    }
}
