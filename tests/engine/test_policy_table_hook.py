from mmengine.model import is_model_wrapper
from torch import nn

from surge_mmdet.engine import PolicyTableHook
from surge_mmdet.engine.bare_model import bare_model

pytest_plugins = ['toy_training']


def test_table_is_logged_before_the_run(make_runner, net, tmp_path):
    make_runner(net(), [PolicyTableHook()]).train()
    log = next((tmp_path / 'work').rglob('*.log')).read_text()
    assert log.index('Binary policy') < log.index('Epoch(train)')
    assert 'backbone.layer1.0' in log
    assert '3 of 4 layers binary, 432 of 504 weights in 1 bit' in log


def test_wrapped_model_is_unwrapped(net):

    class Runner:
        model = net()

    bare = Runner.model
    assert bare_model(Runner) is bare
    Runner.model = nn.DataParallel(bare)
    assert is_model_wrapper(Runner.model)
    assert bare_model(Runner) is bare
