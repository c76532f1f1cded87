"""Arguments and options of the command line, with what a shell completes for them. Imports only click at start."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from synthgen.errors import EnvironmentFault

SCHEMAS = ("pipeline", "dataset", "coco", "manifest")


class _Given(click.Path):
    """A path that is not the empty text which an unset shell variable leaves (it would mean the working folder)."""

    def convert(self, value: Any, parameter: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not str(value).strip():
            self.fail("it is empty; give a path (is a shell variable unset?).", parameter, ctx)
        return super().convert(value, parameter, ctx)


class _Result(_Given):
    """A file to write at the end of long work: what cannot be written is refused before that."""

    def convert(self, value: Any, parameter: click.Parameter | None, ctx: click.Context | None) -> Any:
        path = Path(super().convert(value, parameter, ctx))
        if path.is_dir():
            self.fail(f"{str(path)!r} is a folder; give the name of a file in it.", parameter, ctx)
        above = next(folder for folder in path.absolute().parents if folder.exists())
        if not above.is_dir():
            self.fail(f"{str(above)!r} is a file, not a folder; give a file in a folder.", parameter, ctx)
        if not os.access(above, os.W_OK):
            raise EnvironmentFault(
                f"{str(path)!r} cannot be written: no permission for {str(above)!r}; give a file in a folder that you "
                "may write"
            )
        return path


PATH = _Given(path_type=Path)
RESULT = _Result(path_type=Path)
FOLDER = _Given(path_type=Path, file_okay=False)
AT_LEAST_ONE = click.IntRange(1)
PROCESSES = click.IntRange(1, 1024)


def _complete_pipeline(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from synthgen.config.locate import shipped_pipelines

    names = [CompletionItem(name) for name in shipped_pipelines() if name.startswith(incomplete)]
    return [*names, CompletionItem(incomplete, type="file")]


def _complete_key(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from synthgen.config.schema import key_paths

    return [CompletionItem(f"{key}=", help=text) for key, text in key_paths().items() if key.startswith(incomplete)]


def _size(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, int] | None:
    if value is None:
        return None
    width, cross, height = value.lower().partition("x")
    if not cross or not width.isdecimal() or not height.isdecimal():
        raise click.BadParameter(f"{value!r} is not WIDTHxHEIGHT in pixels, e.g. 640x480.")
    return int(width), int(height)


def _image_ids(ctx: click.Context, parameter: click.Parameter, value: str) -> range:
    first, dash, last = value.partition("-")
    if not first.isdecimal() or (dash and not last.isdecimal()) or (dash and int(last) < int(first)):
        raise click.BadParameter(f"{value!r} is not an image id or a range of them, e.g. 17 or 61-65.")
    return range(int(first), int(last or first) + 1)


# Shared by several commands
pipeline = click.argument("pipeline", shell_complete=_complete_pipeline)
dataset = click.argument("dataset", type=FOLDER)
count = click.option("--count", type=int, metavar="N", help="Number of images (short for --set count=N).")
seed = click.option("--seed", type=int, metavar="N", help="Seed of the run (short for --set seed=N).")
sets = click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=_complete_key,
    help="Replace one value of the pipeline (YAML); may be repeated.",
)
workers = click.option(
    "--workers", type=PROCESSES, metavar="N", help="Worker processes; default: one per core where it pays."
)

# run
worker_memory = click.option(
    "--worker-memory",
    "worker_memory_mb",
    type=click.IntRange(100),
    metavar="MB",
    help="Replace a worker process that has grown above this; default: 2000, at most 60 % of its share.",
)
out_folder = click.option("-o", "--out", type=PATH, metavar="DIR", help="Dataset folder; default: ./out/NAME.")
scheduler = click.option("--scheduler", metavar="ADDRESS", help="Use a running Dask scheduler: tcp://HOST:8786.")
device = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "gpu"]),
    default="auto",
    show_default=True,
    help="Where images are drawn; gpu needs workers with the Dask resource GPU.",
)
fresh = click.option(
    "--fresh", is_flag=True, help="Delete the dataset that DIR holds (only files it lists) and start anew."
)

# pairs
out_pack = click.option("-o", "--out", type=PATH, metavar="DIR", help="Folder of the pack; default: ./packs/NAME.")
pair_count = click.option("--count", type=int, metavar="N", help="Number of pairs (short for --set count=N).")
pair_size = click.option(
    "--size", callback=_size, metavar="WxH", help="Size in pixels; default: the pipeline's image.width and height."
)
fresh_pack = click.option(
    "--fresh", is_flag=True, help="Delete the pack that DIR holds (only files of its own) and start anew."
)

# preview, check, replay, schema, init
pipeline_or_dataset = click.argument("pipeline_or_dataset", shell_complete=_complete_pipeline)
out_sheet = click.option("-o", "--out", type=RESULT, metavar="FILE", help="PNG; default: ./preview_NAME.png.")
views = click.option(
    "--views", type=click.IntRange(1, 200), default=12, show_default=True, metavar="N", help="Number of images drawn."
)
disk_of = click.option("-o", "--out", type=PATH, metavar="DIR", help="Look at the free disk space there.")
image_ids = click.argument("image_ids", metavar="ID", callback=_image_ids)
out_image = click.option(
    "-o", "--out", type=PATH, metavar="FILE", help="Where to put the image (of a range: the folder); default: here."
)
schema_name = click.argument("name", type=click.Choice(SCHEMAS), default="pipeline")
shipped_name = click.argument("name", required=False, shell_complete=_complete_pipeline)
init_target = click.argument("target", required=False, type=PATH)
init_list = click.option("--list", "listing", is_flag=True, help="List the shipped pipelines.")
shell = click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))

# calibrate
photos = click.argument("photos", nargs=-1, required=True)
sense_preset = click.option(
    "--preset", default="generic", show_default=True, metavar="NAME", help="Sense preset whose other settings are kept."
)
out_sense = click.option("-o", "--out", type=RESULT, metavar="FILE", help="YAML; default: printed.")

# bench
bench_pipeline = click.option(
    "--pipeline",
    default="grasping",
    show_default=True,
    metavar="PIPELINE",
    shell_complete=_complete_pipeline,
    help="What to make.",
)
bench_size = click.option(
    "--size", callback=_size, default="256x256", show_default=True, metavar="WxH", help="Image size in pixels."
)
bench_images = click.option(
    "--images", type=AT_LEAST_ONE, default=300, show_default=True, metavar="N", help="Number of images counted."
)
bench_views = click.option(
    "--views", type=AT_LEAST_ONE, default=5, show_default=True, metavar="N", help="Views per scene."
)
bench_objects = click.option(
    "--objects", type=AT_LEAST_ONE, default=10, show_default=True, metavar="N", help="Objects per scene."
)
bench_workers = click.option(
    "--workers", type=PROCESSES, default=2, show_default=True, metavar="N", help="Worker processes."
)
bench_memory = click.option(
    "--memory", is_flag=True, help="Also sample memory, and report how it grew (give --images 1000 or more)."
)

bench_independent = click.option(
    "--independent", is_flag=True, help="Also time as many independent one-worker runs beside each other, and compare."
)
# evaluate grasps
grasp_count = click.option(
    "--grasps", type=AT_LEAST_ONE, default=300, show_default=True, metavar="N", help="Number of grasps to lift."
)
grasp_friction = click.option(
    "--friction",
    type=click.FloatRange(0.05, 2.0),
    default=0.6,
    show_default=True,
    metavar="MU",
    help="Coulomb friction between pads and objects.",
)
grasp_force = click.option(
    "--force",
    type=click.FloatRange(1.0, 500.0),
    default=40.0,
    show_default=True,
    metavar="N",
    help="Closing force of each finger, newtons.",
)
evaluate_json = click.option(
    "--json", "json_path", type=RESULT, metavar="FILE", help="Also write the numbers, and every lift, into this file."
)
bench_json = click.option(
    "--json", "json_path", type=RESULT, metavar="FILE", help="Also write the numbers into this file."
)

# evaluate variety
generator = click.argument("generator", metavar="GENERATOR")
reference_pack = click.option(
    "--reference", type=FOLDER, required=True, metavar="PACK", help="A pack with views under several lights."
)
variety_views = click.option(
    "--views", type=AT_LEAST_ONE, default=50, show_default=True, metavar="N", help="Views of the pack at most."
)
variety_styles = click.option(
    "--styles", type=click.IntRange(2), default=16, show_default=True, metavar="N", help="Draws of each view."
)
variety_style = click.option(
    "--style",
    type=click.FloatRange(0, 1.5),
    default=1.0,
    show_default=True,
    metavar="SPREAD",
    help="Spread of the styles of a 'gan', as in generate.style.",
)

# evaluate verifier, evaluate segmenter
datasets = click.argument("datasets", nargs=-1, required=True, type=PATH)
segmenter_test = click.option(
    "--test", required=True, type=PATH, metavar="DIR", help="Dataset to test on: other scenes of the same classes."
)
segmenter_seeds = click.option(
    "--seeds", type=click.IntRange(2), default=3, show_default=True, metavar="N", help="Trainings on each dataset."
)
segmenter_steps = click.option(
    "--steps", type=AT_LEAST_ONE, default=2000, show_default=True, metavar="N", help="Of each, 16 images each."
)
segmenter_images = click.option(
    "--images", type=AT_LEAST_ONE, default=5000, show_default=True, metavar="N", help="Of each dataset at most."
)
verifier_weights = click.option(
    "--weights", metavar="DIR", help="Folder of a trained verifier; default: the shipped one."
)
verifier_ceilings = click.option(
    "--ceiling",
    "ceilings",
    multiple=True,
    type=PATH,
    metavar="DIR",
    help="The same scenes drawn by 'shaded'; once per dataset, in their order.",
)
verifier_images = click.option(
    "--images", type=AT_LEAST_ONE, default=200, show_default=True, metavar="N", help="Images per dataset at most."
)
verifier_faulty = click.option(
    "--faulty", type=click.IntRange(0), default=100, show_default=True, metavar="N", help="Of them with planted faults."
)
verifier_least = click.option(
    "--least",
    type=click.FloatRange(0, 1),
    default=0.9,
    show_default=True,
    metavar="X",
    help="Mean agreement asked for (scans: 0.85).",
)

# train
training = click.argument("training")
out_training = click.option("-o", "--out", type=PATH, metavar="DIR", help="Default: ./out/NAME.")
train_device = click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True, help="Where the network runs."
)
threads = click.option(
    "--threads",
    type=AT_LEAST_ONE,
    default=1,
    show_default=True,
    metavar="N",
    help="Threads of PyTorch on the CPU; another number gives another, equally good model.",
)

# score
scored = click.argument("scored", metavar="DATASET_OR_GENERATOR", type=_Given())
score_reference = click.option(
    "--reference", type=FOLDER, required=True, metavar="DIR", help="A pack, a dataset, or a folder of photographs."
)
score_images = click.option(
    "--images",
    type=AT_LEAST_ONE,
    default=5000,
    show_default=True,
    metavar="N",
    help="Look at no more than so many pictures of each side.",
)
score_seed = click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=0,
    show_default=True,
    metavar="N",
    help="Seed of the bootstrap and of a generator's draws.",
)
score_inception = click.option(
    "--inception-weights",
    type=PATH,
    metavar="FILE",
    help="Also the published FID, KID and IS: weights of the Inception of 2015-12-05.",
)
