"""penstock.simulate: predict a step of a placed graph on any machine, without running it.

`simulate(ir, machine, costs)` plays the graph on a virtual clock and returns a `Simulation`;
the placement strategies judge by it. `Machine` is made of `DeviceModel`s and `LinkModel`s, a
cost model is any class with the method of `Costs`. Read `docs/simulate.md`.
"""

from penstock.simulate.costs import Costs as Costs
from penstock.simulate.costs import EstimatedCosts as EstimatedCosts
from penstock.simulate.costs import FixedCosts as FixedCosts
from penstock.simulate.costs import MeasuredCosts as MeasuredCosts
from penstock.simulate.machine import DeviceModel as DeviceModel
from penstock.simulate.machine import LinkModel as LinkModel
from penstock.simulate.machine import Machine as Machine
from penstock.simulate.machine import full_name as full_name
from penstock.simulate.runs import NodeRun as NodeRun
from penstock.simulate.runs import Stage as Stage
from penstock.simulate.runs import TransferRun as TransferRun
from penstock.simulate.shape_costs import ShapeCosts as ShapeCosts
from penstock.simulate.simulation import Simulation as Simulation
from penstock.simulate.simulator import simulate as simulate
from penstock.simulate.sizes import Sizes as Sizes
from penstock.simulate.work import Work as Work
from penstock.simulate.work import work_of as work_of
