"""A small knowledge base on disk, right in every respect, to be broken in one."""

from __future__ import annotations

from pathlib import Path

META = """
version = "1"
kappa = 0.19
nff_share = 120
other_share = 40
other_s = 0.9
epsilon = 0.01
family_rho = 0.0
other_mix_uniform = 0.15
[other_shifts]
lamp = [0.2, 0.3, 0.5]
[pairs]
plug_out__host_mute = 0.5
[groups]
operator = { en = "Operating", zh = "操作" }
network = { en = "Network", zh = "网络" }
device = { en = "Device", zh = "设备" }
host = { en = "Host", zh = "主机" }
card = { en = "Card", zh = "卡" }
settings = { en = "Settings", zh = "设置" }
security = { en = "Security", zh = "安全" }
"""

NETWORK = """
[[cause]]
id = "plug_out"
title = { en = "Plug is out", zh = "插头脱落" }
share = 25
s = 0.9
classes = ["eth", "wifi"]
mult = { eth = 2.0 }
rationale = "it falls out"
source = "expert guess"
confusable = ["host_mute"]
workaround = { en = "Use the other one.", zh = "用另一台。" }
warning = { en = "loose plugs", zh = "插头松动" }
test = { text = { en = "look", zh = "看一下" }, seconds = 5, actor = "merchant" }
[cause.shifts]
lamp = [0.05, 0.05, 0.9]
[[cause.fixes]]
id = "plug_out_plug_in"
text = { en = "Plug it in", zh = "插好" }
minutes = 2
actor = "merchant"
works = 0.9
"""

HOST = """
[[cause]]
id = "host_mute"
title = { en = "Host is mute", zh = "主机无应答" }
share = 10
s = 0.9
rationale = "it breaks"
source = "expert guess"
workaround = { en = "Wait.", zh = "等待。" }
warning = { en = "slow answers", zh = "应答变慢" }
test = { text = { en = "ask it", zh = "问一下" }, seconds = 5, actor = "technician" }
[[cause.fixes]]
id = "host_mute_call"
text = { en = "Call them", zh = "打电话" }
minutes = 20
actor = "acquirer"
works = 0.9
"""

LAMP = """
[[variable]]
id = "lamp"
title = { en = "Lamp", zh = "指示灯" }
family = "link"
levels = ["on", "blinks", "off"]
base = [0.9, 0.06, 0.04]
seconds = 2
blocking = ["off"]
ask = "lamp"
source = "expert guess"
[[variable.readings]]
type = "codes"
observation = "fact.lamp"
codes = { on = "on", off = "off" }
[[variable.readings]]
type = "threshold"
observation = "lamp.level"
cuts = [1.0, 2.0]
levels = ["off", "blinks", "on"]
failures = { silent = "off" }
[[variable.readings]]
type = "proportion"
count = "lamp.dark"
total = "lamp.looks"
rates = [0.01, 0.3, 0.9]
[[variable.readings]]
type = "comparison"
compared = { "fact.lamp" = "lamp" }
match = "on"
differs = "off"
[[variable.readings]]
type = "stage"
steps = [{ observation = "lamp.level", level = "off" }]
passed = "on"
[[variable.readings]]
type = "ratio"
observations = ["lamp.level"]
required = "lamp.level"
limit = "fact.lamp"
cuts = [1.0]
levels = ["off", "on"]
[[variable.readings]]
type = "excess"
observation = "lamp.level"
upstream = ["lamp.before"]
cuts = [1.5]
levels = ["off", "on"]
[[variable.readings]]
type = "date_margin"
observation = "lamp.days"
cuts = [30.0]
levels = ["off", "on"]
[variable.says]
on = { en = "lamp {subject} on", zh = "灯 {subject} 亮" }
blinks = { en = "lamp blinks ({value})", zh = "灯闪（{value}）" }
off = { en = "lamp off: {detail}", zh = "灯灭：{detail}" }
"""

ECHO = """
[[variable]]
id = "echo"
title = { en = "Echo", zh = "回响" }
family = "app"
levels = ["ok", "silent"]
base = [0.95, 0.05]
seconds = 9
needs = ["lamp"]
source = "expert guess"
readings = [{ type = "message", observation = "fact.screen", unknown = "silent", known = "ok" }]
[variable.says]
ok = { en = "echo", zh = "有应答" }
silent = { en = "no echo", zh = "无应答" }
[shifts.host_mute]
echo = [0.1, 0.9]
"""

MESSAGES = """
[[message]]
id = "no_answer"
family = "line"
wordings = ["NO ANSWER", "无应答"]
meaning = { en = "Nobody answers", zh = "无应答" }
source = "unconfirmed"
[message.says]
echo = { silent = 1.0, ok = 0.1 }
"""

FILES = {
    "meta.toml": META,
    "causes/host.toml": HOST,
    "causes/network.toml": NETWORK,
    "evidence/echo.toml": ECHO,
    "evidence/lamp.toml": LAMP,
    "messages/line.toml": MESSAGES,
}


def write_folder(folder: Path, changes: dict[str, tuple[str, str]] | None = None) -> Path:
    """Write the files, each change an old and a new text in one of them; an empty file is left out.

    Raises:
        AssertionError: the old text is not there exactly once, so that no test breaks nothing.
    """
    for name, text in FILES.items():
        old, new = (changes or {}).get(name, ("", ""))
        if old:
            assert text.count(old) == 1, (name, old, text.count(old))
        whole = text.replace(old, new) if old else text
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(whole, encoding="utf-8")
    return folder
