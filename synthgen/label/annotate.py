"""Views -> annotations: boxes, masks, amodal masks, visibility, truncation, pose, 3D box, keypoints."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from synthgen.errors import InternalError
from synthgen.label.box3d import ProjectedBox, project_boxes
from synthgen.rle import Masks, amodal_masks, visible_masks
from synthgen.types.annotations import Annotation
from synthgen.types.arrays import F32, F64
from synthgen.types.assets import ObjectModel
from synthgen.types.catalog import FamilySource, MeshSource
from synthgen.types.gbuffer import Views
from synthgen.types.scene import SceneObject


class Models(Protocol):
    """The part of the asset store that labels need."""

    def model(self, source: FamilySource | MeshSource) -> ObjectModel: ...


def annotate(views: Views, store: Models, *, min_visible_px: int) -> list[tuple[Annotation, ...]]:
    """Labels every view of a batch.

    Args:
        views: G-buffers with their scene.
        store: gives the bounds of each object's model.
        min_visible_px: instances with fewer visible pixels are left out.

    Returns:
        Per view the annotations of all objects with a category and at least ``min_visible_px`` visible pixels, by
        instance index. Distractors and occluders hide, and are not labelled.

    Raises:
        InternalError: the instance map holds an index that the scene does not have, or an instance is visible where it
            does not cover anything.
    """
    return [_annotate_view(views, i, store, min_visible_px) for i in range(len(views))]


def _annotate_view(views: Views, i: int, store: Models, min_visible_px: int) -> tuple[Annotation, ...]:
    buffers, things = views.gbuffers, views.scene.instances
    camera = views.scene.cameras[views.first + i]
    visible = visible_masks(buffers.instance[i], len(things))
    amodal = amodal_masks(buffers.amodal[i], len(things))
    shown = [
        thing
        for thing in things
        if thing.role == "object"
        and thing.category_id > 0
        and visible.areas[thing.instance_index - 1] >= max(min_visible_px, 1)
    ]
    if not shown:
        return ()
    models = [store.model(thing.source) for thing in shown]
    poses = camera.camera_from_world @ np.array([thing.world_from_object for thing in shown])
    bounds = np.array([model.bounds_m for model in models])
    boxes = project_boxes(bounds, poses, camera.intrinsics, buffers.depth_m[i])
    return tuple(
        _annotation(thing, model, pose, box, visible, amodal, buffers.truncation[i])
        for thing, model, pose, box in zip(shown, models, poses, boxes, strict=True)
    )


def _annotation(
    thing: SceneObject,
    model: ObjectModel,
    camera_from_object: F64,
    box: ProjectedBox,
    visible: Masks,
    amodal: Masks,
    truncation: F32,
) -> Annotation:
    k = thing.instance_index - 1
    mask, whole, area = visible.rles[k], amodal.rles[k], int(visible.areas[k])
    if mask is None or whole is None:
        raise InternalError(
            f"instance {thing.instance_index} has {area} visible pixels, but {int(amodal.areas[k])} amodal ones"
        )
    extent = model.extent_m
    return Annotation(
        instance_index=thing.instance_index,
        category_id=thing.category_id,
        model_id=thing.asset_key,
        bbox=_box(visible, k),
        area=area,
        segmentation=mask,
        amodal_bbox=_box(amodal, k),
        amodal_segmentation=whole,
        visibility=area / int(amodal.areas[k]),
        truncation=float(truncation[k]),
        camera_from_object=camera_from_object,
        corners_px=box.corners_px,
        extent_m=(float(extent[0]), float(extent[1]), float(extent[2])),
        keypoints=box.keypoints,
    )


def _box(masks: Masks, k: int) -> tuple[float, float, float, float]:
    x, y, width, height = masks.bounds[k]
    return float(x), float(y), float(width), float(height)
