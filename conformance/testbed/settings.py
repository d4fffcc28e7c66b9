"""The configuration files of the cluster: what the recordings in `conformance/slurm` were made on, with ports of its own.

`conformance/slurm/testbed.toml` is the same cluster in our words.
"""

HOST = "testbed"
KEY = "/etc/slurm/jwt_hs256.key"
DATABASE = "/var/lib/testbed/database"
LOGS = "/var/log/slurm"
VERSIONS = ["v0.0.42", "v0.0.43", "v0.0.44", "v0.0.45"]


def lines(settings):
    return "".join(f"{name}={value}\n" for name, value in settings.items())


# Tokens are for slurmrestd's callers, munge for everything else. The half of accounting wants the key too.
AUTHENTICATION = {
    "AuthType": "auth/munge",
    "AuthAltTypes": "auth/jwt",
    "AuthAltParameters": f"jwt_key={KEY}",
    "SlurmUser": "slurm",
}


def node_names(count):
    return f"n[1-{count}]" if count > 1 else "n1"


def slurm_conf(plan):
    ports, count = plan["ports"], plan["nodes"]
    settings = {
        "ClusterName": "testbed",
        "SlurmctldHost": f"{HOST}(127.0.0.1)",
        "SlurmctldPort": ports["slurmctld"],
        **AUTHENTICATION,
        "SlurmdUser": "root",
        # Without these the daemons listen on every interface.
        "CommunicationParameters": "NoInAddrAny,NoCtldInAddrAny",
        "StateSaveLocation": "/var/spool/slurmctld",
        "SlurmdSpoolDir": "/var/spool/slurmd/%n",
        "SlurmctldPidFile": "/run/slurm/slurmctld.pid",
        "SlurmdPidFile": "/run/slurm/slurmd-%n.pid",
        # The daemons write to their standard error, which is kept beside the cluster.
        "SlurmctldTimeout": 60,
        "SlurmdTimeout": 60,
        "ReturnToService": 2,
        "KillWait": 5,
        "MinJobAge": 300,
        "MaxJobCount": 100000,
        "MaxNodeCount": 2048,
        # No control groups: the machine's belong to somebody else.
        "ProctrackType": "proctrack/linuxproc",
        "TaskPlugin": "task/none",
        "JobAcctGatherType": "jobacct_gather/linux",
        "JobAcctGatherFrequency": "task=5",
        "MpiDefault": "none",
        # Nodes have more processors than the machine they are on.
        "SlurmdParameters": "config_overrides",
        "SelectType": "select/cons_tres",
        "SelectTypeParameters": "CR_Core_Memory",
        "GresTypes": "gpu",
        "Licenses": "matlab:10,ansys:4",
        "SchedulerType": "sched/backfill",
        "PriorityType": "priority/multifactor",
        "PriorityWeightAge": 1000,
        "PriorityWeightFairshare": 1000,
        "PriorityWeightQOS": 1000,
        "TrackWCKey": "yes",
        "AccountingStorageType": "accounting_storage/slurmdbd",
        "AccountingStorageHost": "127.0.0.1",
        "AccountingStoragePort": ports["slurmdbd"],
        "AccountingStorageTRES": "gres/gpu",
        "AccountingStoreFlags": "job_comment,job_env,job_extra,job_script",
        "JobCompType": "jobcomp/none",
    }
    first = ports["slurmd"]
    where = f"[{first}-{first + count - 1}]" if count > 1 else first
    cpus = plan["cpus"]
    return lines(settings) + "\n".join([
        # What administrators make later is as large as this line says.
        f"NodeName=DEFAULT CPUs={cpus} Boards=1 SocketsPerBoard=1 CoresPerSocket={cpus} ThreadsPerCore=1 RealMemory=16000"
        " TmpDisk=10000 Weight=1",
        f"NodeName={node_names(count)} NodeHostname={HOST} NodeAddr=127.0.0.1 Port={where} Feature=fast,intel Gres=gpu:2",
        "PartitionName=DEFAULT DefaultTime=01:00:00 MaxTime=7-00:00:00 DefMemPerCPU=100",
        "PartitionName=debug Nodes=ALL Default=YES State=UP",
        "PartitionName=long Nodes=n1 MaxTime=UNLIMITED PriorityTier=2 State=UP",
        "PartitionName=idle Nodes=ALL State=DOWN",
        plan["extra"],
    ])


def gres_conf(plan):
    # slurmd forgets a GPU that has no file, and the node is drained then. Two devices that harm nobody stand in for two.
    return f"AutoDetect=off\nNodeName={node_names(plan['nodes'])} Name=gpu File=/dev/null,/dev/zero\n"


CGROUP_CONF = "CgroupPlugin=disabled\n"


def slurmdbd_conf(plan):
    return lines({
        **AUTHENTICATION,
        "DbdHost": HOST,
        "DbdAddr": "127.0.0.1",
        "DbdPort": plan["ports"]["slurmdbd"],
        "CommunicationParameters": "NoInAddrAny",
        "PidFile": "/run/slurm/slurmdbd.pid",
        "StorageType": "accounting_storage/mysql",
        "StorageHost": "localhost",
        "StorageUser": "slurm",
        "StorageLoc": "slurm_acct",
        "TrackWCKey": "yes",
        "AllowNoDefAcct": "yes",
    })


# slurmdbd dies of conflicts that snapshot isolation reports. Nothing has to survive here.
MARIADB = {
    "datadir": DATABASE,
    "user": "mysql",
    "socket": "/run/mysqld/mysqld.sock",
    "pid-file": "/run/mysqld/mysqld.pid",
    "innodb_snapshot_isolation": "OFF",
    "innodb_lock_wait_timeout": 900,
    "innodb_buffer_pool_size": "256M",
    "innodb_log_file_size": "16M",
    "innodb_flush_log_at_trx_commit": 0,
}


def mariadb_cnf():
    return "[mariadbd]\nskip-networking\nskip-log-bin\n" + lines(MARIADB)


DATABASE_USER = """
CREATE DATABASE IF NOT EXISTS slurm_acct;
CREATE USER IF NOT EXISTS slurm@localhost IDENTIFIED VIA unix_socket;
GRANT ALL ON slurm_acct.* TO slurm@localhost;
"""

# Accounts and users that the recordings and the tours count on: what is given to sacctmgr.
ASSOCIATIONS = [
    "add account physics Description=physics Organization=science",
    "add account chemistry Description=chemistry Organization=science",
    "add user alice account=physics defaultaccount=physics",
    "add user alice account=chemistry",
    "add user bob account=chemistry defaultaccount=chemistry",
]
