"""Write ``conf/defaults.toml`` from the models of ``segue.settings``; run it after a change of a setting."""

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "lib"))

from segue.settings.loading import defaults_toml  # noqa: E402

if __name__ == "__main__":
    (PROJECT / "conf" / "defaults.toml").write_text(defaults_toml(), encoding="utf-8")
