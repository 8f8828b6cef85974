"""What a function set in torch is not set for the next trial of its process."""

import pytest
import torch

from adaloss.tasks.program.process_state import (
    OLDER_PRECISIONS,
    PRECISIONS,
    SETTINGS,
    process_state,
    values_of,
)

CHANGES = (
    "backends.fp32_precision = 'tf32'",
    "backends.cuda.matmul.fp32_precision = 'tf32'",
    "backends.cudnn.conv.fp32_precision = 'ieee'",
    "backends.cudnn.rnn.fp32_precision = 'ieee'",
    "backends.cudnn.allow_tf32 = False",
    "backends.mkldnn.matmul.fp32_precision = 'bf16'",
    "set_float32_matmul_precision('medium')",
    "set_float32_matmul_precision('high'); torch.backends.cuda.matmul.fp32_precision = 'ieee'",
    "backends.cudnn.benchmark = True",
    "backends.cuda.enable_flash_sdp(False)",
    "backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False",
)


def state():
    return [values_of(settings) for settings in (SETTINGS, PRECISIONS, OLDER_PRECISIONS)]


# Some versions of torch warn of the older settings.
@pytest.mark.filterwarnings("ignore:Please use the new API settings")
@pytest.mark.parametrize("change", CHANGES)
def test_a_setting_is_restored(change):
    before, restore = state(), process_state()
    assert None not in before[0] + before[1] + before[2]
    exec(f"torch.{change}", {"torch": torch})
    assert state() != before
    restore()
    assert state() == before
