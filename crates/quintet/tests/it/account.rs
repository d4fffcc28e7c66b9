//! `quintet account` against a running service: what is added, changed, shown, dumped, loaded and deleted, and how that is
//! told.

use crate::program::Program;
use serde_json::Value;

const ACCOUNTING: &str = "[cluster]\nname = \"testbed\"\n";

fn account(quintet: &Program, words: &str) -> String {
    let words: Vec<&str> = std::iter::once("account").chain(words.split(' ')).collect();
    quintet.ok(&words)
}

/// Runs a command that fails; returns what it said.
fn refused(quintet: &Program, words: &str) -> String {
    let words: Vec<&str> = std::iter::once("account").chain(words.split(' ')).collect();
    let ended = quintet.run(&words);
    assert_eq!(ended.code, 1, "{words:?}: {}", ended.stdout);
    ended.stderr
}

fn serving() -> Option<Program> {
    // Who may not do everything may not add accounts either.
    Program::is_administrator().then(|| Program::serving(ACCOUNTING))
}

#[test]
fn accounts_and_users_come_change_and_go() {
    let Some(quintet) = serving() else { return };
    let added =
        account(&quintet, "-i add account physics,chem description=sci fairshare=7 GrpTRES=cpu=10,mem=4G");
    assert!(added.starts_with(" Adding Account(s)\n  physics\n  chem\n Settings\n"), "{added}");
    assert!(added.contains("  GrpTRES       = cpu=10,mem=4G\n"), "{added}");
    account(&quintet, "-i add account optics parent=physics MaxJobs=5 MaxWall=1-02:00:00");
    account(&quintet, "-i add qos high priority=5 flags=DenyOnLimit,NoDecay preempt=normal MaxTRESPU=cpu=4");
    let user = account(&quintet, "-i add user zoe,yan account=optics,chem qos+=high adminlevel=operator");
    assert!(user.contains("  C = testbed    A = optics               U = zoe      \n"), "{user}");
    assert_eq!(
        account(&quintet, "-P show assoc account=optics tree format=account,user,maxjobs,maxwall,qos"),
        "Account|User|MaxJobs|MaxWall|QOS\noptics||5|1-02:00:00|normal\n optics|yan|5|1-02:00:00|normal,high\n \
         optics|zoe|5|1-02:00:00|normal,high\n"
    );
    assert_eq!(
        account(&quintet, "-nP show account physics format=account,descr,org"),
        "physics|sci|physics\n"
    );
    let changed = account(
        &quintet,
        "-i modify user where name=zoe account=optics set MaxJobs=2 fairshare=parent qos-=high",
    );
    assert_eq!(
        changed,
        " Modified user associations...\n  C = testbed    A = optics               U = zoe      \n"
    );
    account(&quintet, "-i modify user zoe set defaultaccount=chem adminlevel=none");
    assert_eq!(
        account(
            &quintet,
            "-nP show user zoe withassoc format=user,defaultaccount,admin,account,share,maxjobs,qos"
        ),
        "zoe|chem|None|chem|1||normal,high\nzoe|chem|None|optics|parent|2|normal\n"
    );
    account(&quintet, "-i modify account physics set GrpTRES=cpu=-1 organization=lab");
    account(&quintet, "-i modify account optics set parent=chem MaxJobs=-1");
    assert_eq!(
        account(
            &quintet,
            "-nP show assoc account=physics,optics format=account,user,parentname,grptres,maxjobs"
        ),
        "optics||chem||\noptics|yan|||\noptics|zoe|||2\nphysics||root|mem=4G|\n"
    );
    account(
        &quintet,
        "-i modify qos high set flags+=NoReserve flags-=NoDecay MaxTRESPU=cpu=-1,node=3 preempt=",
    );
    assert_eq!(
        account(&quintet, "-nP show qos high format=name,priority,flags,maxtrespu,preempt"),
        "high|5|DenyOnLimit,NoReserve|node=3|\n"
    );
    account(&quintet, "-i add coordinator account=chem names=zoe");
    assert_eq!(account(&quintet, "-nP show account chem withcoord format=account,coord"), "chem|zoe\n");
    account(&quintet, "-i delete coordinator account=chem names=zoe");
    assert_eq!(account(&quintet, "-nP show account chem withcoord format=account,coord"), "chem|\n");
    account(&quintet, "-i delete user zoe account=optics");
    assert_eq!(account(&quintet, "-nP show assoc user=zoe format=account"), "chem\n");
    assert_eq!(account(&quintet, "-i delete user zoe"), " Deleting users...\n  zoe\n");
    account(&quintet, "-i delete account chem,physics");
    assert_eq!(account(&quintet, "-nP show assoc account=optics,chem format=account"), "");
    account(&quintet, "-i delete qos high");
    assert_eq!(account(&quintet, "-nP show qos format=name"), "normal\n");
}

