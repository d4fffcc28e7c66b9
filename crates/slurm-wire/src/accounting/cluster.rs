//! Clusters.

use crate::accounting::association::AssocShort;
use crate::accounting::tres::TresList;
use crate::envelope::{Errors, Meta, Warnings};
use crate::flags::Flags;
use crate::list::{StringList, lists, read_plain};
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::scalar::Text;
use crate::words::ClusterFlag;

object! {
    /// Clusters.
    both ClustersResp, ClustersRespInput = "openapi_clusters_resp" {
        clusters: ClusterRecList = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// Part `controller` of [`ClusterRec`].
    both inline ClusterRecController, ClusterRecControllerInput = "cluster_rec_controller" {
        host: Text,
        port: u32,
    }
}

object! {
    /// Part `associations` of [`ClusterRec`].
    both inline ClusterRecAssociations, ClusterRecAssociationsInput = "cluster_rec_associations" {
        root: AssocShort,
    }
}

object! {
    /// A cluster.
    both ClusterRec, ClusterRecInput = "cluster_rec" {
        controller: ClusterRecController,
        flags: Flags<ClusterFlag>,
        name: Text,
        nodes: Text,
        select_plugin: Text = deprecated,
        associations: ClusterRecAssociations,
        rpc_version: u32,
        tres: TresList,
    }
}

object! {
    /// The clusters that were removed.
    reply ClustersRemovedResp = "openapi_clusters_removed_resp" {
        deleted_clusters: StringList = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

lists! {
    /// Clusters.
    ClusterRecList, ClusterRecListKind of ClusterRec = "cluster_rec_list", read_plain;
}
