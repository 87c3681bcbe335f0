"""Every release of MovieLens, prepared by tensorflow-datasets from archives of a few lines."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

import mtbench
from mtbench_plugins.datasets import movielens
from mtbench_plugins.datasets.movielens import MovieLens

CURRENT = {
    "movies.csv": "movieId,title,genres\n"
    "10,Heat (1995),Action|Crime\n"
    '9,"Heat (1995)",Crime|Thriller\n'
    "70,Unnamed,(no genres listed)\n"
    "8,Blade (1982) (2007),Sci-Fi\n",
    "ratings.csv": "userId,movieId,rating,timestamp\n"
    "2,10,3.5,100\n10,9,0.5,90\n2,70,5.0,110\n1,9,4.0,120\n",
}
OLD_RATINGS = [("2", "10", "3", "100"), ("10", "9", "1", "90"), ("2", "70", "5", "110")]
ARCHIVES = {
    "20m": CURRENT,
    "25m": CURRENT,
    "latest-small": CURRENT,
    "1m": {
        "movies.dat": "10::Heat (1995)::Action|Crime\n9::Heat (1995)::Children's\n"
        "70::Un\xe9::War\n",
        "users.dat": "2::F::56::10::V1A 2B3\n10::M::1::20::02139-01\n",
        "ratings.dat": "".join("::".join(row) + "\n" for row in OLD_RATINGS),
    },
    "100k": {
        "u.item": "10|Heat (1995)|1-Jan-95||url|0|1|0|0|0|0|1" + "|0" * 12 + "\n"
        "9|Heat (1995)|||url|0|0|0|0|1" + "|0" * 14 + "\n"
        "70|Un\xe9|||url|1" + "|0" * 18 + "\n",
        "u.user": "2|57|F|student|V1A\n10|17|M|writer|02139\n",
        "u.data": "".join("\t".join(row) + "\n" for row in OLD_RATINGS),
    },
}


@pytest.fixture
def prepared(monkeypatch, tmp_path):
    """A folder where each release is prepared from its archive."""
    for config, files in ARCHIVES.items():
        folder = tmp_path / "raw" / f"ml-{config}"
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_bytes(text.encode("latin-1"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(
        tfds.download.DownloadManager,
        "download_and_extract",
        lambda self, url: str(tmp_path / "raw"),
    )
    return tmp_path


def in_time(data):
    """The columns in the order of their timestamps: tfds mixes the rows when it writes them."""
    columns = data.interactions.columns
    order = np.argsort(columns["timestamp"])
    return {name: column[order].tolist() for name, column in columns.items()}


def values(data, side, name):
    """A feature by id, as a person would write it."""
    side = getattr(data, side)
    feature = side.features[name]
    if feature.form == "categorical":
        return dict(zip(side.ids.tolist(), feature.names[feature.values].tolist(), strict=True))
    if feature.form == "numeric":
        return dict(zip(side.ids.tolist(), feature.values.tolist(), strict=True))
    return {
        name: feature.names[row == 1].tolist()
        for name, row in zip(side.ids.tolist(), feature.values, strict=True)
    }


@pytest.mark.parametrize("config", ["20m", "25m", "latest-small"])
def test_releases_without_users(prepared, config):
    data = MovieLens(config=config).load()
    assert data.source == f"movielens/{config}-ratings/0.1.1"
    assert data.query.features == {}
    assert data.query.ids.tolist() == ["1", "10", "2"]
    assert data.candidate.ids.tolist() == ["Blade (1982) (2007)", "Heat (1995)", "Unnamed"]
    columns = in_time(data)
    assert columns["query"] == [1, 2, 2, 0]
    assert columns["candidate"] == [1, 1, 2, 1]
    assert columns["user_rating"] == [0.5, 3.5, 5, 4]
    assert columns["timestamp"] == [90, 100, 110, 120]
    assert values(data, "candidate", "movie_genres") == {
        "Blade (1982) (2007)": ["Sci-Fi"],
        "Heat (1995)": ["Action", "Crime", "Thriller"],  # of both movies of that title
        "Unnamed": ["(no genres listed)"],
    }
    assert values(data, "candidate", "movie_year") == {
        "Blade (1982) (2007)": 2007,
        "Heat (1995)": 1995,
        "Unnamed": 2001,  # the mean: it has none
    }


def test_ids_as_candidates(prepared):
    data = MovieLens(config="25m", candidate="id").load()
    assert data.candidate.key == "movie_id"
    assert data.candidate.ids.tolist() == ["10", "70", "8", "9"]
    assert in_time(data)["candidate"] == [3, 0, 1, 3]
    assert values(data, "candidate", "movie_genres")["9"] == ["Crime", "Thriller"]


USERS = {
    "100k": {
        "bucketized_user_age": {"10": "1", "2": "56"},
        "raw_user_age": {"10": 17, "2": 57},
        "user_occupation_label": {"10": "writer", "2": "student"},
        "user_occupation_text": {"10": "writer", "2": "student"},
    },
    "1m": {
        "bucketized_user_age": {"10": "1", "2": "56"},
        "user_occupation_label": {"10": "writer", "2": "student"},
        "user_occupation_text": {"10": "writer", "2": "K-12 student"},
    },
}


@pytest.mark.parametrize("config", USERS)
def test_releases_with_users(prepared, config):
    dataset = MovieLens(config=config)
    data = dataset.load()
    expected = {
        **USERS[config],
        "user_gender": {"10": "M", "2": "F"},
        "user_zip_prefix": {"10": "0", "2": ""},  # V1A is Canadian
    }
    assert {name: values(data, "query", name) for name in data.query.features} == expected
    assert data.candidate.ids.tolist() == ["Heat (1995)", "Un\xe9"]
    genres = values(data, "candidate", "movie_genres")
    assert genres["Heat (1995)"] == ["Action", "Children", "Crime"]  # of both, not "Children's"
    made = dict(dataset.stand_in())
    assert made["query_features"].keys() == data.query.features.keys()
    assert made["candidate_features"].keys() == data.candidate.features.keys()
    for side, features in (("query", data.query), ("candidate", data.candidate)):
        for name, feature in features.features.items():
            options = made[f"{side}_features"][name]
            assert options.get("form", "categorical") == feature.form
    assert len(dataset.source_digest()) == 64


def test_the_order_is_that_of_the_files(prepared, monkeypatch):
    """Whole shards one after the other, whatever the size of a batch."""
    rows = [f"{n % 7},{n % 2 + 9},{n % 5 + 1},{n}\n" for n in range(40)]
    text = "userId,movieId,rating,timestamp\n" + "".join(rows)
    (prepared / "raw" / "ml-25m" / "ratings.csv").write_text(text)
    builder = tfds.builder("movielens/25m-ratings", data_dir=str(prepared / "data"))
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(num_shards=3))
    assert len(builder.info.splits["train"].filepaths) == 3
    read = tfds.as_numpy(
        builder.as_dataset(
            split="train",
            read_config=tfds.ReadConfig(interleave_cycle_length=1),
            decoders=tfds.decode.PartialDecoding({"timestamp": True}),
        )
    )
    data = MovieLens(config="25m").load()
    times = data.interactions.columns["timestamp"]
    assert times.tolist() == [int(row["timestamp"]) for row in read]
    assert data.query.ids[data.interactions.query].tolist() == [str(n % 7) for n in times]


def test_users_that_contradict_themselves_are_refused():
    known = {}
    movielens._learn(known, np.array([1, 0, 1]), {"user_gender": np.array([5, 4, 5])})
    movielens._learn(known, np.array([2, 0]), {"user_gender": np.array([6, 4])})
    assert known["user_gender"].tolist() == [4, 5, 6]
    with pytest.raises(mtbench.DataError, match="user_gender: expected one value a user"):
        movielens._learn(known, np.array([3, 0]), {"user_gender": np.array([7, 1])})


def test_damaged_files_are_told(prepared):
    dataset = MovieLens(config="25m")
    dataset.load()
    file = next((prepared / "data" / "movielens" / "25m-ratings").rglob("*.tfrecord*"))
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(mtbench.DataError, match="is damaged: remove it, and it is prepared again"):
        dataset.load()


@pytest.mark.realdata
def test_users_and_genres_of_100k(data_dir, monkeypatch):
    """Against the lines of the archive: u.user and u.item."""
    monkeypatch.setenv("TFDS_DATA_DIR", data_dir)
    data = MovieLens(candidate="id").load()
    assert values(data, "query", "raw_user_age")["1"] == 24  # 1|24|M|technician|85711
    assert values(data, "query", "bucketized_user_age")["1"] == "18"
    assert values(data, "query", "user_occupation_text")["1"] == "technician"
    assert values(data, "query", "user_zip_prefix")["1"] == "8"
    assert values(data, "query", "user_gender")["2"] == "F"
    genres = values(data, "candidate", "movie_genres")
    assert genres["1"] == ["Animation", "Children", "Comedy"]  # Toy Story (1995)
    assert sum(map(len, genres.values())) == 2893  # ones in the last 19 fields of u.item
    assert values(data, "candidate", "movie_year")["1"] == 1995