#[test]
fn what_cannot_be_done_is_told_with_exit_code_one() {
    let Some(quintet) = serving() else { return };
    let check = |words: &str, told: &str| {
        let said = refused(&quintet, words);
        assert!(said.contains(told), "{words}: {said}");
    };
    check("frob", "invalid keyword: frob");
    check("show frob", "No valid entity in show command");
    check("add tres x", "No valid entity in add command");
    check("-i add user", "Need name of user to add");
    check("-i add user zoe", "Need name of acct");
    check("-i add user zoe account=nosuch", "Nothing added");
    check("-i add account root", "Already existing account root");
    check("-i add account x parent=nosuch", "nosuch");
    check("-i add account x GrpTRES=frob=3", "no TRES known by type frob");
    check("-i add user zoe account=root qos=nosuch", "nosuch");
    check("-i modify user root set frob=3", "Unknown option: frob=3");
    check("-i modify user root", "You didn't give me anything to set");
    check("-i modify user where name=nosuch set MaxJobs=1", "Nothing modified");
    check("-i modify account root set MaxWall=xx", "Bad MaxWallDurationPerJob time format");
    check("show user nosuch=3", "Unknown condition: nosuch=3");
    check("show assoc format=frob", "Unknown field 'frob'");
    check("-i delete user nosuch", "Nothing deleted");
    check("-i delete account", "No conditions given to remove");
    check("-r add account x", "readonly");
    // All or nothing: what could be done is not.
    check("-i add user zoe account=root defaultqos=nosuch", "nosuch");
    assert_eq!(account(&quintet, "-nP show user zoe"), "");
    assert_eq!(quintet.run(&["account"]).code, 2);
}

#[test]
fn lists_are_written_for_people_and_for_programs() {
    let Some(quintet) = serving() else { return };
    let wide = account(&quintet, "show user");
    assert_eq!(wide.lines().next(), Some("      User   Def Acct  Def WCKey     Admin "));
    assert_eq!(wide.lines().nth(1), Some("---------- ---------- ---------- --------- "));
    assert!(wide.contains("      root       root            Administ+ "), "{wide}");
    assert!(account(&quintet, "-p show user").contains("root|root||Administrator|\n"));
    assert_eq!(account(&quintet, "-n show user root format=user%-6,admin%3"), "root   Ad+ \n");
    assert!(account(&quintet, "-P show tres").starts_with("Type|Name|ID\ncpu||1\nmem||2\n"));
    assert!(account(&quintet, "-P show cluster").starts_with("Cluster|ControlHost|"));
    assert!(account(&quintet, "show configuration").contains("AccountingStorageHost"));
    let json: Value = serde_json::from_str(&account(&quintet, "show user root --json")).unwrap();
    assert_eq!(json["users"][0]["name"], "root");
    let made: Value = serde_json::from_str(&account(&quintet, "add account bio --json")).unwrap();
    assert_eq!(made["done"][0]["accounts"][0], "bio");
    account(&quintet, "-i add wckey k1,k2 user=root");
    assert_eq!(account(&quintet, "-nP show wckey user=root format=wckey"), "k1\nk2\n");
    account(&quintet, "-i delete user root wckeys=k1");
    assert_eq!(account(&quintet, "-nP show wckey format=wckey"), "k2\n");
    assert!(account(&quintet, "-P show problem").contains("|bio||Account has no users\n"));
}

