"""The ``labels.depth_sensor`` block: the depth map that a real sensor would give, beside the ideal one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from synthgen.config.frozen import Frozen

SensorKind = Literal["structured_light", "tof", "stereo"]
Metres = Annotated[float, Field(ge=0.0, le=20, description="metres")]


class DepthSensorConfig(Frozen):
    """A depth sensor. ``depth_sensor: stereo`` is short for ``depth_sensor: {kind: stereo}``."""

    kind: SensorKind = Field(description="how it measures", examples=["stereo"])
    baseline_m: float | None = Field(
        None,
        ge=0.0,
        le=1.0,
        description="metres from the camera to the second eye or projector, along image +x; default: the kind's own",
        examples=[0.05],
    )
    min_m: Metres | None = Field(None, description="nearest depth measured; default: the kind's own", examples=[0.3])
    max_m: Metres | None = Field(None, description="farthest depth measured; default: the kind's own", examples=[3.0])
    noise: float = Field(1.0, ge=0, le=20, description="factor on the kind's noise")
    holes: float = Field(1.0, ge=0, le=4, description="factor on how readily measurements fail; 0 = only shadows")

    @model_validator(mode="before")
    @classmethod
    def _word(cls, raw: Any) -> Any:
        return {"kind": raw} if isinstance(raw, str) else raw

    @model_validator(mode="after")
    def _range(self) -> DepthSensorConfig:
        if self.min_m is not None and self.max_m is not None and self.min_m >= self.max_m:
            raise ValueError(f"min_m {self.min_m:g} is not below max_m {self.max_m:g}; write the smaller number first")
        return self
