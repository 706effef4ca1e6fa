"""Which data are taken to be of people: by names, with few false alarms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit.kit.people import FACES, VOICES, people_in

CIFAR = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
FASHION = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Ankle boot"]
BIRDS = ["Anna_Hummingbird", "Brewer_Blackbird", "Harris_Sparrow", "Scott_Oriole", "Bewick_Wren"]
INSTRUMENTS = ["bass_acoustic_001.wav", "brass_electronic_002.wav", "guitar_003.wav"] * 9


@pytest.mark.parametrize(
    ("words", "given", "why"),
    [
        (FACES, {"path": "/data/img_align_celeba.zip"}, 'the path has the word "celeba"'),
        (FACES, {"path": "hf://datasets/x/FFHQ-256/train"}, 'the path has the word "ffhq"'),
        (FACES, {"labels": ["dog", "persons", None]}, 'the labels have the word "person"'),
        (FACES, {"names": ["a/face_1.png"] * 9}, 'the file names have the word "face"'),
        (VOICES, {"path": "LibriSpeech"}, 'the path has the word "librispeech"'),
        (VOICES, {"path": r"C:\data\VoxCeleb2"}, 'the path has the word "voxceleb"'),
        (VOICES, {"columns": ["file_name", "speaker_id"]}, 'the columns have the word "speaker"'),
        (VOICES, {"names": ["0_george_1.wav", "0_lucas_2.wav"] * 9}, "people's given names"),
        (FACES, {"labels": ["Anna", "Mohamed", "x"]}, "the labels are people's given names"),
    ],
)
def test_people(words, given, why):
    assert why in people_in(words, **given)


@pytest.mark.parametrize(
    ("words", "given"),
    [
        (FACES, {}),
        (FACES, {"path": "/home/anna/pictures/flowers", "labels": CIFAR}),
        (FACES, {"path": "fashion-mnist", "labels": FASHION}),
        (FACES, {"path": "CUB_200_2011", "labels": BIRDS, "names": [f"{b}/1.jpg" for b in BIRDS]}),
        (FACES, {"path": "typefaces", "labels": ["interface", "surface"]}),
        (FACES, {"path": "speakers"}),  # loudspeakers, of pictures
        (FACES, {"names": ["landscape.jpg"] * 99 + ["woman.jpg"]}),
        (VOICES, {"path": "drums", "names": INSTRUMENTS, "labels": ["bass", "brass"]}),
        (VOICES, {"names": ["tom_1.wav", "tom_2.wav", "kick_1.wav"] * 9}),  # drums
        (VOICES, {"path": "ESC-50", "labels": ["dog", "rain", "sea_waves"]}),
    ],
)
def test_no_people(words, given):
    assert people_in(words, **given) == ""


@given(st.text(), st.lists(st.text(), max_size=3), st.lists(st.none() | st.text(), max_size=3))
def test_any_names(path, names, labels):
    found = people_in(FACES, path=path, names=names, labels=labels, columns=names)
    assert "\n" not in found
