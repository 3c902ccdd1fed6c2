"""The namespace on frames: either order of imports, no library imported, nothing kept alive, clean on reload."""

import subprocess
import sys
import textwrap

import pytest


def run(program: str) -> None:
    preamble = """
        import gc, importlib.util, sys, threading, types, warnings, weakref
        warnings.simplefilter("error")
        class Accessor:
            def __init__(self, frame): self.frame = frame
            def upsert(self): return len(self.frame)
        dummy = types.ModuleType("dummy"); dummy.Accessor = Accessor
        sys.modules["dummy"] = dummy
        from qframe.frames.registration import install
        def go(): install("dummy:Accessor", "qd")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(preamble) + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


LIBRARIES = {"polars": "pl.DataFrame({'x': [1, 2]})", "pandas": "pl.DataFrame({'x': [1, 2]})"}


@pytest.mark.parametrize(("library", "frame"), LIBRARIES.items())
@pytest.mark.parametrize("first", ["go(); import {library} as pl", "import {library} as pl; go()"])
def test_either_order(library, frame, first):
    run(f"""
        {first.format(library=library)}
        frame = {frame}
        assert frame.qd.upsert() == 2
        assert frame.qd.frame is frame
        assert pl.DataFrame.qd is Accessor
        assert "qd" in dir(frame) and "upsert" in dir(frame.qd)
        assert pl.__spec__.loader.__class__.__module__.partition(".")[0] != "qframe"
        assert pl.__loader__ is pl.__spec__.loader
    """)


def test_lazy_frames_too():
    run("""
        go(); import polars as pl
        lazy = pl.LazyFrame({"x": [1]})
        assert lazy.qd.frame is lazy and "qd" in dir(lazy)
        assert pl.LazyFrame.qd is Accessor
    """)


@pytest.mark.parametrize("first", ["go(); import polars as pl", "import polars as pl; go()"])
def test_lazy_frames_may_have_another(first):
    run(f"""
        class Lazy(Accessor): pass
        dummy.Lazy = Lazy
        def go(): install("dummy:Accessor", "qd", lazy="dummy:Lazy")
        {first}
        assert pl.LazyFrame.qd is Lazy and pl.DataFrame.qd is Accessor
        import pandas
        assert pandas.DataFrame.qd is Accessor
    """)


def test_nothing_is_imported():
    run("""
        go()
        heavy = {"polars", "pandas", "numpy", "pyarrow", "qframe.verbs"}
        assert not heavy & set(sys.modules), heavy & set(sys.modules)
        assert importlib.util.find_spec("polars") is not None
        assert "polars" not in sys.modules
        import polars
        assert "pandas" not in sys.modules
    """)


@pytest.mark.parametrize(("library", "frame"), LIBRARIES.items())
def test_frames_are_freed(library, frame):
    run(f"""
        go(); import {library} as pl
        gc.disable()
        frame = {frame}
        frame.qd
        gone = weakref.ref(frame)
        del frame
        assert gone() is None
    """)


def test_a_new_accessor_at_each_access():
    run("""
        go(); import polars as pl, pandas as pd
        for frame in (pl.DataFrame({"x": [1]}), pd.DataFrame({"x": [1]})):
            assert frame.qd is not frame.qd
            assert "qd" not in vars(frame)
    """)


def test_installing_again_and_reloading_leaves_one_and_warns_of_nothing():
    run("""
        import polars as pl
        go(); go()
        import qframe.frames.registration as registration
        importlib.reload(registration).install("dummy:Accessor", "qd")
        del sys.modules["qframe.frames.registration"]
        import qframe.frames.registration as again
        again.install("dummy:Accessor", "qd")
        import pandas as pd
        finders = [f for f in sys.meta_path if type(f).__module__ == registration.__name__]
        assert len(finders) == 1
        assert pl.DataFrame({"x": [1]}).qd.upsert() == 1
        assert pd.DataFrame({"x": [1]}).qd.upsert() == 1
        import qframe
        importlib.reload(qframe)
    """)


def test_another_package_s_namespace_is_warned_of():
    run("""
        import polars as pl
        @pl.api.register_dataframe_namespace("qd")
        class Other:
            def __init__(self, frame): pass
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            go()
        assert any("qd" in str(warning.message) for warning in caught)
    """)


def test_beside_another_post_import_hook():
    run("""
        class Hook:
            def find_spec(self, name, path=None, target=None):
                if name != "polars" or getattr(self, "on", False): return None
                self.on = True
                try: return importlib.util.find_spec(name)
                finally: self.on = False
        sys.meta_path.insert(0, Hook())
        go()
        sys.meta_path.insert(0, Hook())
        import polars as pl
        assert pl.DataFrame({"x": [1]}).qd.upsert() == 1
    """)


def test_imported_by_two_threads_while_installing():
    run("""
        threads = [threading.Thread(target=lambda: importlib.import_module("polars")) for _ in range(2)]
        threads.append(threading.Thread(target=go))
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        import polars as pl
        assert pl.DataFrame({"x": [1]}).qd.upsert() == 1
        assert pl.LazyFrame({"x": [1]}).qd is not None
    """)


def test_the_accessor_is_imported_when_it_is_used():
    run("""
        import polars as pl
        install("dummy_later:Accessor", "qd")
        sys.modules["dummy_later"] = dummy
        assert pl.DataFrame({"x": [1]}).qd.upsert() == 1
    """)
