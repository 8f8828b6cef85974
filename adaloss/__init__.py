"""AdaLoss and the trial that tests it: optimizers, training, records."""
