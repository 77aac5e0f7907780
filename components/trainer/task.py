"""A process that trains together with others: `python -m components.trainer.task JOB PARENT`.

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

import models  # noqa: F401  (legacy Keras has to be chosen before TensorFlow is imported)

import tensorflow as tf  # isort: skip

from components.errors import DataRefused
from components.trainer.job import Job
from components.trainer.sharing import Share
from components.trainer.strategies import MULTI_WORKER

LEARNED, REFUSED = "learned", "refused.txt"
REFUSED_CODE = 3
PR_SET_PDEATHSIG = 1  # sys/prctl.h


def run_task(job: Job) -> None:
    """Plays the part that `TF_CONFIG` gives to this process.

    Raises:
      DataRefused: see `learn`.
    """
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    spec, kind, index = resolver.cluster_spec(), resolver.task_type, resolver.task_id
    if job.trainer.strategy == MULTI_WORKER:
        from components.trainer.learning import learn

        chiefs = spec.num_tasks("chief") if "chief" in spec.jobs else 0
        share = Share(index + (chiefs if kind == "worker" else 0), chiefs + spec.num_tasks("worker"))
        found = learn(job, share)
        if share.chief:
            found.write(f"{job.folder}/{LEARNED}")
    elif kind == "chief":
        from components.trainer.asynchronous import learn_asynchronously

        learn_asynchronously(job, spec.num_tasks("worker")).write(f"{job.folder}/{LEARNED}")
    else:
        if kind == "worker":
            from components.trainer.units import prepare_units

            prepare_units(job, Share(index, spec.num_tasks("worker")))
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
    except DataRefused as error:
        with tf.io.gfile.GFile(f"{job.folder}/{REFUSED}", "w") as stream:
            stream.write(str(error))
        return REFUSED_CODE
    return 0


def _end_with(parent: int) -> None:
    """A server would wait for a chief for ever when whoever started both was killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # which died while this process was importing
            sys.exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
