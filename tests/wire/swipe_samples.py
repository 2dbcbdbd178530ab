"""Ten swipes and more, as readers type or send them. Test numbers only."""

from __future__ import annotations

from posdiag.wire.tracks import checksum

PAN = "6200000000000005"
PAN_19 = "6200000000000000000"
TRACK_1 = f"B{PAN}^TEST/CARD^4912101"
TRACK_2 = f"{PAN}=4912101"

SWIPES = {
    "good": f"%{TRACK_1}?;{TRACK_2}?\r",
    "expired": f";{PAN}=2406101?\r",
    "wrong_checksum": f";{TRACK_2}?{'0' if checksum(2, TRACK_2) != '0' else '1'}\r",
    "luhn": ";6200000000000006=4912101?\r",
    "half_read": f";{TRACK_2[:-2]}\r",
    "marked": "%E?;E?\r",
    "wrong_layout": f"ö{PAN}´4912101_\r",
    "chip_card": f";{PAN}=4912201?\r",
    "blank": "%?;?\r",
    "digits_19": f";{PAN_19}=4912101?\r",
    "right_checksum": f"%{TRACK_1}?{checksum(1, TRACK_1)};{TRACK_2}?{checksum(2, TRACK_2)}\r",
    "one_track_marked": f"%{TRACK_1}?;E?\r",
    "framed": f"\x02\x1b;{TRACK_2}?\r\x03",
    "numbered": f"/1/%{TRACK_1}?/2/;{TRACK_2}?\r",
    "reported": "\x1bE02\r",
    "no_dates": f";{PAN}==101?\r",
    "track_3": f"+01{PAN}=1561560000?\r",
    "no_month": f";{PAN}=4913101?\r",
    "started_late": f"{PAN[8:]}=4912101?\r",
}
