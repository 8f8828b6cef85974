"""joblib alone: the limit of what a launcher can do, with no ledger, tracking or resume."""

from joblib import Parallel, delayed
from space import Space, run_folder
from train import train_one


def main() -> None:
    space = Space.load(run_folder())
    accuracies = Parallel(n_jobs=space.workers)(delayed(train_one)(point) for point in space.points)
    print(max(accuracies))


if __name__ == "__main__":
    main()
