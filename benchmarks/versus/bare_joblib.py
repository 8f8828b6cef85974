"""joblib without records, tracking or resuming: a lower bound for the cost of a launcher."""

from joblib import Parallel, delayed
from space import Space, run_folder
from train import train_one


def main() -> None:
    space = Space.load(run_folder())
    accuracies = Parallel(n_jobs=space.workers)(delayed(train_one)(point) for point in space.points)
    print(max(accuracies))


if __name__ == "__main__":
    main()
