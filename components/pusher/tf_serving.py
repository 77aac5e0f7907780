"""TF Serving's configuration: which versions it loads, under which labels, and how it batches.

`serving/models.config` and `serving/batching.config` are text protos. TF Serving polls the first
(`--model_config_file_poll_wait_seconds`), so that a version comes and goes without a restart. The policy names the
versions that serve and, so that a rollback finds it loaded, the one before. TF Serving moves a label to another version
at the first poll after that version was loaded, and until then answers from the one that had it, which is the one
before. `--allow_version_labels_for_unavailable_models` lets a fresh server have labels while it loads.
"""

from __future__ import annotations

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from scenerank.components.pusher.releases import locked, release
from scenerank.components.pusher.settings import PusherSettings
from scenerank.components.workspace import Workspace

MODELS, BATCHING = ("serving", "models.config"), ("serving", "batching.config")


def configure(workspace: Workspace, name: str, settings: PusherSettings) -> None:
    """Keeps what TF Serving is to be told in the record of releases, and writes it.

    Args:
      name: of the model in requests.
    """
    kept = {"name": name, "settings": settings.model_dump()}
    with locked(workspace):
        record = workspace.release()
        if record.get("tf_serving") != kept:
            workspace.write_release({**record, "tf_serving": kept})
    write(workspace)


def write(workspace: Workspace) -> None:
    """Brings both files up to what serves; nothing where no model was ever pushed with a configuration."""
    kept = workspace.release().get("tf_serving")
    if kept is None:
        return
    settings = PusherSettings.model_validate(kept["settings"])
    texts = {MODELS: models_config(workspace, kept["name"], settings), BATCHING: batching_config(settings)}
    for parts, text in texts.items():
        uri = workspace.uri(*parts)
        if not workspace.exists(uri) or workspace.read_text(uri) != text:
            workspace.write_text(uri, text)


def models_config(workspace: Workspace, name: str, settings: PusherSettings) -> str:
    """A `ModelServerConfig` of the one model."""
    config = model_server_config_pb2.ModelServerConfig()
    model = config.model_config_list.config.add(
        name=name, base_path=settings.base_path or workspace.uri("models"), model_platform="tensorflow"
    )
    known = release(workspace)
    serving, loaded = known.serving, {*known.serving.values()}
    if settings.keep_previous and known.previous is not None:
        loaded.add(known.previous)
    model.model_version_policy.specific.versions.extend(sorted(loaded))
    for label, version in serving.items():
        model.version_labels[label] = version
    return text_format.MessageToString(config)


def batching_config(settings: PusherSettings) -> str:
    """A `BatchingParameters`, whose proto has no Python package.

    Histories and lists of candidates are padded to the longest of a batch; requests of other lengths would be refused.
    """
    values = "".join(f"{name} {{ value: {value} }}\n" for name, value in settings.batching.model_dump().items())
    return f"{values}pad_variable_length_inputs: true\n"
