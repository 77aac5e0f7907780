"""Beam's Python job server with two workers a job, of which it would ask for one: `python -m ... PORT`."""

from __future__ import annotations

import sys

from apache_beam.portability.api import beam_job_api_pb2
from apache_beam.runners.portability import local_job_service, local_job_service_main
from apache_beam.runners.portability.fn_api_runner import fn_runner

WORKERS = 2


class Job(local_job_service.BeamJob):
    def _invoke_runner(self):
        self.set_state(beam_job_api_pb2.JobState.RUNNING)
        runner = fn_runner.FnApiRunner(provision_info=self._provision_info)
        runner._num_workers = WORKERS
        return runner.run_via_runner_api(self._pipeline_proto, self.pipeline_options())


if __name__ == "__main__":
    local_job_service.LocalJobServicer(beam_job_type=Job).start_grpc_server(int(sys.argv[1]))
    local_job_service_main.serve("ready")
