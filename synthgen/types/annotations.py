"""Labels of one image, in memory: what the COCO file and the manifest are written from."""

from __future__ import annotations

from dataclasses import dataclass

from synthgen.types.arrays import F64
from synthgen.types.grasps import Grasp


@dataclass(frozen=True)
class Rle:
    """COCO compressed run-length mask: ``counts`` as pycocotools writes it, column-major, size (height, width)."""

    height: int
    width: int
    counts: str


@dataclass(frozen=True, eq=False)
class Annotation:
    """One labelled instance in one image (conventions: DESIGN 5).

    Attributes:
        instance_index: 1-based; annotation id = image_id * 65536 + instance_index.
        category_id: 1..K.
        model_id: hash of the model in models/.
        bbox: (x, y, w, h) bounds of the visible mask in pixels.
        area: visible mask pixels.
        segmentation, amodal_segmentation: visible and amodal mask (clipped to the image).
        amodal_bbox: bounds of the amodal mask.
        visibility: area / amodal area, in (0, 1].
        truncation: share of the silhouette outside the frame, in [0, 1].
        camera_from_object: (4, 4) pose.
        corners_px: 16 numbers: projected corners 0..7 of the 3D box, unclipped; nan-free (corners behind the camera
            are reported as (0, 0) with keypoint flag 0).
        extent_m: size of the object's box along its own axes.
        keypoints: 27 numbers: (x, y, v) of corners 0..7 and the centre.
        grasps: parallel-jaw grasps, collision-free ones first; None where ``labels.grasps`` was not asked for.
        agreement: how well the final picture shows the mask, 0 to 1; None where the pipeline has no ``verify``.
        ceiling: the same for ``shaded``'s picture of this view; None outside the sample of views that it is made for.
    """

    instance_index: int
    category_id: int
    model_id: str
    bbox: tuple[float, float, float, float]
    area: int
    segmentation: Rle
    amodal_bbox: tuple[float, float, float, float]
    amodal_segmentation: Rle
    visibility: float
    truncation: float
    camera_from_object: F64
    corners_px: tuple[float, ...]
    extent_m: tuple[float, float, float]
    keypoints: tuple[float, ...]
    grasps: tuple[Grasp, ...] | None = None
    agreement: float | None = None
    ceiling: float | None = None
