"""Pictures of graphs, plans and runs, as HTML that works offline and as SVG.

What other packages ask for; `penstock.graph.viewer` imports it when somebody first looks.
"""

from penstock.view.memory import MemoryPlot as MemoryPlot
from penstock.view.steps import Moment as Moment
from penstock.view.steps import value_text as value_text
from penstock.view.steps import view_moment as view_moment
from penstock.view.view import View as View
from penstock.view.view import view_graph as view_graph
from penstock.view.view import view_partitions as view_partitions
from penstock.view.view import view_stages as view_stages
