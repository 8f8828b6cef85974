# Passes on its options, of which it needs one itself.
for option in "$@"; do
  case "$option" in
    --dataset=*) dataset="${option#*=}" ;;
  esac
done
[ "$dataset" = cifar10 ] || exit 3
exec python simulate.py "$@"