/// What the original wrote of a cluster with limits of every kind.
const DUMPED: &str = "\
QOS - 'normal':Description='Normal QOS default'
QOS - 'zzqos':Description='ab':Flags='DenyOnLimit,OverPartQOS,NoDecay':GraceTime=90:GrpJobsAccrue=13:GrpJobs=12:GrpSubmitJobs=14:GrpTRES=cpu=9:GrpTRESMins=cpu=10:GrpTRESRunMins=cpu=11:GrpWall=15:LimitFactor=1.500000:MaxJobsPA=4:MaxJobsPU=3:MaxJobsAccruePA=18:MaxJobsAccruePU=17:MaxSubmitJobsPA=6:MaxSubmitJobsPU=5:MaxTRESMinsPerJob=cpu=16:MaxTRESPerAccount=cpu=5:MaxTRESPerJob=cpu=3:MaxTRESPerNode=cpu=2:MaxTRESPerUser=cpu=4:MaxTRESRunMinsPerAccount=cpu=20:MaxTRESRunMinsPerUser=cpu=19:MaxWallDurationPerJob=60:MinTRESPerJob=cpu=1:Preempt='normal':PreemptMode='requeue':PreemptExemptTime=120:Priority=5:UsageFactor=2.000000:UsageThreshold=0.500000
Cluster - 'testbed':Fairshare=1:QOS='normal'
Parent - 'root'
User - 'root':DefaultAccount='root':AdminLevel='Administrator':Fairshare=1
Account - 'chemistry':Description='chemistry':Organization='science':Fairshare=1
Account - 'physics':Description='physics':Organization='science':Fairshare=1
Account - 'zzq':Description='zzq':Organization='zzq':DefaultQOS='normal':Fairshare=1:GrpTRESMins=cpu=100:GrpTRESRunMins=cpu=50:GrpTRES=cpu=10,mem=4G:GrpJobs=1:GrpJobsAccrue=2:GrpSubmitJobs=3:GrpWall=90:MaxTRESMinsPerJob=cpu=7:MaxTRESPerJob=cpu=8:MaxTRESPerNode=cpu=2:MaxJobs=4:MaxJobsAccrue=5:MaxSubmitJobs=6:MaxWallDurationPerJob=60:MinPrioThresh=9:Priority=11:QOS='normal'
Parent - 'chemistry'
User - 'alice':DefaultAccount='physics':Fairshare=1
User - 'bob':DefaultAccount='chemistry':Fairshare=1:QOS='+zzqos,-normal'
Parent - 'physics'
User - 'alice':DefaultAccount='physics':Fairshare=1
Account - 'zza':Description='zza':Organization='zza':Fairshare=1
Parent - 'zza'
User - 'zzb':Partition='debug':DefaultAccount='zza':DefaultWCKey='w1':AdminLevel='Operator':Coordinator='physics,zza':WCKeys='w1,w2':Fairshare=1:MaxTRESRunMins=cpu=4
Parent - 'zzq'
User - 'zzu':DefaultAccount='zzq':DefaultWCKey='wk':WCKeys='wk,wk2':Comment='it`s':Fairshare=2147483647
";

fn said(dump: &str) -> String {
    dump.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}

