"""Messages of the graph's wire format, generated at build time from the .proto files beside this.

Package `penstock` with TensorFlow's field numbers: bytes of either side load in the other, and both
packages live in one process. What a graph is made of is loaded at once; messages for sessions,
events, saved models and clusters are loaded when their name is first asked for, which saves a third
of this package's import time. Fields left out of our files survive as unknown fields.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from penstock.protos.attr_value_pb2 import AttrValue as AttrValue
from penstock.protos.attr_value_pb2 import NameAttrList as NameAttrList
from penstock.protos.function_pb2 import FunctionDef as FunctionDef
from penstock.protos.function_pb2 import FunctionDefLibrary as FunctionDefLibrary
from penstock.protos.function_pb2 import GradientDef as GradientDef
from penstock.protos.graph_pb2 import GraphDef as GraphDef
from penstock.protos.node_def_pb2 import NodeDef as NodeDef
from penstock.protos.op_def_pb2 import OpDef as OpDef
from penstock.protos.op_def_pb2 import OpList as OpList
from penstock.protos.resource_handle_pb2 import ResourceHandleProto as ResourceHandleProto
from penstock.protos.tensor_pb2 import TensorProto as TensorProto
from penstock.protos.tensor_pb2 import VariantTensorDataProto as VariantTensorDataProto
from penstock.protos.tensor_shape_pb2 import TensorShapeProto as TensorShapeProto
from penstock.protos.types_pb2 import DataType as DataType
from penstock.protos.versions_pb2 import VersionDef as VersionDef

if TYPE_CHECKING:
    from penstock.protos.checkpoint_state_pb2 import CheckpointState as CheckpointState
    from penstock.protos.cluster_pb2 import ClusterDef as ClusterDef
    from penstock.protos.cluster_pb2 import JobDef as JobDef
    from penstock.protos.config_pb2 import ConfigProto as ConfigProto
    from penstock.protos.config_pb2 import GPUOptions as GPUOptions
    from penstock.protos.config_pb2 import GraphOptions as GraphOptions
    from penstock.protos.config_pb2 import OptimizerOptions as OptimizerOptions
    from penstock.protos.config_pb2 import RunMetadata as RunMetadata
    from penstock.protos.config_pb2 import RunOptions as RunOptions
    from penstock.protos.control_flow_pb2 import CondContextDef as CondContextDef
    from penstock.protos.control_flow_pb2 import ControlFlowContextDef as ControlFlowContextDef
    from penstock.protos.control_flow_pb2 import ValuesDef as ValuesDef
    from penstock.protos.control_flow_pb2 import WhileContextDef as WhileContextDef
    from penstock.protos.cost_graph_pb2 import CostGraphDef as CostGraphDef
    from penstock.protos.device_attributes_pb2 import DeviceAttributes as DeviceAttributes
    from penstock.protos.event_pb2 import Event as Event
    from penstock.protos.event_pb2 import SessionLog as SessionLog
    from penstock.protos.event_pb2 import TaggedRunMetadata as TaggedRunMetadata
    from penstock.protos.example_pb2 import Example as Example
    from penstock.protos.example_pb2 import SequenceExample as SequenceExample
    from penstock.protos.feature_pb2 import BytesList as BytesList
    from penstock.protos.feature_pb2 import Feature as Feature
    from penstock.protos.feature_pb2 import FeatureList as FeatureList
    from penstock.protos.feature_pb2 import FeatureLists as FeatureLists
    from penstock.protos.feature_pb2 import Features as Features
    from penstock.protos.feature_pb2 import FloatList as FloatList
    from penstock.protos.feature_pb2 import Int64List as Int64List
    from penstock.protos.histogram_pb2 import HistogramProto as HistogramProto
    from penstock.protos.kernel_def_pb2 import KernelDef as KernelDef
    from penstock.protos.kernel_def_pb2 import KernelList as KernelList
    from penstock.protos.meta_graph_pb2 import AssetFileDef as AssetFileDef
    from penstock.protos.meta_graph_pb2 import CollectionDef as CollectionDef
    from penstock.protos.meta_graph_pb2 import MetaGraphDef as MetaGraphDef
    from penstock.protos.meta_graph_pb2 import SignatureDef as SignatureDef
    from penstock.protos.meta_graph_pb2 import TensorInfo as TensorInfo
    from penstock.protos.named_tensor_pb2 import NamedTensorProto as NamedTensorProto
    from penstock.protos.queue_runner_pb2 import QueueRunnerDef as QueueRunnerDef
    from penstock.protos.saved_model_pb2 import SavedModel as SavedModel
    from penstock.protos.saver_pb2 import SaverDef as SaverDef
    from penstock.protos.server_pb2 import ServerDef as ServerDef
    from penstock.protos.step_stats_pb2 import DeviceStepStats as DeviceStepStats
    from penstock.protos.step_stats_pb2 import NodeExecStats as NodeExecStats
    from penstock.protos.step_stats_pb2 import StepStats as StepStats
    from penstock.protos.summary_pb2 import Summary as Summary
    from penstock.protos.summary_pb2 import SummaryMetadata as SummaryMetadata
    from penstock.protos.tensor_bundle_pb2 import BundleEntryProto as BundleEntryProto
    from penstock.protos.tensor_bundle_pb2 import BundleHeaderProto as BundleHeaderProto
    from penstock.protos.tensor_slice_pb2 import TensorSliceProto as TensorSliceProto
    from penstock.protos.variable_pb2 import SaveSliceInfoDef as SaveSliceInfoDef
    from penstock.protos.variable_pb2 import VariableAggregation as VariableAggregation
    from penstock.protos.variable_pb2 import VariableDef as VariableDef
    from penstock.protos.variable_pb2 import VariableSynchronization as VariableSynchronization

# The names of the block above by file: what the import system must know when it is first asked.
_LOADED_ON_DEMAND = {
    "checkpoint_state": "CheckpointState",
    "cluster": "ClusterDef JobDef",
    "config": "ConfigProto GPUOptions GraphOptions OptimizerOptions RunMetadata RunOptions",
    "control_flow": "CondContextDef ControlFlowContextDef ValuesDef WhileContextDef",
    "cost_graph": "CostGraphDef",
    "device_attributes": "DeviceAttributes",
    "event": "Event SessionLog TaggedRunMetadata",
    "example": "Example SequenceExample",
    "feature": "BytesList Feature FeatureList FeatureLists Features FloatList Int64List",
    "histogram": "HistogramProto",
    "kernel_def": "KernelDef KernelList",
    "meta_graph": "AssetFileDef CollectionDef MetaGraphDef SignatureDef TensorInfo",
    "named_tensor": "NamedTensorProto",
    "queue_runner": "QueueRunnerDef",
    "saved_model": "SavedModel",
    "saver": "SaverDef",
    "server": "ServerDef",
    "step_stats": "DeviceStepStats NodeExecStats StepStats",
    "summary": "Summary SummaryMetadata",
    "tensor_bundle": "BundleEntryProto BundleHeaderProto",
    "tensor_slice": "TensorSliceProto",
    "variable": "SaveSliceInfoDef VariableAggregation VariableDef VariableSynchronization",
}
_FILE_OF = {name: file for file, names in _LOADED_ON_DEMAND.items() for name in names.split()}


def __getattr__(name: str) -> object:
    """Load the file that defines the message `name`."""
    if name not in _FILE_OF:
        raise AttributeError(f"module {__name__!r} has no message {name!r}")
    value = getattr(import_module(f"{__name__}.{_FILE_OF[name]}_pb2"), name)
    globals()[name] = value
    return value
