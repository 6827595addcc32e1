"""Pictures of graphs and plans, as HTML that works offline and as SVG."""
