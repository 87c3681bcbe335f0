"""Made-up files of the header and form of public data sets, for the suites that read them."""

import csv
import gzip
from pathlib import Path

import numpy as np

LOG = (
    "user_id,video_id,date,hourmin,time_ms,is_click,is_like,is_follow,is_comment,is_forward,"
    "is_hate,long_view,play_time_ms,duration_ms,profile_stay_time,comment_stay_time,"
    "is_profile_enter,is_rand,tab"
)
USERS = (
    "user_id,user_active_degree,is_lowactive_period,is_live_streamer,is_video_author,"
    "follow_user_num,follow_user_num_range,fans_user_num,fans_user_num_range,friend_user_num,"
    "friend_user_num_range,register_days,register_days_range,"
    + ",".join(f"onehot_feat{n}" for n in range(18))
)
VIDEOS = (
    "video_id,author_id,video_type,upload_dt,upload_type,visible_status,video_duration,"
    "server_width,server_height,music_id,music_type,tag"
)
ADS = ",".join(
    [
        "search_id",
        *(f"categorical_{n}" for n in range(1, 17)),
        *(f"numerical_{n}" for n in range(1, 64)),
        "click",
        "conversion",
    ]
)


def write(path, rows, header=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        if header:
            stream.write(f"{header}\n")
        writer.writerows(rows)


def kuairand(folder):
    """The three files of KuaiRand-Pure that the suite reads, of 12 users and 9 videos."""
    rng = np.random.default_rng(0)
    place = folder / "KuaiRand-Pure" / "data"
    for name, days, start in (("4_08_to_4_21", 14, 1649347200000), ("4_22_to_5_08", 17, 0)):
        rows = []
        for n in range(120):
            milliseconds = (start or 1650556800000) + int(rng.integers(days * 86_400_000))
            signals = rng.integers(0, 2, 3).tolist()
            who = [n % 12, int(rng.integers(9)), 20220408, 1600, milliseconds]
            rows.append([*who, *signals[:2], 0, 0, 0, 0, signals[2], 175045, 87433, *[0] * 4, 1])
        write(place / f"log_standard_{name}_pure.csv", rows, LOG)
    counts = [5, "(0,10]", 312, "[10,100)", 0, "0", 799, "730+"]
    users = [
        [n, ["full_active", "UNKNOWN"][n % 2], 0, 0, 1, *counts, *[1] * 17, 1.0]
        for n in range(14)  # two of them nowhere in the logs
    ]
    write(place / "user_features_pure.csv", users, USERS)
    videos = []
    for n in range(9):
        seconds, tag = "" if n == 3 else 87433.0, ["39", "2,39", ""][n % 3]
        kind = ["NORMAL", "2022-03-11", "LongImport", 0]
        videos.append([n, n * 7, *kind, seconds, 720, 1280, n + 5, 9, tag])
    write(place / "video_features_basic_pure.csv", videos, VIDEOS)


def aliexpress(folder):
    """Train.csv and test.csv of MTReclib, where searches are numbered anew in each."""
    rng = np.random.default_rng(0)
    for name, number in (("train", 60), ("test", 24)):
        rows = []
        for n in range(number):
            search = np.random.default_rng((number, n // 4))
            user = [search.integers(9, size=9), search.random(23).round(6)]
            item = [rng.integers(2, size=7), rng.random(40).round(6)]
            click = int(rng.integers(2))
            rows.append(
                [3 + n // 4, *user[0], *item[0], *user[1], *item[1], click, click * (n % 3 == 0)]
            )
        write(folder / "AliExpress_NL" / f"{name}.csv", rows, ADS)


def taobao(folder):
    """UserBehavior.csv, which has no line of names, of 8 users and 12 items."""
    rng = np.random.default_rng(0)
    rows = []
    for user in range(1, 9):
        for time in np.sort(1511544070 + rng.integers(700_000, size=30)):
            item = int(rng.integers(12))
            kind = ["pv", "pv", "pv", "pv", "cart", "fav", "buy"][rng.integers(7)]
            rows.append([user, 2268318 + item, 2520377 + item % 5, kind, int(time)])
    rows += [[1, 2268318, 2520377, "pv", -2134949234], [2, 2268319, 2520378, "buy", 2122867355]]
    write(folder / "UserBehavior.csv", rows)


def hillstrom(folder):
    """The file of Hillstrom's test, of 90 customers."""
    rng = np.random.default_rng(0)
    mails = ("Womens E-Mail", "No E-Mail", "Mens E-Mail")
    rows = []
    for n in range(90):
        visit, converts = rng.integers(2, size=2).tolist()
        spend = round(29.99 * visit * converts * (1 + n % 3), 2)
        who = [n % 12 + 1, "2) $100 - $200", 142.44 + n, n % 2, 1 - n % 2, "Surburban", n // 2 % 2]
        rows.append([*who, "Phone", mails[n % 3], visit, visit * converts, spend])
    header = "recency,history_segment,history,mens,womens,zip_code,newbie,channel,segment,visit"
    name = "Kevin_Hillstrom_MineThatData_E-MailAnalytics_DataMiningChallenge_2008.03.20.csv"
    write(folder / name, rows, f"{header},conversion,spend")


def criteo(folder):
    """The compressed file of Criteo's uplift data, of 60 users."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(60):
        treated, visit, converts = rng.integers(2, size=3).tolist()
        rows.append([*rng.normal(size=12).round(6), treated, visit * converts, visit, treated])
    header = ",".join([*(f"f{n}" for n in range(12)), "treatment", "conversion", "visit"])
    write(folder / "criteo.csv", rows, f"{header},exposure")
    packed = gzip.compress((folder / "criteo.csv").read_bytes())
    (folder / "criteo-research-uplift-v2.1.csv.gz").write_bytes(packed)


FORMS = {"kuairand-pure": kuairand, "aliexpress": aliexpress, "taobao": taobao}
"""By the suite that reads them beside itself."""
PREPARED = {"hillstrom": hillstrom, "criteo": criteo}
"""By the suite that reads them once tensorflow-datasets has prepared them."""


def public(folder: Path) -> None:
    """Make the files of all."""
    for form in FORMS.values():
        form(folder)
