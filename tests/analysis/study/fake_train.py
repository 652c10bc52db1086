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
    print('starts', os.environ.get('CUDA_VISIBLE_DEVICES', '-'), os.getpid(), flush=True)
    refuse(cfg, args.work_dir)
    train(cfg, args.work_dir)


def refuse(cfg: dict, folder: Path) -> None:
    """Fail as the config says, or for want of a teacher or of the checkpoint to go on from."""
    pointer = folder / 'last_checkpoint'
    if pointer.exists() and not Path(pointer.read_text().strip()).exists():
        sys.exit('ValueError: last_checkpoint names no file')
    fake, teacher = cfg.get('fake', {}), cfg['model'].get('teacher')
    if fake.get('fail') and Path(fake['fail']).exists():
        sys.exit('RuntimeError: out of luck')
    if fake.get('diverge'):
        sys.exit('the training has diverged. Take a lower rate.')
    if teacher and not list(Path(teacher['checkpoint']).glob('epoch_*.pth')):
        sys.exit('FileNotFoundError: there is no teacher')


def train(cfg: dict, folder: Path) -> None:
    """Go on behind the last checkpoint; two of them are kept."""
    fake = cfg.get('fake', {})
    ap = fake.get('ap', 0.3) + 0.01 * cfg['randomness']['seed']
    ap -= cfg['optim_wrapper']['optimizer']['lr']
    log = folder / time.strftime('%Y%m%d_%H%M%S') / 'vis_data/scalars.json'
    log.parent.mkdir(parents=True, exist_ok=True)
    done = [int(file.stem.split('_')[1]) for file in folder.glob('epoch_*.pth')]
    for epoch in range(max(done, default=0) + 1, cfg['train_cfg']['max_epochs'] + 1):
        time.sleep(fake.get('pause', 0))
        (folder / f'epoch_{epoch}.pth').write_text('weights')
        (folder / 'last_checkpoint').write_text(str(folder / f'epoch_{epoch}.pth'))
        (folder / f'epoch_{epoch - 2}.pth').unlink(missing_ok=True)
        rows = [
            dict(loss=1.0, time=0.5, iter=10 * epoch, step=10 * epoch),
            {'coco/bbox_mAP': ap, 'coco/bbox_mAP_50': 2 * ap, 'step': epoch},
        ]
        with open(log, 'a') as file:
            file.writelines(json.dumps(row) + '\n' for row in rows)


if __name__ == '__main__':
    main()
