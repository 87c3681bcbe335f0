"""Workers on several machines: who gets what, what is done again, what is not listened to."""

import threading
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jobs import BUNDLE, Job, lives, wait_until

import mtbench.workers.attendant as attending
import mtbench.workers.supervisor as supervising
from mtbench.plugin.executor import Event, Work
from mtbench.workers import Attendant, Fleet, Limits


def events(task, *told):
    return [Event(each, task.work.key) for each in told]


WHOLE = ("ready", "started", "finished", "ended")


def test_the_seeds_of_a_group_stay_on_a_worker_and_trials_come_one_by_one():
    job = Job("a1", "b1", "a2", "b2")
    fleet = Fleet(job, "x", 3)
    fleet.see({"one": "n1", "two": "n2"})
    first, second = fleet.hand_out()
    assert [(task.worker, task.node) for task in (first, second)] == [("one", "n1"), ("two", "n2")]
    assert [task.work.key for task in (first, second)] == ["a1", "b1"]
    assert [*fleet.hand_out()] == []
    fleet.end(second.key, events(second, *WHOLE))
    (third,) = fleet.hand_out()
    assert (third.worker, third.work.group) == ("two", second.work.group)
    assert set(job.asked) == {1}
    assert fleet.busy
    assert third.place == {"executor": "x", "workers_on_node": 1}


def test_the_first_worker_of_a_machine_encodes_before_the_others():
    job = Job("a1", "b1", "c1", "d1")
    fleet = Fleet(job, "x", 3)
    fleet.see({"one": "n1", "two": "n1", "far": "n2"})
    first, far = fleet.hand_out()
    assert (first.worker, far.worker) == ("one", "far")
    assert first.place["workers_on_node"] == 2
    assert far.place["workers_on_node"] == 1
    fleet.hear(far.key, 0, Event("ready", far.work.key))
    assert [*fleet.hand_out()] == []  # that is the other machine
    fleet.hear(first.key, 0, Event("ready", first.work.key))
    assert [task.worker for task in fleet.hand_out()] == ["two"]


def test_no_more_at_a_time_than_are_asked_for():
    fleet = Fleet(Job("a1", "b1", "c1"), "x", 3, at_once=2)
    fleet.see({"one": "n1", "two": "n2", "three": "n3"})
    assert len([*fleet.hand_out()]) == 2
    alone = Fleet(Job("a1", "b1"), "x", 3, at_once=1)
    alone.see({"one": "n1", "two": "n1"})
    (task,) = alone.hand_out()
    assert task.place["workers_on_node"] == 1


def test_each_event_once_and_in_order_however_it_comes():
    job = Job("a1")
    fleet = Fleet(job, "x", 3)
    fleet.see({"one": "n1"})
    (task,) = fleet.hand_out()
    all_of_it = events(task, "ready", "started", "epoch", "epoch", "finished", "ended")
    for number in (0, 1, 1, 3, 0):  # the first epoch's came too late
        fleet.hear(task.key, number, all_of_it[number])
    assert job.of("a1") == ["ready", "started"]
    fleet.end(task.key, all_of_it)
    assert job.of("a1") == [event.told for event in all_of_it]
    assert job.over
    assert not fleet.busy


@pytest.mark.parametrize("losses", [0, 1, 3])
def test_what_was_lost_is_done_elsewhere_so_often_and_then_has_failed(losses):
    job = Job("a1")
    fleet = Fleet(job, "x", losses)
    for time_lost in range(losses + 1):
        fleet.see({f"w{time_lost}": "n1"})
        (task,) = fleet.hand_out()
        fleet.hear(task.key, 0, Event("started", "a1"))
        assert fleet.see({}) == [task]
    assert job.of("a1") == ["started"] * (losses + 1) + ["lost"]
    said = job.last.content
    assert said["message"].startswith(f"its worker w{losses} was lost")
    assert said["message"].endswith(f"and {losses} before it") == (losses > 0)
    assert said["place"] == {"node": "n1", "executor": "x", "workers_on_node": 1}
    assert set(said) == {"kind", "message", "run", "output", "place", "seconds"}
    assert job.over


def test_a_result_of_a_worker_that_was_given_up_is_dropped():
    job = Job("a1")
    fleet = Fleet(job, "x", 3)
    fleet.see({"one": "n1", "two": "n2"})
    (late,) = fleet.hand_out()
    assert fleet.see({"two": "n2"}) == [late]
    (again,) = fleet.hand_out()
    assert (again.worker, again.work) == ("two", late.work)
    fleet.hear(late.key, 0, Event("started", "a1"))
    fleet.end(late.key, events(late, *WHOLE))
    fleet.lose(late.key, "was lost")
    assert job.told == []
    assert not job.over
    fleet.end(again.key, events(again, *WHOLE))
    assert job.of("a1") == list(WHOLE)
    assert job.over


