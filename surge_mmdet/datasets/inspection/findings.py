"""Everything the inspection can find, in one table."""

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
    'list_line': (
        'error',
        'unusable lines in the list',
        'A line is one image name, without suffix, spaces or a second column.',
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
        'Give the classes of the annotations, here by --classes or --cfg-options.',
    ),
    'class_order': (
        'error',
        'classes that are not the categories of the JSON file in its order',
        'mmdet numbers classes by the file, so labels would carry wrong names.',
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

    def at_level(self, level: str) -> list:
        """The codes found that are errors, or warnings."""
        return [code for code in self if RULES[code][0] == level]
