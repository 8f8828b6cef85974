"""A grid of eight trials as text, and the words that messages about it list."""

GRID = """\
name: demo
parameters:
  dataset: digits
  model: mlp
  optimizer: [adaloss, sgd_constant]
  b0: [0.1, 1]
  lr: 0.1
  epochs: 2
  batch_size: 32
seeds: 2
"""
OPTIMIZERS = (
    "'adaloss', 'adagrad_norm', 'adagrad_norm_rowwise', 'sgd_constant', 'sgd_decay_sqrt', "
    "'paper_adam', 'adamloss', 'adam_decay_sqrt', one of torch ('sgd', 'adam', 'adamw', "
    "'nadam', 'radam', 'adamax', 'rmsprop', 'adagrad', 'adadelta', 'adafactor', 'asgd', "
    "'rprop', 'muon', 'lbfgs'), one of timm as 'timm:name' "
    "or a class as 'module:Class'"
)
CELL_FIELDS = (
    "dataset, model, optimizer, lr, epochs, batch_size, b0, alpha, c, momentum, weight_decay, "
    "rate, schedule, warmup, clip_grad_norm, average, "
    "pretrained, image_size, split_seed, train_examples, eval_examples, resize, padding, flip, "
    "interpolation, normalize, mean, std, precision, channels_last, compile, deterministic, "
    "label_smoothing"
)
PARAMETERS = CELL_FIELDS.replace("optimizer, ", "optimizer, seed, ")
FIELDS = PARAMETERS.replace("rate, ", "max_loss, rate, hyperparameters, ")
DATASETS = "digits, mnist, fashion_mnist, cifar10, cifar100 or imagefolder:PATH"
WEIGHTS = "true, false or the path of a file (.pth, .pt, .th, .bin, .tar, .safetensors, .npz)"