def test_a_task_that_returns_without_an_end_is_a_loss_and_one_that_ended_well_starts_anew():
    job = Job("a1")
    fleet = Fleet(job, "x", 1)
    fleet.see({"one": "n1"})
    (task,) = fleet.hand_out()
    fleet.end(task.key, events(task, "ready", "started"))
    (task,) = fleet.hand_out()
    fleet.end(task.key, events(task, *WHOLE))
    job.pending.append(Work("a1", "a", {}))  # a study's next trial has its key
    (task,) = fleet.hand_out()
    fleet.see({})
    assert not job.of("a1").count("lost")
    fleet.see({"two": "n1"})
    (task,) = fleet.hand_out()
    fleet.see({})
    assert job.of("a1")[-1] == "lost"


@pytest.mark.thorough
@settings(max_examples=200)
@given(st.data())
def test_every_run_ends_once_whoever_comes_and_goes(data):
    """Workers join, leave, finish, in any order: each work ends once, or waits for a worker."""
    keys = [f"{group}{n}" for group in "abc" for n in range(2)]
    job = Job(*keys)
    fleet = Fleet(job, "x", 2)
    there, tasks, losses = {}, {}, Counter()
    for step in range(data.draw(st.integers(0, 60))):
        action = data.draw(st.sampled_from(["join", "leave", "finish", "late"]))
        if action == "join":
            there[f"w{step}"] = f"n{step % 2}"
        elif action == "leave" and there:
            del there[data.draw(st.sampled_from(sorted(there)))]
        elif action == "finish" and tasks:
            task = tasks.pop(data.draw(st.sampled_from(sorted(tasks))))
            fleet.end(task.key, events(task, *WHOLE))
        for gone in fleet.see(there):
            losses[gone.work.key] += 1
            if action != "late":
                tasks.pop(gone.key)
            assert gone.worker not in there
        for task in fleet.hand_out():
            assert task.worker in there
            tasks[task.key] = task
        assert len({task.worker for task in tasks.values()}) == len(tasks)
    ends = Counter(work for work, told in job.told if told in ("ended", "lost"))
    assert set(ends.values()) <= {1}
    waiting = {work.key for work in (*job.pending, *job.doing.values())}
    assert set(ends) | waiting == set(keys)
    assert not set(ends) & waiting
    for key, told in job.told:
        assert told != "lost" or losses[key] == 3


@pytest.fixture
def attendant(monkeypatch):
    monkeypatch.setattr(supervising, "PROGRAM", "simple_worker")
    made = []

    def make(**limits):
        made.append(Attendant(1, Limits(**limits)))
        return made[-1]

    yield make
    for each in made:
        each.close()


PLACE = {"executor": "x", "workers_on_node": 1}


def done(attendant, key, how="", place=PLACE, **asked):
    work = Work(key, "g", {"how": how})
    return [event.told for event in attendant.attend(BUNDLE, work, place, **asked)]


def child(attendant):
    return attendant._supervisor.pid


def test_a_worker_is_kept_until_it_dies_or_its_place_is_another(attendant):
    one = attendant()
    assert done(one, "a") == [*WHOLE]
    pid = child(one)
    assert done(one, "b") == [*WHOLE]
    assert child(one) == pid
    assert done(one, "c", "kill") == ["ready", "started", "lost"]
    assert done(one, "d") == [*WHOLE]
    second = child(one)
    assert done(one, "e", place={**PLACE, "workers_on_node": 2}) == [*WHOLE]
    assert len({pid, second, child(one)}) == 3
    assert not lives(second)
    one.close()
    assert not lives(child(one))


def test_a_worker_without_a_work_ends(attendant, monkeypatch):
    monkeypatch.setattr(attending, "IDLE", 0.2)
    one = attendant()
    done(one, "a")
    pid = child(one)
    wait_until(lambda: not lives(pid))
    assert done(one, "b") == [*WHOLE]  # and another comes


def test_a_work_that_is_not_wanted_any_more_is_ended(attendant):
    one, seen = attendant(), []

    def wanted():
        seen.append(one._supervisor.pid)
        return len(seen) < 3

    told = done(one, "a", "spin", wanted=wanted)
    assert "lost" not in told
    assert not lives(seen[0])


def test_closing_ends_what_goes_on_in_another_thread(attendant):
    one, told = attendant(), []
    work = Work("a", "g", {"how": "spin"})
    thread = threading.Thread(
        target=lambda: told.extend(e.told for e in one.attend(BUNDLE, work, PLACE))
    )
    thread.start()
    wait_until(lambda: one._supervisor and one._supervisor.work)
    pid = child(one)
    one.close()
    thread.join(10)
    assert not thread.is_alive()
    assert not lives(pid)


def test_the_thread_that_has_a_work_done_may_end(attendant):
    """The system ends a worker with the thread that started it; a kept one has to outlive that."""
    one, told, workers = attendant(), [], []
    for _ in range(2):
        thread = threading.Thread(target=lambda: told.append(done(one, "a")))
        thread.start()
        thread.join(30)
        time.sleep(0.3)  # the system takes a moment to end what it ends
        workers.append(child(one))
        assert lives(child(one))
    assert told == [[*WHOLE]] * 2
    assert len(set(workers)) == 1
