"""Logs as MMEngine writes them."""

import json


def write_log(work, stamp, rows):
    folder = work / stamp / 'vis_data'
    folder.mkdir(parents=True)
    (folder / 'scalars.json').write_text('\n'.join(json.dumps(row) for row in rows))


def train_row(iteration, loss, **surge):
    return dict(iter=iteration, loss=loss, time=1.0, **surge)


def val_row(epoch, ap):
    return {'step': epoch, 'coco/bbox_mAP': ap, 'coco/bbox_mAP_50': 2 * ap}
