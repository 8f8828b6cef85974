"""What a trial leaves on disk: paths, files, results, quarantine."""
