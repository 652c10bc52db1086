"""Stands in for tools/train.py: leaves the log and the checkpoints of a training in no time.

``fake`` in the config tells it what to do: ``pause`` (seconds per epoch),
``fail`` (a file; it fails while the file exists), ``diverge``, ``ap``.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('config', type=Path)
    parser.add_argument('--work-dir', type=Path)
    parser.add_argument('--resume', action='store_true')
    args = parser.parse_args()
    cfg: dict = {}
    exec(args.config.read_text(), cfg)
    # As MMEngine does, with options of its own.
    (args.work_dir / args.config.name).write_text(args.config.read_text() + "launcher = 'none'\n")
    fake = cfg.get('fake', {})
    seed, lr = cfg['randomness']['seed'], cfg['optim_wrapper']['optimizer']['lr']
    print('starts', os.environ.get('CUDA_VISIBLE_DEVICES', '-'), os.getpid(), flush=True)
    if fake.get('fail') and Path(fake['fail']).exists():
        sys.exit('RuntimeError: out of luck')
    if fake.get('diverge'):
        sys.exit('the training has diverged. Take a lower rate.')
    done = [int(file.stem.split('_')[1]) for file in args.work_dir.glob('epoch_*.pth')]
    teacher = cfg['model'].get('teacher')
    if teacher and not list(Path(teacher['checkpoint']).glob('epoch_*.pth')):
        sys.exit('FileNotFoundError: there is no teacher')
    log = args.work_dir / time.strftime('%Y%m%d_%H%M%S') / 'vis_data/scalars.json'
    log.parent.mkdir(parents=True, exist_ok=True)
    ap = fake.get('ap', 0.3) + 0.01 * seed - lr
    for epoch in range(max(done, default=0) + 1, cfg['train_cfg']['max_epochs'] + 1):
        time.sleep(fake.get('pause', 0))
        rows = [dict(loss=1.0, time=0.5, iter=10 * epoch, step=10 * epoch)]
        (args.work_dir / f'epoch_{epoch}.pth').write_text('weights')
        (args.work_dir / f'epoch_{epoch - 2}.pth').unlink(missing_ok=True)
        rows += [{'coco/bbox_mAP': ap, 'coco/bbox_mAP_50': 2 * ap, 'step': epoch}]
        with open(log, 'a') as file:
            file.writelines(json.dumps(row) + '\n' for row in rows)


if __name__ == '__main__':  # pytest imports it too, for doctests
    main()
