"""Plays trials, several at a time: those that must be alone on nodes are lent some, the others share what is common."""

import importlib
import os
import pkgutil
import threading
import time
import traceback

from place import LeftOut, Trial, until

# How many trials are played at once. Nearly all of their time is waiting.
AT_ONCE = 20


class Plot:
    """Nodes that one trial has for itself, with a partition of their own; or the common ones."""

    def __init__(self, partition, nodes, is_common=False):
        self.partition, self.nodes, self.is_common = partition, nodes, is_common


COMMON = Plot("common", ["n1", "n2", "n3", "n4"], is_common=True)
PLOTS = [
    Plot("own1", ["n5"]), Plot("own2", ["n6"]), Plot("own3", ["n7"]), Plot("own4", ["n8"]),
    Plot("three1", ["n9", "n10", "n11"]), Plot("three2", ["n12", "n13", "n14"]),
]

KNOWN = []


class Play:
    """A trial as it is known: what is played, its name, how many nodes it wants for itself, and whether it takes long."""

    def __init__(self, act, topic, nodes, is_long):
        self.act, self.topic, self.nodes, self.is_long = act, topic, nodes, is_long
        self.name = f"{topic}.{act.__name__}"


def trial(nodes=0, is_long=False):
    """Marks a function as a trial. It takes a Trial; what it tries is said in its text."""
    def known(act):
        assert act.__doc__, act
        KNOWN.append(Play(act, act.__module__.rsplit(".", 1)[-1], nodes, is_long))
        return act
    return known


def all_trials():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "trials")
    for module in sorted(found.name for found in pkgutil.iter_modules([folder])):
        importlib.import_module(f"trials.{module}")
    return KNOWN


class Stage:
    """Plays trials on a service and remembers how they went."""

    def __init__(self, service, differences, say):
        self.service, self.differences, self.say = service, differences, say
        self.free, self.turn = list(PLOTS), threading.Condition()
        self.held, self.failed, self.left_out = [], [], []

    def play(self, plays):
        # Long ones first, so that nobody waits for the last; then those that have to wait for nodes.
        self.waiting = sorted(plays, key=lambda play: (not play.is_long, -play.nodes))
        threads = [threading.Thread(target=self.work, daemon=True) for _ in range(min(AT_ONCE, len(plays)))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def work(self):
        while True:
            found = self.next()
            if found is None:
                return
            play, plot = found
            try:
                self.play_one(play, plot)
            finally:
                with self.turn:
                    if not plot.is_common:
                        self.free.append(plot)
                    self.turn.notify_all()

    def next(self):
        """The next trial whose nodes are free, with its nodes; None when none is left."""
        with self.turn:
            while self.waiting:
                for play in self.waiting:
                    plot = COMMON if not play.nodes else next((plot for plot in self.free if len(plot.nodes) == play.nodes), None)
                    if plot:
                        self.waiting.remove(play)
                        if not plot.is_common:
                            self.free.remove(plot)
                        return play, plot
                self.turn.wait()
        return None

    def play_one(self, play, plot):
        began = time.monotonic()
        trial = Trial(self.service, play.name, plot, self.differences.meets)
        wrong = []
        for part in (lambda: play.act(trial), trial.clear, lambda: self.leave(trial, plot)):
            try:
                part()
            except LeftOut as reason:
                self.tell(self.left_out, play, f"left out: {reason}")
                return
            except Exception as error:  # whatever it is, the other trials go on
                wrong.append(f"{where(error)} {type(error).__name__}: {str(error)[:1800]}")
        took = f"({time.monotonic() - began:.0f} s)"
        if wrong:
            self.tell(self.failed, play, f"FAILED {took} " + "; then ".join(wrong))
        else:
            self.tell(self.held, play, f"holds {took}")

    def leave(self, trial, plot):
        """Waits until the nodes that were lent are as they were."""
        if not plot.is_common:
            until(lambda: {name: trial.node(name)["state"] for name in plot.nodes},
                  lambda states: all(state == ["IDLE"] for state in states.values()), "the nodes to be idle again")

    def tell(self, pile, play, text):
        with self.turn:
            pile.append(play.name)
            self.say(f"  {play.name:<44} {text}")


def where(error):
    """The line of a trial in which something went wrong."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if f"{os.sep}trials{os.sep}" in frame.filename]
    return f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
