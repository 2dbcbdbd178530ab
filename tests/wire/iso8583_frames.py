"""Frames of ISO 8583 hosts and terminals, with what they hold.

Collected from public documents and code; each was decoded by two other decoders before. Terminal
and merchant numbers are dummies. The key cryptograms are those that their authors published.
"""

from __future__ import annotations

from typing import NamedTuple

from posdiag.model.site import Dialect, Framing
from posdiag.wire.iso8583 import Layout


class Frame(NamedTuple):
    """One frame as it was on the line; ``framing`` is None where its length was not published."""

    name: str
    role: str
    event: str
    source: str
    framing: Framing | None
    layout: Layout
    mti: str
    fields: dict[int, str]
    dropped: dict[int, int]
    hex: str

    @property
    def data(self) -> bytes:
        return bytes.fromhex(self.hex)

    @property
    def body(self) -> bytes:
        """The message without its length."""
        sizes = {None: 0, Framing.ASCII4: 4, Framing.HEX4: 4}
        return self.data[sizes.get(self.framing, 2) :]


BARE = Layout(Dialect.UNIONPAY)
UNIONPAY = Layout(Dialect.UNIONPAY, tpdu=True, header_size=6)
TEXT = Layout(Dialect.ISO1987)
BASE24 = Layout(Dialect.ISO1987, header_size=12)
RAW = Layout(Dialect.ISO1987, header_size=10, raw_bitmap=True)
EBCDIC = Layout(Dialect.ISO1987_BCD, ebcdic=True)
HYPERCOM = Layout(Dialect.HYPERCOM, tpdu=True)
TEXT_1993 = Layout(Dialect.ISO1993)
PACKED_1993 = Layout(Dialect.ISO1993_BCD, tpdu=True)

