"""An example of a plug-in for gpit: a formula, a transition and two functions."""
