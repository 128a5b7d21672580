import pytest
import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.runtime.devices import on_devices


@pytest.mark.parametrize("name", ["cpu:0", "CPU:1"])
def test_a_device_that_is_there(name):
    with on_devices(CollideConfig(device=name).devices()) as strategy:
        assert tf.constant(1.0).device.endswith(name.upper())
        assert strategy is None


@pytest.mark.parametrize("names", ["CPU:1,cpu:0", "all"])
def test_several_devices(names):
    if names == "all" and tf.config.list_physical_devices("GPU"):
        pytest.skip("here all devices are GPUs")
    with on_devices(CollideConfig(device=names).devices()) as strategy:
        assert strategy.num_replicas_in_sync == 2


def test_tensorflow_s_own_choice():
    with on_devices(CollideConfig().devices()) as strategy:
        assert strategy is None


def test_a_device_that_is_not_there():
    with pytest.raises(RequestError, match="--device=GPU:99: expected a device of this machine: CPU:0"), on_devices(["GPU:99"]):
        pass


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ({"device": "GPU:0,gpu:0"}, "--device=GPU:0,gpu:0, one device twice"),
        ({"device": "GPU:0,CPU:0"}, "--device=GPU:0,CPU:0: expected devices of one kind"),
        ({"device": "all,CPU:0"}, "--device=all,CPU:0: expected devices of one kind"),
        ({"device": "GPU:0,GPU:1", "xla": True}, "--device=GPU:0,GPU:1 with --xla"),
        ({"device": "all", "runner": "DirectRunner", "num_pairs": 2}, "--device=all with --runner=DirectRunner"),
        ({"device": "CPU:0", "runner": "DirectRunner", "num_pairs": 2}, "--device=CPU:0 with --runner=DirectRunner"),
    ],
)
def test_refusals_that_need_no_tensorflow(flags, named):
    with pytest.raises(RequestError, match=named):
        CollideConfig(**flags).check()
