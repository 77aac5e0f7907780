"""Processes that train together: started, told who they are, and what their memory must hold."""
