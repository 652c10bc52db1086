"""What stands above a table."""

from surge_mmdet.analysis.conditions import conditions, conditions_text


def test_conditions_tell_command_and_versions(monkeypatch):
    monkeypatch.setattr('sys.argv', ['tool.py', 'a b'])
    text = conditions_text(conditions(threads=3, device='cpu'))
    assert "`python tool.py 'a b'`" in text and 'threads 3' in text
    assert 'Python 3.' in text and 'torch 2.' in text