#[test]
fn what_the_original_dumped_is_loaded_and_dumped_again() {
    let Some(quintet) = serving() else { return };
    quintet.write("theirs.cfg", DUMPED);
    let told = account(&quintet, "-i load theirs.cfg");
    assert!(told.starts_with(" For cluster testbed\n"), "{told}");
    account(&quintet, "dump testbed file=ours.cfg");
    assert_eq!(said(&quintet.read("ours.cfg")), DUMPED);
    let bobs = "-nP show assoc user=bob account=chemistry format=qos";
    assert_eq!(account(&quintet, bobs), "zzqos\n");
    let why = refused(&quintet, "-i modify account zzq set qos=zzqos");
    assert!(why.contains("access to its default quality of service"), "{why}");
    // Once more changes nothing.
    let again = quintet.run(&["account", "-i", "load", "ours.cfg"]);
    assert_eq!((again.code, again.stdout.as_str()), (0, ""), "{}", again.stderr);
    // A change is one; what is not named stays, unless it is cleaned away.
    let less: String = DUMPED
        .lines()
        .filter(|line| !line.contains("zza") && !line.contains("zzb"))
        .map(|line| line.replace(":MaxJobs=4", ":MaxJobs=3") + "\n")
        .collect();
    quintet.write("less.cfg", &less);
    account(&quintet, "-i load less.cfg");
    assert!(account(&quintet, "dump").contains("'zzb'"));
    account(&quintet, "-i load less.cfg clean=account,user");
    assert_eq!(said(&account(&quintet, "dump")), less);
    // All or nothing.
    let bad = less
        .replace("Account - 'zzq'", "Account - 'new':Fairshare=1\nAccount - 'zzq'")
        .replace("DefaultQOS='normal'", "DefaultQOS='nosuch'");
    quintet.write("bad.cfg", &bad);
    assert!(refused(&quintet, "-i load bad.cfg clean").contains("nosuch"));
    assert_eq!(said(&account(&quintet, "dump")), less);
    quintet.write("worse.cfg", &less.replace(":MaxJobs=3", ":MaxFrob=3"));
    assert!(refused(&quintet, "-i load worse.cfg").contains("line 8: Unknown option: MaxFrob=3"));
    assert!(refused(&quintet, "-i load nosuch.cfg").contains("Unable to read nosuch.cfg"));
}

#[test]
fn nothing_is_cleaned_away_that_jobs_still_use() {
    let Some(quintet) = serving() else { return };
    account(&quintet, "-i add account busy");
    account(&quintet, "-i add user root account=busy");
    quintet.write("empty.cfg", "Cluster - 'testbed':Fairshare=1\n");
    quintet.ok(&["submit", "-A", "busy", "--wrap", "exec sleep 1000"]);
    quintet.until("the job runs", || !quintet.ok(&["ps", "-t", "R", "--no-header"]).is_empty());
    let said = refused(&quintet, "-i load empty.cfg clean");
    assert!(said.contains("ob"), "{said}");
    assert!(account(&quintet, "-nP show assoc account=busy format=account").contains("busy"));
    quintet.ok(&["cancel", "1"]);
    quintet.until("the job is gone", || quintet.ok(&["ps", "--no-header"]).is_empty());
    account(&quintet, "-i load empty.cfg clean");
    assert_eq!(account(&quintet, "-nP show assoc account=busy format=account"), "");
}

