"""Customized gate control."""

from __future__ import annotations

import tf_keras as keras

from scenerank.models.baselines.ple import PLE, CGCSettings


@keras.utils.register_keras_serializable("scenerank")
class CGC(PLE):
    """CGC with scenarios for tasks, Eqs. 1-4: PLE of one extraction layer."""

    registered = "cgc"
    paper = PLE.paper
    settings_class = CGCSettings
