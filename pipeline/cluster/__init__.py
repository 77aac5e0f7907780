"""Beyond one machine: what Kubeflow Pipelines and Kubernetes are told."""
