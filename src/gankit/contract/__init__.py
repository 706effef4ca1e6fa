"""The contract between engine and plugins: all that a plugin author implements, a page a subject.

A *modality* is how somebody's files become tensors and back. A plugin knows its modality and
nothing of training; the engine knows tensors and nothing of the modality. What passes between
them is defined here:

    files --read--> items --encode, prepare--> Batch --engine--> Batch --decode--> items --write-->

Shapes: ``N`` is the batch axis; one encoded sample has ``Layout.shape`` and no batch axis.
Torch is imported for its types only, so importing this package costs nothing.
"""

from gankit.contract.codec import (
    ChecksSeeds,
    Codec,
    CodecState,
    ComparesSamples,
    Completed,
    Conformed,
    Conforms,
    Describes,
    EncodesConditions,
    EncodesTargets,
    FillsGaps,
    Fitting,
    Gaps,
    HasClasses,
    InfersConditions,
    ListsConditionInputs,
    ProposesConditions,
    ReservesKeys,
    SamplesConditions,
    TransformsDensityRatioInput,
)
from gankit.contract.conditions import Categorical, Condition, ConditionInput, Continuous
from gankit.contract.data import (
    Batch,
    Dataset,
    Doubt,
    Issue,
    Item,
    Layout,
    Progress,
    Provenance,
    Rendering,
    Sample,
    quiet,
)
from gankit.contract.evaluation import DownstreamModel, EvaluationData, Evaluator, Extractor, Metric
from gankit.contract.graph import DecodesInGraph, DecodingGraph, Draws
from gankit.contract.health import Health, ReportsHealth
from gankit.contract.hooks import ENTRY_POINT_GROUP, Hooks, hookimpl
from gankit.contract.looking import Look, Recognise, Recognised
from gankit.contract.modality import (
    Augmentable,
    AvoidsBackbones,
    Converts,
    HasBaselines,
    Imputes,
    Modality,
    NoSettings,
    ReadsItems,
    ReadsRemote,
    Watermarks,
    WatermarkSearch,
    Written,
)
from gankit.contract.networks import (
    AugmentInput,
    GeneratorTerm,
    Likelihood,
    Networks,
    PartLikelihood,
)
from gankit.contract.plugin import OLDEST_PLUGIN_API, PLUGIN_API, PluginInfo
from gankit.contract.settings import Before, Bounds
from gankit.contract.training import Callback, Objective, Penalty

__all__ = [
    "ENTRY_POINT_GROUP",
    "OLDEST_PLUGIN_API",
    "PLUGIN_API",
    "AugmentInput",
    "Augmentable",
    "AvoidsBackbones",
    "Batch",
    "Before",
    "Bounds",
    "Callback",
    "Categorical",
    "ChecksSeeds",
    "Codec",
    "CodecState",
    "ComparesSamples",
    "Completed",
    "Condition",
    "ConditionInput",
    "Conformed",
    "Conforms",
    "Continuous",
    "Converts",
    "Dataset",
    "DecodesInGraph",
    "DecodingGraph",
    "Describes",
    "Doubt",
    "DownstreamModel",
    "Draws",
    "EncodesConditions",
    "EncodesTargets",
    "EvaluationData",
    "Evaluator",
    "Extractor",
    "FillsGaps",
    "Fitting",
    "Gaps",
    "GeneratorTerm",
    "HasBaselines",
    "HasClasses",
    "Health",
    "Hooks",
    "Imputes",
    "InfersConditions",
    "Issue",
    "Item",
    "Layout",
    "Likelihood",
    "ListsConditionInputs",
    "Look",
    "Metric",
    "Modality",
    "Networks",
    "NoSettings",
    "Objective",
    "PartLikelihood",
    "Penalty",
    "PluginInfo",
    "Progress",
    "ProposesConditions",
    "Provenance",
    "ReadsItems",
    "ReadsRemote",
    "Recognise",
    "Recognised",
    "Rendering",
    "ReportsHealth",
    "ReservesKeys",
    "Sample",
    "SamplesConditions",
    "TransformsDensityRatioInput",
    "WatermarkSearch",
    "Watermarks",
    "Written",
    "hookimpl",
    "quiet",
]