#[test]
fn jobs_are_shown_in_sacct_s_fields() {
    let quintet = Program::serving("");
    quintet.run(&["submit", "-W", "-Q", "-J", "good", "-o", "out", "--comment", "a word", "--wrap", "true"]);
    quintet.run(&["submit", "-W", "-Q", "-J", "bad", "-o", "out", "--wrap", "exit 9"]);
    let usual = quintet.ok(&["history", "-a", "-X", "-S", "now-1day"]);
    let lines: Vec<&str> = usual.lines().collect();
    assert_eq!(lines[0], "JobID           JobName  Partition    Account  AllocCPUS      State ExitCode ");
    assert_eq!(lines[1], "------------ ---------- ---------- ---------- ---------- ---------- -------- ");
    assert!(
        lines[2].starts_with("1                  good ") && lines[2].ends_with(" COMPLETED      0:0 "),
        "{usual}"
    );
    let steps =
        quintet.ok(&["history", "-anP", "-S", "now-1day", "-o", "jobid,jobname,partition,state,exitcode"]);
    assert_eq!(
        steps,
        "1|good|main|COMPLETED|0:0\n1.batch|batch||COMPLETED|0:0\n2|bad|main|FAILED|9:0\n2.batch|batch||FAILED|9:0\n"
    );
    assert_eq!(quintet.ok(&["history", "-j", "2.batch", "-n", "-p", "-o", "jobid"]), "2.batch|\n");
    assert_eq!(quintet.ok(&["history", "-j", "1", "-nXP", "-o", "comment,jobidraw"]), "a word|1\n");
    let failed = ["history", "-a", "-n", "-X", "-P", "-s", "F", "-S", "now-1hour", "-o", "jobname"];
    assert_eq!(quintet.ok(&failed), "bad\n");
    let named = ["history", "-a", "-P", "--noheader", "-X", "--name", "good", "-S", "today", "-o", "jobid"];
    assert_eq!(quintet.ok(&named), "1\n");
    let all = quintet.ok(&["history", "-j", "1", "-X", "-P", "-o", "ALL"]);
    let columns = all.lines().next().unwrap().split('|').count();
    assert!(columns > 100 && all.lines().nth(1).unwrap().split('|').count() == columns, "{all}");
    assert!(quintet.ok(&["history", "--helpformat"]).contains("TRESUsageInMax"));
    let json: Value = serde_json::from_str(&quintet.ok(&["history", "-j", "1", "--json"])).unwrap();
    assert_eq!(json["jobs"][0]["name"], "good");
    let told = |args: &[&str], code: i32, why: &str| {
        let ended = quintet.run(args);
        assert!(
            ended.code == code && ended.stderr.contains(why),
            "{args:?}: {} {}",
            ended.code,
            ended.stderr
        );
    };
    let listed =
        |words: &[&str]| quintet.ok(&[&["history", "-nXP", "-S", "now-1day", "-o", "jobid"], words].concat());
    let all = listed(&[]);
    assert_eq!((listed(&["-i", "1"]), listed(&["-I", "1-4096"])), (all.clone(), all.clone()));
    assert_eq!((all.as_str(), listed(&["-R", "none"]).as_str()), ("1\n2\n", "1\n"));
    assert_eq!((listed(&["-i", "2-9"]), listed(&["-k", "1", "-K", "2"])), (String::new(), String::new()));
    let sizes = quintet.ok(&["history", "-nXP", "--units", "K", "-o", "reqmem"]);
    assert!(sizes.lines().all(|size| size.is_empty() || size.ends_with('K') || size == "0"), "{sizes}");
    told(&["history", "-i", "x"], 2, "Invalid numeric value \"x\" for requested node range.");
    told(&["history", "-k", "x"], 2, "Invalid time limit specification");
    told(&["history", "-R", "frob"], 2, "unrecognized job reason value 'frob'");
    told(&["history", "--units", "X"], 2, "Invalid unit type 'X'");
    told(&["history", "-g", "no-such-group"], 1, "");
    told(&["history", "-o", "frob"], 2, "Invalid field requested: \"frob\"");
    told(&["history", "-X", "-S", "frob"], 2, "Invalid time specification: frob");
    told(&["history", "-X", "-S", "now", "-E", "now-1day"], 2, "is after end time");
    told(&["history", "-X", "-q", "nosuch"], 1, "there is no quality of service nosuch");
    // What was there before means what it meant.
    assert!(quintet.ok(&["history", "-n", "good"]).starts_with("JOBID"));
    assert_eq!(quintet.ok(&["history", "-p", "main"]).lines().count(), 3);
}

