"""Settings of a model that has defaults of its own for what all models share."""

from scenerank.models.settings import EmbeddingSettings, ModelSettings, OptimizerSettings


class OwnSettings(ModelSettings):
    """Defaults that differ from those of all models."""

    embedding: EmbeddingSettings = EmbeddingSettings(dim=40)
    optimizer: OptimizerSettings = OptimizerSettings(decay="exponential", decay_rate=0.9)


def test_defaults_of_the_model_stay_where_only_others_are_given():
    settings = OwnSettings.model_validate({"embedding": {"l2": 0.1}, "optimizer": {"decay_rate": 0.5}})
    assert settings.embedding == EmbeddingSettings(dim=40, l2=0.1)
    assert settings.optimizer == OptimizerSettings(decay="exponential", decay_rate=0.5)


def test_what_is_given_in_full_is_taken_as_it_is():
    given = OwnSettings(embedding=EmbeddingSettings(l2=0.1), optimizer=OptimizerSettings())
    assert given.embedding.dim == 16 and given.optimizer.decay == "constant"
    assert OwnSettings.model_validate(given.model_dump()) == given
