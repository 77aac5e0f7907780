"""`scenerank plan`: what a run would need at another scale."""