#[test]
fn reports_tell_who_used_how_much() {
    let quintet = Program::serving(ACCOUNTING);
    quintet.run(&["submit", "-W", "-Q", "-n", "1", "-o", "out", "--wrap", "sleep 2"]);
    let user = quintet.ok(&["history", "-j", "1", "-nXP", "-o", "user,account"]);
    let (user, account) = user.trim().split_once('|').unwrap();
    let report = |words: &[&str]| {
        let behind = ["start=now-1hour", "end=now+1hour", "-t", "seconds"];
        quintet.ok(&[&["report"], words, &behind].concat())
    };
    let top = report(&["-nP", "user", "top", "format=cluster,login,account,used"]);
    let fields: Vec<&str> = top.trim().split('|').collect();
    assert_eq!(fields[..3], ["testbed", user, account]);
    let used: u64 = fields[3].parse().unwrap();
    assert!(used >= 1, "{top}");
    let whole = report(&["cluster", "utilization"]);
    let lines: Vec<&str> = whole.lines().collect();
    assert!(lines[1].starts_with("Cluster Utilization 20"), "{whole}");
    assert_eq!(lines[2], "Usage reported in CPU Seconds");
    assert!(lines[4].ends_with("Reported "), "{whole}");
    let by =
        report(&["-nP", "-T", "cpu,node", "cluster", "UserUtilizationByAccount", "format=login,tresname"]);
    assert_eq!(by, format!("{user}|cpu\n{user}|node\n"));
    let sizes = report(&["-nP", "job", "sizesbyaccount", "printjobcount", "grouping=2"]);
    assert!(sizes.trim_end().ends_with("|1|0|1|100.00%"), "{sizes}");
    let refused = quintet.run(&["report", "user", "frob"]);
    assert!(refused.code == 1 && refused.stderr.contains("Not valid report frob"), "{}", refused.stderr);
}

#[test]
fn what_happens_beside_jobs_is_shown() {
    let Some(quintet) = serving() else { return };
    let nodes: serde_json::Value = serde_json::from_str(&quintet.ok(&["nodes", "--json"])).unwrap();
    let node = nodes["nodes"][0]["name"].as_str().unwrap();
    let mark = |words: &[&str]| {
        let mut command = crate::program::quintet();
        command.arg("nodes").args(words).arg(node).arg("--state").arg(quintet.state());
        assert!(command.status().unwrap().success(), "{words:?}");
    };
    mark(&["drain", "--reason", "fan"]);
    let events = account(&quintet, "-nP show event format=node,state,reason,user,end");
    let lines: Vec<&str> = events.lines().collect();
    assert_eq!(lines, ["||Cluster Registered TRES||Unknown", &format!("{node}|DRAIN|fan|root(0)|Unknown")]);
    mark(&["resume"]);
    let closed = account(&quintet, &format!("-nP show event nodes={node} format=node,end"));
    assert!(closed.starts_with(&format!("{node}|20")), "{closed}");
    account(&quintet, "-i add account physics,chem");
    let deeds = account(&quintet, "-nP show transaction format=actor,action,where");
    assert!(deeds.contains("root|Add Accounts|chem,physics\n"), "{deeds}");
    assert_eq!(account(&quintet, "show runaway"), "Runaway Jobs: No runaway jobs found on cluster testbed\n");
    assert_eq!(account(&quintet, "-nP show reservation"), "");
    assert!(refused(&quintet, "show event frob=1").contains("Unknown condition: frob=1"));
    let table = account(&quintet, "show event");
    let widths = "---------- --------------- ------------------- ------------------- ------ \
                  ------------------------------ ----------";
    assert_eq!(table.lines().nth(1).unwrap().trim_end(), widths);
    let words = ["report", "-nP", "-t", "percent", "cluster", "utilization", "start=now", "end=now+1hour"];
    // Seconds are counted, and the first of them has to be over.
    quintet.until("there is something to report", || !quintet.ok(&words).is_empty());
    let report = quintet.ok(&words);
    let parts: Vec<&str> = report.trim().split('|').collect();
    assert_eq!((parts[0], parts.len()), ("testbed", 7), "{report}");
    assert_eq!(
        quintet.ok(&["report", "-nP", "reservation", "utilization", "start=now-1hour", "end=now"]),
        ""
    );
}
