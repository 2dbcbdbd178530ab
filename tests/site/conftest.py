"""A small table of facts, so that tests do not hang on the wording of the shipped one."""

from __future__ import annotations

import pytest

from posdiag.site.facts import FactTable, read_fact_table

TABLE = """
[screen]
type = "text"
part = "terminal"
question = { en = "What does the screen say?", zh = "屏幕显示什么？" }

[menu_timer]
type = "number"
unit = "s"
min = 1
max = 900
part = "terminal"
question = { en = "Which waiting time is set?", zh = "超时时间是多少？" }

[menu_port]
type = "number"
integer = true
min = 1
max = 65535
question = { en = "Which port is set?", zh = "端口是多少？" }

[menu_host]
type = "text"
question = { en = "Which address is set?", zh = "主机地址是什么？" }

[menu_nii]
type = "text"
question = { en = "Which TPDU or NII is set?", zh = "TPDU 是什么？" }

[menu_mid]
type = "text"
question = { en = "Which merchant number is set?", zh = "商户号是什么？" }

[menu_comm_mode]
type = "choice"
choices = ["eth", "dial", "wifi"]
question = { en = "Which way of communication is set?", zh = "通讯方式是什么？" }

[paper]
type = "choice"
choices = ["enough", "near_end", "none"]
question = { en = "Is there paper?", zh = "有纸吗？" }

[prompt_left]
type = "yes_no"
question = { en = "Was a question left unanswered?", zh = "有提示没有操作吗？" }

[wifi_dbm]
type = "number"
unit = "dBm"
max = 0
question = { en = "How strong is the Wi-Fi?", zh = "Wi-Fi 信号多强？" }

[clock_off_minutes]
type = "number"
unit = "min"
min = 0
max = 20000000
question = { en = "By how many minutes is the clock off?", zh = "时间相差多少分钟？" }

[failed_hour]
type = "number"
unit = "hour"
integer = true
min = 0
max = 23
question = { en = "At which hour did it fail?", zh = "几点失败的？" }
"""


@pytest.fixture(scope="session")
def facts() -> FactTable:
    return read_fact_table(TABLE)
