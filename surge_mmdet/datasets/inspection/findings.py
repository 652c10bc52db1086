"""Everything the inspection can find, in one table."""

from collections.abc import Iterator
from contextlib import contextmanager

# code: (level, what it is, what follows from it or repairs it). An error
# makes training or the evaluation fail, or its numbers worthless.
RULES = {
    'missing': (
        'error',
        'missing',
        'Repair as each line says, or name another'
        ' folder: by VOC_ROOT, COCO_ROOT, BCCD_ROOT or data_root.',
    ),
    'empty_list': (
        'error',
        'lists without any image',
        'Write one name per line, without folder and suffix.',
    ),
    'broken_list': ('error', 'unreadable lists', 'A list is UTF-8 text, one image name per line.'),
    'list_line': (
        'error',
        'unusable lines in the list',
        'A line is one image name without folder, suffix, blanks around it or a second column.',
    ),
    'no_image': (
        'error',
        'images of the list that do not exist',
        'Add them, or take them out of the list.',
    ),
    'no_xml': (
        'error',
        'images of the list without annotation file',
        'Add it (an image without objects has one too), or take the image out of the list.',
    ),
    'broken_image': (
        'error',
        'unreadable images',
        'Unpack the archive again, or take them out of the list.',
    ),
    'broken_xml': ('error', 'unusable annotation files', 'Correct the named field.'),
    'broken_json': ('error', 'unusable entries in the JSON file', 'Correct the named field.'),
    'class_spelling': (
        'error',
        'class names spelt differently',
        'Write the '
        'name of the annotations in metainfo=dict(classes=...)'
        ', or rename it there. mmdet leaves such objects out.',
    ),
    'no_class': (
        'error',
        'no object has one of the configured classes',
        'Classes can be given here by --classes or --cfg-options.',
    ),
    'class_order': (
        'error',
        'classes that are not the categories of the JSON file in its order',
        'mmdet numbers classes by the file, so labels would carry wrong names.',
    ),
    'label_order': (
        'error',
        'classes that differ between training and evaluation',
        'A label is a number, and has to mean one class everywhere.',
    ),
    'head_classes': (
        'error',
        'parts of the model with another number of classes than the data',
        'Training stops at the first of them.',
    ),
    'evaluator': (
        'error',
        'evaluators that read another file than the data loader',
        'Give both the same file.',
    ),
    'overlap': (
        'error',
        'images both in training and in evaluation',
        'Take them out of one list: AP on them measures memory.',
    ),
    'refused': ('error', 'mmdet cannot read this', 'See the text.'),
    'surprise': (
        'error',
        'entries that this check did not expect',
        "The text is Python's own: look at the entry it names.",
    ),
    'nothing_to_learn': (
        'error',
        'no object is left to be learnt',
        'Ignored are difficult objects (VOC), crowds (COCO) and what is below bbox_min_size: '
        'box losses would be 0.',
    ),
    'nothing_to_evaluate': (
        'error',
        'no object is left to be evaluated',
        'Ignored are difficult objects (VOC) and crowds (COCO): AP would be undefined.',
    ),
    'parts_differ': (
        'error',
        'parts of a ConcatDataset with other metainfo',
        'mmdet makes a list of it, which training and evaluation cannot use.',
    ),
    'no_batch': ('error', 'fewer images than one batch', 'drop_last=True leaves none.'),
    'no_mask': (
        'error',
        'objects without segmentation',
        'The pipeline has LoadAnnotations(with_mask=True) and stops at the first of them.',
    ),
    'first_batch': (
        'error',
        'data that cannot be loaded as the config says',
        'The first batch was tried as the training does it. See the text.',
    ),
    'first_evaluation': (
        'error',
        'evaluators that stop',
        'One image was evaluated as the training does it. See the text.',
    ),
    'unused': (
        'error',
        'no image is left for training',
        'filter_cfg leaves '
        'out images without objects and images below min_size; '
        'correct the sizes in the annotations.',
    ),
    'class_unknown': (
        'warning',
        'classes that the config does not have',
        'Their objects are left out.',
    ),
    'class_absent': (
        'warning',
        'classes without an object here',
        'Check the spelling; without training data a class is not learnt.',
    ),
    'class_ignored': (
        'warning',
        'classes whose every object is ignored',
        'Difficult, crowd or below bbox_min_size: such a class is not learnt, and has no AP.',
    ),
    'area_zero': (
        'warning',
        'objects whose area is not above 0',
        'mmdet leaves them out whatever their bbox is. Write area = width * height.',
    ),
    'ignore': ('warning', 'annotations with ignore=1', 'mmdet leaves them out.'),
    'no_area': (
        'warning',
        'boxes less than 1 pixel wide or high',
        'Training drops them, the evaluation may count them as missed.',
    ),
    'outside': (
        'warning',
        'boxes wholly outside their image',
        'Correct the annotations: training drops them, the evaluation may count them as missed.',
    ),
    'beyond': (
        'warning',
        'boxes that reach beyond their image',
        'Training clips them to the image.',
    ),
    'zero_based': (
        'warning',
        'boxes that start at 0',
        'VOC counts pixels '
        'from 1, so mmdet subtracts 1: these annotations seem to '
        'count from 0 and all boxes move by one pixel.',
    ),
    'size': (
        'warning',
        "sizes in the annotation that are not the image's",
        'Correct the annotations: boxes may belong to another version of the image.',
    ),
    'turned': (
        'warning',
        'images turned by their EXIF orientation',
        'mmdet turns them when it reads them: check that the boxes were drawn on the turned image.',
    ),
    'twice': ('warning', 'images that are twice in the list', 'They count twice.'),
    'id_zero': (
        'warning',
        'annotations with the id 0',
        'COCO evaluation counts the detection of this object as false: number from 1.',
    ),
    'orphan': ('warning', 'annotations without image or category', 'They are left out.'),
    'not_published': (
        'warning',
        'not the published data set',
        'Results cannot be compared with published ones.',
    ),
}


class Findings(dict):
    """Examples by code of :data:`RULES`, in the order they were found."""

    def add(self, code: str, example: str) -> None:
        """Note one case; raises KeyError for a code without a rule."""
        RULES[code]
        self.setdefault(code, []).append(example)

    @contextmanager
    def guard(self, where: str, code: str = 'surprise') -> Iterator[None]:
        """Note whatever is raised inside as a case of ``code``, with its place."""
        try:
            yield
        except Exception as error:  # anything: the report must still be printed
            self.add(code, f'{where}: {type(error).__name__}: {error}')

    def at_level(self, level: str) -> list:
        """The codes found that are errors, or warnings."""
        return [code for code in self if RULES[code][0] == level]
