"""Linear regression with a known solution, the setting of the paper's theorems."""
