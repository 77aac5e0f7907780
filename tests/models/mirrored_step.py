"""Trains on two replicas and on one device: a model a line, the differences of their weights as JSON."""

import json
import sys

import numpy as np
import tensorflow as tf

devices = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(devices[0], [tf.config.LogicalDeviceConfiguration()] * 2)

import tf_keras as keras  # noqa: E402

from scenerank.models.base import named_weights  # noqa: E402
from scenerank.models.registry import MODELS, build_model  # noqa: E402
from scenerank.models.training import training_model  # noqa: E402
from tests.models.conftest import random_batch, shake, small_features  # noqa: E402

ROWS, STEPS = 32, 2


def trained(name: str, strategy: tf.distribute.Strategy) -> dict[str, np.ndarray]:
    """Weights after STEPS steps of plain gradient descent on ROWS rows, each replica having its part."""
    features = small_features()
    with strategy.scope():
        keras.utils.set_random_seed(5)
        settings = {"embedding": {"dim": 4}, **MODELS[name].without_noise}
        training = training_model(build_model(name, features, settings))
        shake(training)
        training.compile(optimizer=keras.optimizers.SGD(0.1))
        training.optimizer.build(training.trainable_variables)
    replicas = strategy.num_replicas_in_sync

    def part(context: tf.distribute.ReplicaContext, values: tf.Tensor) -> tf.Tensor:
        size = ROWS // replicas
        return values[context.replica_id_in_sync_group * size :][:size]

    for seed in range(STEPS):
        data = random_batch(features, ROWS, seed=seed)
        parts = tf.nest.map_structure(
            lambda v: strategy.experimental_distribute_values_from_function(lambda c, v=v: part(c, v)), data
        )
        strategy.run(training.train_step, (parts,))
    return {key: weight.numpy() for key, weight in named_weights(training).items()}


mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])  # one: a second counts its collectives from 0 again

for line in sys.stdin:
    name = json.loads(line)["model"]
    one = trained(name, tf.distribute.OneDeviceStrategy("CPU:0"))
    two = trained(name, mirrored)
    assert one.keys() == two.keys()
    scales = {key: 1 + np.abs(one[key]).max(initial=0) for key in one}
    print(json.dumps({key: float(np.abs(one[key] - two[key]).max(initial=0) / scales[key]) for key in one}), flush=True)
