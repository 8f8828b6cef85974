"""Published weights have the licence that timm states."""

import subprocess
import sys

import pytest

from adaloss.tasks.images.models.licences import licence, licence_in_source
from adaloss.tasks.images.models.timm_source import COMPUTED, licences_in


def test_fresh_weights_have_no_licence():
    assert licence("cifar_resnet20", False) is None
    assert licence("resnet50", False) is None


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("cifar_resnet20", "BSD-2-Clause"),
        ("vit_small_patch16_224.augreg_in21k_ft_in1k", "apache-2.0"),
        ("resnet50.fb_swsl_ig1b_ft_in1k", "cc-by-nc-4.0"),
        ("cpubone_nano.r224_in1k", "not stated by timm"),
    ],
)
def test_published_weights_have_their_licence(model, expected):
    assert licence(model, True) == expected
    assert licence(model, "a.pth") == "your own file"


def test_a_licence_needs_neither_torch_nor_timm():
    code = (
        "import sys\n"
        "from adaloss.tasks.images.models.weights import fetch_weights\n"
        "from adaloss.tasks.images.models.licences import licence\n"
        "from adaloss.tasks.images.fields import ImageTrial\n"
        "trial = ImageTrial(dataset='digits', model='resnet50.fb_swsl_ig1b_ft_in1k', seed=0, lr=1,"
        " optimizer='adaloss', epochs=1, batch_size=8, pretrained=True)\n"
        "assert licence(*trial.starts_from) == 'cc-by-nc-4.0'\n"
        "fetch_weights([trial.model_copy(update={'pretrained': False})], None)\n"
        "assert not {'torch', 'timm', 'huggingface_hub'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        ("_cfg()", "mit"),
        ("_cfg(license='gemma')", "gemma"),
        ("_cfg('x', **dict(license='gemma'))", "gemma"),
        ("_more(license='gemma')", "gemma"),
        ("_more()", "mit"),
        ("_late(license='gemma')", "apache-2.0"),
        ("{'url': 'x'}", None),
        ("dict(license='gemma')", "gemma"),
        ("_cfg(license=OTHER)", COMPUTED),
        ("made()", COMPUTED),
        ("_cfg(**OTHER)", COMPUTED),
    ],
)
def test_licences_are_read_from_source(configuration, expected):
    source = (
        "def _cfg(url='', **kwargs):\n"
        "    return {'url': url, 'license': 'mit', **kwargs}\n"
        "def _more(url='', **kwargs):\n"
        "    return _cfg(url=url, **dict({'crop': 1}, **kwargs))\n"
        "def _late(**kwargs):\n"
        "    return dict(kwargs, license='apache-2.0')\n"
        f"default_cfgs = generate_default_cfgs({{'net.tag*': {configuration}}})\n"
    )
    assert licences_in(source) == {"net": {"tag": expected}}


@pytest.mark.slow
def test_licences_are_those_that_timm_states():
    import timm
    from timm.models import get_pretrained_cfg, is_model_pretrained

    tagged = timm.list_models(pretrained=True)
    names = [*tagged, *filter(is_model_pretrained, timm.list_models())]
    read = {name: licence_in_source(name) for name in names}
    computed = [name for name in tagged if read[name] == COMPUTED]
    assert {
        name: stated
        for name, stated in read.items()
        if stated != COMPUTED and stated != get_pretrained_cfg(name).license
    } == {}
    assert len(computed) < 0.05 * len(tagged)
