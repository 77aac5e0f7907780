"""A process that trains together with others: `python -m scenerank.components.trainer.cluster.task JOB PARENT`.

`TF_CONFIG` says who they are and which one this is: https://www.tensorflow.org/guide/distributed_training. With
`multi_worker` its first worker, or its chief, leaves what was learned in the job's folder; with `parameter_server` the
chief does, while workers and servers serve until they are stopped.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys

import tensorflow as tf
import tensorflow_transform as tft

from scenerank.components import storage
from scenerank.components.trainer.input.sharding import InputShard
from scenerank.components.trainer.job import Job
from scenerank.components.trainer.loop.strategies import MULTI_WORKER
from scenerank.errors import CapacityError, DataError, ExitCode

LEARNED, REFUSED = "learned", "refused.txt"
PR_SET_PDEATHSIG = 1  # sys/prctl.h


def run_task(job: Job) -> None:
    """Plays the part that `TF_CONFIG` gives to this process.

    Raises:
      DataError: see `learn`.
      CapacityError: see `check_servers`.
    """
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    spec, kind, index = resolver.cluster_spec(), resolver.task_type, resolver.task_id
    if job.trainer.strategy == MULTI_WORKER:
        from scenerank.components.trainer.loop.synchronous import learn

        chiefs = spec.num_tasks("chief") if "chief" in spec.jobs else 0
        share = InputShard(index + (chiefs if kind == "worker" else 0), chiefs + spec.num_tasks("worker"))
        found = learn(job, share)
        if share.chief:
            found.write(f"{job.folder}/{LEARNED}")
    elif kind == "chief":
        from scenerank.components.trainer.cluster.memory import check_servers
        from scenerank.components.trainer.loop.parameter_server import learn_asynchronously
        from scenerank.components.transform.preprocessing import resolved_features

        features = resolved_features(job.declared, tft.TFTransformOutput(job.transform_output))
        check_servers(job.trainer, features)
        learn_asynchronously(job, spec.num_tasks("worker")).write(f"{job.folder}/{LEARNED}")
    else:
        if kind == "worker":
            from scenerank.components.trainer.input.chunks import prepare_chunks

            prepare_chunks(job, InputShard(index, spec.num_tasks("worker")))
        tf.distribute.Server(spec, job_name=kind, task_index=index, protocol="grpc").join()


def main(path: str, parent: int) -> int:
    """Runs the task of the job at `path` as long as process `parent` lives.

    Returns:
      The exit code: 3 where the data are refused, with the sentence beside the job.
    """
    logging.getLogger().setLevel(logging.WARNING)
    _end_with(parent)
    job = Job.read(path)
    try:
        run_task(job)
    except (DataError, CapacityError) as error:
        storage.write(f"{job.folder}/{REFUSED}", str(error))
        return ExitCode.REFUSED
    return 0


def _end_with(parent: int) -> None:
    """A server would wait for a chief for ever when whoever started both was killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # which died while this process was importing
            sys.exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
