"""``make demo``, the study of one seed, on a small budget."""
import json

from tests.tools import ROOT, run_tool


def test_demo(tmp_path, monkeypatch, options):
    assert ('tools/study.py configs/studies/demo.py --seeds 0'
            in (ROOT / 'Makefile').read_text())
    monkeypatch.chdir(ROOT)
    # There is nothing to learn in these images, so the teacher is refused.
    text = (ROOT / 'configs/studies/demo.py').read_text()
    assert text.count('distilled = [') == 1
    study = tmp_path / 'demo.py'
    study.write_text(text.replace(
        'distilled = [', "distilled = ['default_hooks.teacher.preflight=0', "))
    small = [option for option in options[1:] if 'num_workers' not in option]
    small += ['train_dataloader.dataset.indices=64',
              'val_dataloader.dataset.indices=-32']
    output = run_tool(
        'tools/study.py', study, '--seeds', '0', '--no-prepare', '--work-dir',
        tmp_path / 'work', '--cfg-options', *small)
    rows = json.loads((tmp_path / 'work/results.json').read_text())
    assert {row['method'] for row in rows} == {
        'teacher', 'labels', 'labels and teacher, hard, token (the paper)',
        'teacher alone, soft, token'}
    for row in rows:
        assert 0 <= row['accuracy/top1'] <= 100
        assert f'{row["accuracy/top1"]:.2f}' in output
        assert ('accuracy/distill_top1' in row) == ('token' in row['method'])
    picture = (tmp_path / 'work/results.png').read_bytes()
    assert picture.startswith(b'\x89PNG') and len(picture) > 20_000
