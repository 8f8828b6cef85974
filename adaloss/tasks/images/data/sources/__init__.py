"""Where images come from: downloads, folders, scikit-learn's digits."""
