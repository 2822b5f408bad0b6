"""The iNaturalist competitions, from their own annotation files."""
from mmengine.fileio import get_file_backend, load
from mmengine.logging import print_log
from mmpretrain.datasets import BaseDataset

from mmdeit.registry import DATASETS

from .image_list import inside


@DATASETS.register_module()
class INaturalist(BaseDataset):
    """iNaturalist 2018 (8,142 species) or 2019 (1,010), species as classes.

    The format is COCO's, described at
    https://github.com/visipedia/inat_comp/tree/master/2018#annotation-format.
    Files are expected as the archives unpack::

        data/inaturalist2018
        ├── train2018.json
        ├── val2018.json
        └── train_val2018
            └── <super category>/<category id>/<image>.jpg

    The official category ids are 0 to K-1 and are the labels. Others are
    mapped to 0 to K-1 in the order of the ids, and a line in the log says so.

    Arguments are those of mmpretrain's ``BaseDataset``: ``ann_file`` is the
    JSON file, whose file names are relative to ``data_root`` with
    ``data_prefix``. The names of the species are ``metainfo['classes']``.

    Raises:
        ValueError: If the file has another format, or an image lies outside
            the folder or has no known category.
    """

    def load_data_list(self) -> list[dict]:
        images, category_of, names = self._load_json()
        label_of = self._labels(names)
        backend = get_file_backend(self.img_prefix, enable_singleton=True)
        data_list = []
        for image_id, name in images:
            label = label_of.get(category_of.get(image_id))
            problem = ''
            if label is None:
                problem = 'has no annotation with one of the categories'
            elif not inside(self.img_prefix, name):
                problem = f'lies outside {self.img_prefix}'
            if problem:
                raise ValueError(
                    f'{self.ann_file}: the image {name!r} {problem}')
            path = backend.join_path(self.img_prefix, name)
            data_list.append(dict(img_path=path, gt_label=label))
        return data_list

    def _load_json(self) -> tuple[list[tuple], dict, dict]:
        """Read (id, name) of the images, their categories, the names."""
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
                f'categories, as of a labelled split ({error!r:.100})'
            ) from error

    def _labels(self, names: dict[int, str]) -> dict[int, int]:
        """Map category ids to labels, and keep the names of the classes."""
        ids = sorted(names)
        self._metainfo.setdefault('classes', tuple(names[i] for i in ids))
        if ids != list(range(len(ids))):
            print_log(
                f'{self.ann_file}: the category ids are not 0 to '
                f'{len(ids) - 1}; the labels are their ranks.', 'current')
        return {category: label for label, category in enumerate(ids)}