FRAMES = [
    Frame(
        "V01",
        "terminal",
        "sign-on request, 003",
        "README of ysutommy/iso8583-es",
        None,
        BARE,
        "0800",
        {11: "000456", 41: "12345678", 42: "123456789012345", 60: "00123456003", 63: "03"},
        {},
        "08000020000000C0001200045631323334353637383132333435363738393031323334350011001234560030"
        "00023033",
    ),
    Frame(
        "V02",
        "terminal",
        "sign-on request, 001, operator of 2 characters",
        "Groovy jPOS demo by yinheli",
        None,
        BARE,
        "0800",
        {11: "000001", 41: "12345678", 42: "000000000000001", 60: "00000001001", 63: "01"},
        {},
        "08000020000000C0001200000131323334353637383030303030303030303030303030310011000000010010"
        "00023031",
    ),
    Frame(
        "V03",
        "terminal",
        "sign-on request, 003, device in F62",
        "CSDN weixin_40582843/90042949",
        Framing.BINARY2,
        UNIONPAY,
        "0800",
        {
            11: "000074",
            41: "12345678",
            42: "123456789123456",
            60: "00000000003",
            62: "Sequence No249491000001041812CA859291",
            63: "123",
        },
        {},
        "0063600049000060320032050108000020000000C00016000074313233343536373831323334353637383931"
        "32333435360011000000000030003753657175656E6365204E6F323439343931303030303031303431383132"
        "43413835393239310003313233",
    ),
    Frame(
        "V04",
        "terminal",
        "sign-on request, 003",
        "Kotlin sample (filterSpace/getByteLength)",
        None,
        UNIONPAY,
        "0800",
        {
            11: "000021",
            41: "12345676",
            42: "123456789012345",
            60: "00000001003",
            62: "Sequence No1630810385NL247536",
            63: "01 ",
        },
        {},
        "600003000060310031543208000020000000C000160000213132333435363736313233343536373839303132"
        "3334350011000000010030002953657175656E6365204E6F313633303831303338354E4C3234373533360003"
        "303120",
    ),
    Frame(
        "V05",
        "terminal",
        "sign-on request, 003",
        "Easy8583Ans README",
        Framing.BINARY2,
        UNIONPAY,
        "0800",
        {
            11: "000001",
            41: "99999906",
            42: "001430170119999",
            60: "00000000003",
            62: "Sequence No12306099999906",
            63: "001",
        },
        {},
        "0057600501000061310031110808000020000000C00016000001393939393939303630303134333031373031"
        "31393939390011000000000030002553657175656E6365204E6F313233303630393939393939303600033030"
        "31",
    ),
    Frame(
        "V06",
        "host",
        "sign-on answer with two keys",
        "Easy8583Ans README",
        Framing.BINARY2,
        UNIONPAY,
        "0810",
        {
            11: "500211",
            12: "221301",
            13: "0720",
            32: "00085500",
            37: "221301491329",
            39: "00",
            41: "99999906",
            42: "001430170119999",
            60: "00000519003",
        },
        {62: 40},
        "007960000001386131003111080810003800010AC00014500211221301072008000855003232313330313439"
        "31333239303039393939393930363030313433303137303131393939390011000005190030004046F161A743"
        "497B32EAC760DF5EA57DF5900ECCE3977731A7EA402DDF0000000000000000CFF1592A",
    ),
    Frame(
        "V07",
        "terminal",
        "sign-on request, 001, letters in MID",
        "Java test (CilRateRecUtil)",
        Framing.BINARY2,
        UNIONPAY,
        "0800",
        {11: "021806", 41: "20121206", 42: "SpecRoute121206", 60: "00000001001", 63: "003"},
        {},
        "003C600000973360220000000008000020000000C00012021806323031323132303653706563526F75746531"
        "323132303600110000000100100003303033",
    ),
    Frame(
        "V08",
        "host",
        "sign-on answer with three keys",
        "C unit test testUnpackISO8583Msg",
        None,
        UNIONPAY,
        "0810",
        {
            11: "000016",
            12: "144149",
            13: "0303",
            32: "12345678",
            37: "000000013449",
            39: "00",
            41: "12345678",
            42: "123456789012345",
            60: "00000085004",
        },
        {62: 60},
        "60052100006031000000000810003800010AC000140000161441490303081234567830303030303030313334"
        "343930303132333435363738313233343536373839303132333435001100000085004000606F3FB56EB7F7B2"
        "DF00657E864E9249C89CA2C689380B88B845D2DF350000000000000000A246BBB86F3FB56EB7F7B2DF00657E"
        "864E9249C89CA2C689",
    ),
    Frame(
        "V09",
        "terminal",
        "sign-on request with F12 and F13",
        "Java8583 QuickStart",
        Framing.BINARY2,
        UNIONPAY,
        "0800",
        {
            11: "000172",
            12: "170510",
            13: "0510",
            41: "12345678",
            42: "123456789012345",
            60: "00000172003",
            63: "CUP",
        },
        {},
        "0041600000000060220000000008000038000000C00012000172170510051031323334353637383132333435"
        "3637383930313233343500110000017200300003435550",
    ),
    Frame(
        "V10",
        "host",
        "sign-on answer with two keys of 16 bytes",
        "Java8583 QuickStart",
        Framing.BINARY2,
        UNIONPAY,
        "0810",
        {
            11: "000172",
            12: "100141",
            13: "0510",
            32: "03099988",
            37: "051000000203",
            39: "00",
            41: "12345678",
            42: "123456789012345",
            60: "00000042003",
        },
        {62: 40},
        "007960000000006022000000000810003800010AC00014000172100141051008030999883035313030303030"
        "30323033303031323334353637383132333435363738393031323334350011000000420030004051DBA323AF"
        "60599287F61C7E5A9484AEEF8DE29BD3E614FCB51122D4E9B84E2A608CD9C2A4DAABF2",
    ),
    Frame(
        "V11",
        "terminal",
        "echo request",
        "C POS firmware, transaction enum TTYPE_ECHO_TESTING",
        None,
        UNIONPAY,
        "0820",
        {41: "12345678", 42: "123456789012345", 60: "00000001301"},
        {},
        "600006000060320099000208200000000000C000103132333435363738313233343536373839303132333435"
        "0011000000013010",
    ),
    Frame(
        "V12",
        "terminal",
        "Hypercom style, length in BCD, NII in F24, no header",
        "issue 52 of juks/iso-8583-socket-queue",
        Framing.BCD2,
        HYPERCOM,
        "0800",
        {3: "920000", 11: "000019", 12: "082906", 13: "0702", 24: "068", 41: "37100013"},
        {},
        "0036600010000008002038010000800000920000000019082906070200683337313030303133",
    ),
    Frame(
        "V13",
        "terminal",
        "key request, bytes in F63",
        "README of ralvescosta/digital-payments",
        None,
        BARE,
        "0800",
        {
            3: "810000",
            11: "000001",
            12: "084909",
            13: "0522",
            43: "SAV00Z057631    SAVNGX100110020000      ",
        },
        {63: 11},
        "08002038000000200002810000000001084909052253415630305A303537363331202020205341564E475831"
        "30303131303032303030302020202020200011010008B9F3F723CA3CD2F8",
    ),
    Frame(
        "V14",
        "terminal",
        "smallest packed message",
        "Stack Overflow 21282257",
        None,
        BARE,
        "0800",
        {3: "000000", 11: "000001", 41: "29110001"},
        {},
        "080020200000008000000000000000013239313130303031",
    ),
    Frame(
        "V15",
        "host",
        "sign-on answer, packed digits, F39 in EBCDIC, two bitmaps",
        "Stack Overflow 11421574",
        None,
        EBCDIC,
        "0810",
        {7: "0501130427", 11: "000005", 39: "00", 70: "001"},
        {},
        "0810822000000200000004000000000000000501130427000005F0F00001",
    ),
    Frame(
        "V16",
        "terminal",
        "sign-on in ASCII, raw bitmaps, header of 10 characters",
        "Stack Overflow: Understanding ISO 8583 messaging log",
        Framing.BINARY2,
        RAW,
        "0820",
        {11: "362910", 12: "102957", 13: "1031", 41: "10000005", 70: "001"},
        {48: 31},
        "005B303131303030303030303038323080380000008100000400000000000000333632393130313032393537"
        "3130333131303030303030353033315355323031313130333131303239353732303131313033313130323935"
        "3733303031",
    ),
    Frame(
        "V17",
        "terminal",
        "echo request in ASCII",
        "C# sample client",
        None,
        TEXT,
        "0800",
        {7: "0903185110", 11: "022466", 70: "301"},
        {},
        "3038303038323230303030303030303030303030303430303030303030303030303030303039303331383531"
        "3130303232343636333031",
    ),
    Frame(
        "V18",
        "terminal",
        "echo request in ASCII, length of 4 digits",
        "PHP ISO8583 parser test",
        Framing.ASCII4,
        TEXT,
        "0800",
        {7: "0925105308", 11: "000051", 70: "301"},
        {},
        "3030353530383030383232303030303030303030303030303034303030303030303030303030303030393235"
        "313035333038303030303531333031",
    ),
    Frame(
        "V19",
        "host",
        "BASE24 echo answer",
        "Java test hr.kaba.olb",
        None,
        BASE24,
        "0810",
        {7: "1103065537", 11: "000001", 39: "00", 70: "301"},
        {},
        "49534F3030363030303031353038313038323230303030303032303030303030303430303030303030303030"
        "30303030313130333036353533373030303030313030333031",
    ),
    Frame(
        "V20",
        "terminal",
        "BASE24 sign-on, length of 4 digits",
        "PHP App_Socket worker",
        Framing.ASCII4,
        BASE24,
        "0800",
        {7: "0904072533", 11: "101033", 70: "001"},
        {},
        "3030363749534F30303630303030373530383030383232303030303030303030303030303034303030303030"
        "303030303030303030393034303732353333313031303333303031",
    ),
    Frame(
        "C1",
        "terminal",
        "echo request",
        "built from the field tables",
        Framing.BINARY2,
        UNIONPAY,
        "0820",
        {41: "12345678", 42: "123456789012345", 60: "00000001301"},
        {},
        "0034600003000060220000000008200000000000C00010313233343536373831323334353637383930313233"
        "34350011000000013010",
    ),
    Frame(
        "C2",
        "host",
        "echo answer, TPDU swapped",
        "built from the field tables",
        Framing.BINARY2,
        UNIONPAY,
        "0830",
        {
            12: "093015",
            13: "1123",
            39: "00",
            41: "12345678",
            42: "123456789012345",
            60: "00000001301",
        },
        {},
        "003B600000000360220000000008300018000002C00010093015112330303132333435363738313233343536"
        "3738393031323334350011000000013010",
    ),
    Frame(
        "C3",
        "host",
        "sign-on refused, no keys",
        "built from the field tables",
        Framing.BINARY2,
        UNIONPAY,
        "0810",
        {
            11: "000001",
            12: "093015",
            13: "1123",
            32: "00000000",
            37: "093015000001",
            39: "97",
            41: "12345678",
            42: "123456789012345",
            60: "00000001003",
        },
        {},
        "004F60000000036022000000000810003800010AC00010000001093015112308000000003039333031353030"
        "30303031393731323334353637383132333435363738393031323334350011000000010030",
    ),
    Frame(
        "C4",
        "terminal",
        "status upload, printer faulty",
        "built from the field tables",
        Framing.BINARY2,
        UNIONPAY,
        "0820",
        {
            41: "12345678",
            42: "123456789012345",
            60: "00000001362",
            62: "0110210310400511160126013314"
            "              15              16              17              18"
            "01900200211233251271051000000000000",
        },
        {},
        "00B5600003000060220000000008200000000000C00014313233343536373831323334353637383930313233"
        "3435001100000001362001273031313032313033313034303035313131363031323630313333313420202020"
        "2020202020202020202031352020202020202020202020202020313620202020202020202020202020203137"
        "2020202020202020202020202020313830313930303230303231313233333235313237313035313030303030"
        "30303030303030",
    ),
    Frame(
        "C5",
        "terminal",
        "sign-off request",
        "built from the field tables",
        Framing.BINARY2,
        UNIONPAY,
        "0820",
        {11: "000009", 41: "12345678", 42: "123456789012345", 60: "00000001002"},
        {},
        "0037600003000060220000000008200020000000C00010000009313233343536373831323334353637383930"
        "31323334350011000000010020",
    ),
    Frame(
        "C6",
        "host",
        "sign-on granted without keys, host wants another sign-on",
        "built from the field tables",
        Framing.BINARY2,
        UNIONPAY,
        "0810",
        {
            11: "000001",
            12: "093015",
            13: "1123",
            32: "00000000",
            37: "093015000001",
            39: "00",
            41: "12345678",
            42: "123456789012345",
            60: "00000002003",
        },
        {},
        "004F60000000036022030000000810003800010AC00010000001093015112308000000003039333031353030"
        "30303031303031323334353637383132333435363738393031323334350011000000020030",
    ),
    Frame(
        "C7",
        "terminal",
        "Hypercom style echo request",
        "built from the field tables",
        Framing.BINARY2,
        HYPERCOM,
        "0800",
        {3: "990000", 11: "000051", 24: "003", 41: "12345678"},
        {},
        "001F60000300000800202001000080000099000000005100033132333435363738",
    ),
    Frame(
        "C8",
        "host",
        "Hypercom style echo answer",
        "built from the field tables",
        Framing.BINARY2,
        HYPERCOM,
        "0810",
        {3: "990000", 11: "000051", 12: "093015", 13: "1123", 24: "003", 39: "00", 41: "12345678"},
        {},
        "00266000000003081020380100028000009900000000510930151123000330303132333435363738",
    ),
    Frame(
        "C9",
        "terminal",
        "echo request of 1993 in ASCII",
        "built from the field tables",
        Framing.ASCII4,
        TEXT_1993,
        "1804",
        {11: "000051", 12: "261123093015", 24: "831"},
        {},
        "3030343131383034303033303031303030303030303030303030303035313236313132333039333031353833"
        "31",
    ),
    Frame(
        "C10",
        "host",
        "echo answer of 1993 in ASCII",
        "built from the field tables",
        Framing.ASCII4,
        TEXT_1993,
        "1814",
        {11: "000051", 12: "261123093015", 24: "831", 39: "800"},
        {},
        "3030343431383134303033303031303030323030303030303030303035313236313132333039333031353833"
        "31383030",
    ),
    Frame(
        "C11",
        "host",
        "echo answer of 1993, packed",
        "built from the field tables",
        Framing.BINARY2,
        PACKED_1993,
        "1814",
        {11: "000051", 12: "261123093015", 24: "831", 39: "800"},
        {},
        "001C60000000031814003001000200000000005126112309301508310800",
    ),
]


def frame(name: str) -> Frame:
    """Return one of them."""
    return next(one for one in FRAMES if one.name == name)
