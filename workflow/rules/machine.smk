# What a machine has for the jobs that run at once, and what is said before the first and after the last of them.


# What the jobs on one machine share. Together they ask for no more than it has; one that asks for more than all of it
# gets all of it: without GPUs gpu=1 becomes gpu=0, and cores and memory say how many run at once. A process that an
# executor started for one job, on a node of a cluster, does the same there. A workflow that uses these rules as a module
# keeps its own limits; of GPUs, which no rule of its own may know, it gets ours.
MACHINE = {
    "mem_mb": memory.machine_megabytes(),
    # at most one: TensorFlow takes all the memory of every GPU that it sees
    "gpu": min(1, len([*Path(os.sep, "proc/driver/nvidia/gpus").glob("*")])),
}
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
ASKED_CORES = workflow.global_resources["_cores"].value or 0
if workflow.nodes is None or not workflow.is_main_process:
    for resource, amount in MACHINE.items():
        if resource not in workflow.global_resources and not (MODULE and resource == "mem_mb"):
            workflow.register_resource(resource, amount)
# what CUDA takes of the host's memory in a job that may get a GPU
WITHOUT_GPUS = "gpu" in workflow.global_resources and workflow.global_resources["gpu"].value == 0
CUDA_MEGABYTES = 0 if WITHOUT_GPUS else plan.GPU_MEGABYTES
if workflow.nodes is None and workflow.is_main_process and not MODULE and ASKED_CORES > CORES:
    workflow.register_resource("_cores", CORES)  # more jobs at once than cores would only cost memory


def threads_of(networks):
    """Cores that share the images of a network, where there are fewer networks than cores; it changes no bit."""
    # on a cluster each job has cores of its own; how many networks an archive holds is not known yet
    if workflow.nodes is not None or not workflow.is_main_process or PLAN.archived or MACHINE["gpu"]:
        return 1
    return max(1, min(ASKED_CORES, CORES) // max(1, networks))


NETWORK_THREADS = threads_of(len({unit.model.name for unit in PLAN.units.values() if unit.model.path}))


def memory_asked(job):
    """Megabytes that the rule of a job asks for, before they are cut to what the machine has."""
    wish = job.rule.resources.get("mem_mb")
    job_now = {"input": job.input, "attempt": 1, "threads": job.threads, "rulename": job.rule.name}
    return (wish and wish.evaluate(job.wildcards, async_run=workflow.async_run, **job_now).value) or 0


onstart:
    if workflow.local_exec:
        if ASKED_CORES > CORES:
            print(
                f"notice: --cores {ASKED_CORES} asked, this machine has {CORES}: it uses {CORES}.", file=sys.stderr
            )
        if not MACHINE["gpu"] and any(sample["device"] == "cuda" for sample in PLAN.samples.values()):
            print("notice: device: cuda asked, this machine has no GPU: the CPU computes.", file=sys.stderr)
        asked, rule_name = max(
            ((memory_asked(job), job.rule.name) for job in workflow.dag.needrun_jobs()), default=(0, "")
        )
        if asked > MACHINE["mem_mb"]:
            print(
                f"notice: {rule_name} asks for {asked} MB of memory, this machine has {MACHINE['mem_mb']} MB: it runs alone,"
                " and may not get through. See profiles/.",
                file=sys.stderr,
            )


def last_words(job):
    """What a failed job said itself, at the end of its log; nothing if it was killed."""
    said = "\n".join(Path(path).read_text(errors="replace").strip() for path in job.log if os.path.exists(path))
    last = said.rpartition("\n")[2]
    return last.removeprefix("error: ") if last.startswith("error: ") or "Traceback" in said else ""


onerror:
    # said last, for in a long run a job failed far above: which, why, where its log is, and what is missing for it
    failed = {job: last_words(job) for job in sorted(getattr(workflow.scheduler, "failed", []), key=str)}
    for job, words in failed.items():
        which = " ".join([job.rule.name, *(f"{name}={value}" for name, value in job.wildcards.items())])
        print(f"error: {which}: {words or 'ended without a last word'} ({', '.join(job.log)})", file=sys.stderr)
    wanted = [path for job in workflow.dag.targetjobs for path in (job.output or job.input)]
    missing = [str(path) for path in wanted if not os.path.exists(path)]
    if missing:
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if missing[5:] else "")
        again = (
            "Mend that, and the same command makes them."
            if any(failed.values())
            else "The same command makes them."
        )
        print(f"error: {len(missing)} results missing: {shown}. {again}", file=sys.stderr)
