"""What runs inside the user's script: this folder is first on its PYTHONPATH.

These modules import nothing of `adaloss`, which the script's environment may lack.
"""
