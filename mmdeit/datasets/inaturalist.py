"""The iNaturalist competitions, from their own annotation files."""
from textwrap import shorten
from typing import Dict, List, Tuple

from mmengine.fileio import exists, get_file_backend, load
from mmengine.logging import print_log
from mmpretrain.datasets import BaseDataset

from mmdeit.registry import DATASETS


@DATASETS.register_module()
class INaturalist(BaseDataset):
    """iNaturalist 2018 (8,142 species) or 2019 (1,010), species as classes.

    The format is COCO's, described at
    https://github.com/visipedia/inat_comp/tree/master/2018#annotation-format.
    Files are expected as the archives unpack:

    ::

        data/inaturalist2018
        ├── train2018.json
        ├── val2018.json
        └── train_val2018
            └── <super category>/<category id>/<image>.jpg

    The official category ids are 0 to K-1 and are the labels. Others are
    mapped to 0 to K-1 in the order of the ids, and a line in the log says so.

    The arguments are those of mmpretrain's ``BaseDataset``: ``ann_file`` is
    the JSON file, and ``data_root`` with ``data_prefix`` the folder to which
    the file names in it are relative. Names of the species are in
    ``metainfo['classes']``.
    """

    def load_data_list(self) -> List[dict]:
        """Read the annotation file.

        Returns:
            list[dict]: ``img_path`` and ``gt_label`` of each image.

        Raises:
            FileNotFoundError: If there is no annotation file.
            ValueError: If it has another format, an image lies outside the
                root or has no annotation, or a category is unknown.
        """
        images, category_of, names = self._load_json()
        label_of = self._labels(names)
        backend = get_file_backend(self.img_prefix, enable_singleton=True)
        data_list = []
        for image_id, name in images:
            if is_outside(name):
                raise ValueError(
                    f'{self.ann_file}: the image {name!r} lies outside '
                    f'{self.img_prefix}, to which its name must be relative: '
                    'correct file_name')
            if image_id not in category_of:
                raise ValueError(
                    f'{self.ann_file}: the image {name!r} (id {image_id}) has '
                    'no annotation, but needs its category: add it to '
                    'annotations, or use the file of a labelled split')
            category = category_of[image_id]
            if category not in label_of:
                raise ValueError(
                    f'{self.ann_file}: the image {name!r} has the category '
                    f'{category}, which is none of the {len(label_of)} in '
                    'categories: add it there, or correct category_id')
            data_list.append(
                dict(
                    img_path=backend.join_path(self.img_prefix, name),
                    gt_label=label_of[category]))
        return data_list

    def _load_json(self) -> Tuple[List[tuple], dict, dict]:
        """Read (id, name) of the images, their categories and its names."""
        if not exists(self.ann_file):
            raise FileNotFoundError(
                f'{self.ann_file}: no such file, expected the annotations of '
                'an iNaturalist competition: unpack its .json.tar.gz there')
        try:
            content = load(self.ann_file)
            return (
                [(i['id'], i['file_name']) for i in content['images']],
                {a['image_id']: a['category_id']
                 for a in content['annotations']},
                {c['id']: c['name'] for c in content['categories']})
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f'{self.ann_file}: expected JSON with images, annotations and '
                'categories: fetch it again, or use the file of a labelled '
                f'split ({shorten(repr(error), 100)})') from error

    def _labels(self, names: Dict[int, str]) -> Dict[int, int]:
        """Map category ids to labels, and keep the names of the classes."""
        ids = sorted(names)
        self._metainfo.setdefault('classes', tuple(names[i] for i in ids))
        if ids != list(range(len(ids))):
            print_log(
                f'{self.ann_file}: the category ids are not 0 to '
                f'{len(ids) - 1}; the labels are their ranks.', 'current')
        return {category: label for label, category in enumerate(ids)}


def is_outside(name: str) -> bool:
    """Whether a file name leaves the folder that it is relative to."""
    parts = name.replace('\\', '/').split('/')
    # '/root', 'C:/drive' or 's3://bucket', '../above'
    return parts[0] == '' or parts[0].endswith(':') or '..' in parts
