"""What TF Serving is told."""

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from scenerank.components.pusher.releases import announce, promote, rollback
from scenerank.components.pusher.settings import PusherSettings
from scenerank.components.pusher.tf_serving import BATCHING, MODELS, configure, write
from scenerank.components.workspace import Workspace

OLD, NEW = 2022050101, 2022050201


@pytest.fixture
def workspace(tmp_path):
    found = Workspace(str(tmp_path))
    for version in (OLD, NEW):
        found.write_text(f"{found.model(version)}/saved_model.pb", "graph")
    return found


def told(workspace):
    config = text_format.Parse(workspace.read_text(workspace.uri(*MODELS)), model_server_config_pb2.ModelServerConfig())
    (model,) = config.model_config_list.config
    return model


def test_the_version_in_service_and_the_one_before_are_loaded(workspace):
    configure(workspace, "clicks", PusherSettings())
    assert list(told(workspace).model_version_policy.specific.versions) == [OLD, NEW]
    assert dict(told(workspace).version_labels) == {"stable": NEW}


def test_the_version_in_service_alone_is_loaded_where_memory_is_short(workspace):
    configure(workspace, "clicks", PusherSettings(keep_previous=False))
    model = told(workspace)
    assert (model.name, model.base_path, model.model_platform) == ("clicks", workspace.uri("models"), "tensorflow")
    assert list(model.model_version_policy.specific.versions) == [NEW]
    assert dict(model.version_labels) == {"stable": NEW}


def test_labels_follow_rollback_and_promotion(workspace):
    configure(workspace, "clicks", PusherSettings(base_path="/models/clicks"))
    rollback(workspace)
    write(workspace)
    assert list(told(workspace).model_version_policy.specific.versions) == [OLD]
    promote(workspace, NEW)
    write(workspace)
    assert dict(told(workspace).version_labels) == {"stable": NEW}
    assert told(workspace).base_path == "/models/clicks"


def test_a_canary_is_loaded_beside_the_stable_version(workspace):
    configure(workspace, "clicks", PusherSettings())
    announce(workspace, 2022050301, canary=True)
    workspace.write_text(f"{workspace.model(2022050301)}/saved_model.pb", "graph")
    write(workspace)
    assert list(told(workspace).model_version_policy.specific.versions) == [OLD, NEW, 2022050301]
    assert dict(told(workspace).version_labels) == {"stable": NEW, "canary": 2022050301}


def test_batching_is_the_settings_and_nothing_is_written_twice(workspace):
    configure(workspace, "clicks", PusherSettings.model_validate({"batching": {"max_batch_size": 512}}))
    assert "max_batch_size { value: 512 }\n" in workspace.read_text(workspace.uri(*BATCHING))
    before = {info.path: info.mtime for info in workspace.list(workspace.uri("serving"))}
    configure(workspace, "clicks", PusherSettings.model_validate({"batching": {"max_batch_size": 512}}))
    assert before == {info.path: info.mtime for info in workspace.list(workspace.uri("serving"))} and len(before) == 3


def test_nothing_is_written_for_models_that_no_pipeline_pushed(workspace):
    rollback(workspace)
    write(workspace)
    assert [info.base_name for info in workspace.list(workspace.uri("serving"))] == ["release.json"]
