"""What a dataset's rows add up to: counts and histograms of fixed size, filled shard by shard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from synthgen.report import histograms as axes
from synthgen.report import viewpoints
from synthgen.report.histograms import count, count_by
from synthgen.report.reading import DatasetHead, ImageRows, InstanceRows
from synthgen.types.arrays import I64, Bool

HEAT_COLUMNS = 24
MAX_HEAT_ROWS = 48

# COCO's own limits between small, medium and large masks, in pixels (cocoeval's areaRng); tiny is ours.
TINY_PX = 16**2
SMALL_PX = 32**2
MEDIUM_PX = 96**2
TRUNCATED = 0.01
OCCLUDED = 0.5


class AgreementSums:
    """Counts and sums of agreement: of all instances, per size (tiny, small, medium, large), and beside the ceiling."""

    def __init__(self) -> None:
        self.counts, self.sums = np.zeros(4, np.int64), np.zeros(4)
        self.sampled, self.sampled_sum, self.ceiling_sum = 0, 0.0, 0.0

    def add(self, rows: InstanceRows) -> None:
        scored = ~np.isnan(rows.agreement)
        size = np.digitize(rows.area[scored], [TINY_PX, SMALL_PX, MEDIUM_PX])
        self.counts += np.bincount(size, minlength=4)
        self.sums += np.bincount(size, rows.agreement[scored], minlength=4)
        both = scored & ~np.isnan(rows.ceiling)
        self.sampled += int(both.sum())
        self.sampled_sum += float(rows.agreement[both].sum())
        self.ceiling_sum += float(rows.ceiling[both].sum())


class Tally:
    """Sums over all shards; its size depends on the number of classes and models only, never on the dataset's.

    Classes are numbered by their place in ``head.categories``, splits by their place in ``splits``.
    """

    def __init__(self, head: DatasetHead) -> None:
        self.head = head
        self.splits = list(head.splits)
        self.class_ids = np.array([category.id for category in head.categories], np.int64)
        classes = len(head.categories)
        self.slots = self.images = self.images_without_instances = self.scenes = self.instances = 0
        self.tiny = self.small = self.medium = self.large = 0
        self.width = self.height = 0
        self.empty_reasons: Counter[str] = Counter()
        self.redraws: Counter[str] = Counter()
        self.split_scenes = self._per_split()
        self.split_images = self._per_split()
        self.split_classes = np.zeros((len(self.splits), classes), np.int64)
        self.class_images = np.zeros(classes, np.int64)
        self.class_occluded = np.zeros(classes, np.int64)
        self.class_truncated = np.zeros(classes, np.int64)
        self.class_smallest = np.full(classes, np.inf)
        self.class_largest = np.zeros(classes)
        self.class_areas = np.zeros((classes, axes.AREA_PX.bins), np.int64)
        self.class_visibility = np.zeros((classes, axes.SHARE.bins), np.int64)
        self.class_elevation = np.zeros((classes, axes.ELEVATION_DEG.bins), np.int64)
        self.class_directions = np.zeros((classes, viewpoints.CELLS), np.int64)
        self.truncation = np.zeros(axes.SHARE.bins, np.int64)
        self.distance = np.zeros(axes.DISTANCE_M.bins, np.int64)
        self.per_image = np.zeros(axes.COUNT.bins, np.int64)
        self.centres = np.zeros((1, HEAT_COLUMNS), np.int64)
        self.models: set[tuple[int, str]] = set()
        self.agreement = AgreementSums()

    def _per_split(self) -> I64:
        return np.zeros(len(self.splits), np.int64)

    def add_shard(self, images: ImageRows, instances: Iterable[InstanceRows]) -> None:
        """Adds one shard; every instance's image must be among ``images``."""
        split = self._split_numbers(images)
        drawn = np.array([bool(name) for name in images.file_name], np.bool_)
        self._add_images(images, split, drawn)
        order = np.argsort(images.image_id, kind="stable")
        per_image = np.zeros(images.image_id.size, np.int64)
        pairs: list[I64] = []
        for rows in instances:
            at = order[np.searchsorted(images.image_id, rows.image_id, sorter=order)]
            per_image += np.bincount(at, minlength=per_image.size)
            which = np.searchsorted(self.class_ids, rows.category_id)
            pairs.append(np.unique(at * self.class_ids.size + which))
            np.add.at(self.split_classes, (split[at], which), 1)
            self._add_instances(rows, which, images.width[at], images.height[at])
        if pairs:
            present = np.unique(np.concatenate(pairs)) % self.class_ids.size
            self.class_images += np.bincount(present, minlength=self.class_ids.size)
        self.per_image += count(axes.COUNT, per_image[drawn].astype(np.float64))
        self.images_without_instances += int((per_image[drawn] == 0).sum())

    def _split_numbers(self, images: ImageRows) -> I64:
        for name in sorted(set(images.split) - set(self.splits)):  # declared in no split: still counted
            self.splits.append(name)
            self.split_scenes = np.append(self.split_scenes, 0)
            self.split_images = np.append(self.split_images, 0)
            self.split_classes = np.vstack([self.split_classes, np.zeros((1, self.class_ids.size), np.int64)])
        number = {name: i for i, name in enumerate(self.splits)}
        return np.array([number[name] for name in images.split], np.int64)

    def _add_images(self, images: ImageRows, split: I64, drawn: Bool) -> None:
        self.slots += images.image_id.size
        self.images += int(drawn.sum())
        self.empty_reasons.update(images.empty_reasons)
        self.redraws.update(images.redraws)
        _, first = np.unique(images.scene, return_index=True)
        self.scenes += first.size
        self.split_scenes += np.bincount(split[first], minlength=len(self.splits))
        self.split_images += np.bincount(split[drawn], minlength=len(self.splits))
        if not self.width and images.width.size:
            self.width, self.height = int(images.width[0]), int(images.height[0])
            rows = round(HEAT_COLUMNS * self.height / self.width)
            self.centres = np.zeros((min(max(rows, 1), MAX_HEAT_ROWS), HEAT_COLUMNS), np.int64)

    def _add_instances(self, rows: InstanceRows, which: I64, width: I64, height: I64) -> None:
        classes = self.class_ids.size
        self.instances += which.size
        self.models |= rows.models
        self.agreement.add(rows)
        self.tiny += int((rows.area < TINY_PX).sum())
        self.small += int((rows.area < SMALL_PX).sum())
        self.medium += int(((rows.area >= SMALL_PX) & (rows.area < MEDIUM_PX)).sum())
        self.large += int((rows.area >= MEDIUM_PX).sum())
        np.minimum.at(self.class_smallest, which, rows.area)
        np.maximum.at(self.class_largest, which, rows.area)
        self.class_areas += count_by(axes.AREA_PX, rows.area, which, classes)
        self.class_visibility += count_by(axes.SHARE, rows.visibility, which, classes)
        self.class_occluded += np.bincount(which[rows.visibility < OCCLUDED], minlength=classes)
        self.class_truncated += np.bincount(which[rows.truncation > TRUNCATED], minlength=classes)
        self.truncation += count(axes.SHARE, rows.truncation)
        self.distance += count(axes.DISTANCE_M, np.linalg.norm(rows.camera_from_object[:, :3, 3], axis=1))
        directions = viewpoints.camera_directions(rows.camera_from_object)
        cells = which * viewpoints.CELLS + viewpoints.cell_of(directions)
        self.class_directions += np.bincount(cells, minlength=classes * viewpoints.CELLS).reshape(classes, -1)
        self.class_elevation += count_by(axes.ELEVATION_DEG, np.degrees(directions[:, 1]), which, classes)
        heat_rows, heat_columns = self.centres.shape
        x = (rows.bbox[:, 0] + rows.bbox[:, 2] / 2) / width
        y = (rows.bbox[:, 1] + rows.bbox[:, 3] / 2) / height
        column = np.clip((x * heat_columns).astype(np.int64), 0, heat_columns - 1)
        row = np.clip((y * heat_rows).astype(np.int64), 0, heat_rows - 1)
        np.add.at(self.centres, (row, column), 1)
