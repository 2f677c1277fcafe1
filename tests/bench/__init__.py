"""
What the product costs, as figures: `python -m tests.bench`.

Each module measures one thing and gives `Figure`s; sizes are arguments, so that a test can run them
small. A figure is told, never judged: noise fails nothing.
"""
